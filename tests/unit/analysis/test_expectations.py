"""What accuracy to expect of a network: the figures that ship, and those of one's own runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mnist_core.analysis import expectations
from mnist_core.analysis.expectations import ShippedFigure, own_accuracies, read_figures, shipped_figures, write_figures
from mnist_core.architectures import presets
from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store
from mnist_core.sweeps import training_seconds


@pytest.fixture
def other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty place for the shipped figures."""
    monkeypatch.setattr(expectations, "SHIPPED_FIGURES", tmp_path / "expected.csv")
    shipped_figures.cache_clear()
    yield tmp_path / "expected.csv"
    shipped_figures.cache_clear()


def test_every_shipped_figure_is_of_a_preset_as_it_is_now() -> None:
    figures = read_figures(expectations.SHIPPED_FIGURES)
    assert figures == shipped_figures()
    assert {"softmax", "mlp-300", "lenet-5"} <= figures.keys()
    for name, figure in figures.items():
        # Better than chance, and no error of a factor 100; half of the scores of this one get no gradient.
        assert all(0.2 < accuracy < 1 for accuracy in figure.accuracies), name
        assert figure.epochs == 3


def test_a_preset_without_a_figure_or_with_other_layers_has_none(other_file: Path) -> None:
    assert shipped_figures() == {}
    softmax = presets()["softmax"].text
    write_figures(
        other_file,
        {
            "lenet-5": ShippedFigure("flatten linear(classes)", 3, (0.98,)),
            "softmax": ShippedFigure(softmax, 3, (0.91, 0.92)),
            "no-preset": ShippedFigure(softmax, 3, (0.9,)),
        },
    )
    shipped_figures.cache_clear()
    assert shipped_figures() == {"softmax": ShippedFigure(softmax, 3, (0.91, 0.92))}
    assert shipped_figures()["softmax"].accuracy == pytest.approx(0.915)


def test_own_accuracies_are_medians_of_honest_finished_runs_on_the_data_set(store: Store) -> None:
    def finished(accuracy: float | None, state: str = "finished", epoch: int = 2, **changes: object) -> None:
        run = store.enqueue(RunConfig(architecture="softmax").replace(**changes), claimed=True)
        store.finish(run, state, test_accuracy=accuracy, epoch=epoch, seconds=1.0)  # type: ignore[arg-type]

    for accuracy, epoch in ((0.90, 2), (0.92, 5), (0.10, 3)):
        finished(accuracy, epoch=epoch)
    finished(0.99, choose_on="test", validation_images=0)
    finished(0.5, dataset="mnist-5k")
    finished(0.3, state="diverged")
    finished(0.97, architecture="mlp-10")
    own = own_accuracies(store.runs(), "mnist")
    assert own.keys() == {"softmax", "mlp-10"}
    assert (own["softmax"].accuracy, own["softmax"].runs, own["softmax"].epochs) == (0.90, 3, (2, 5))


def test_the_time_of_an_epoch_is_that_of_own_runs_or_scaled_by_them(store: Store) -> None:
    wanted = [RunConfig(architecture=name, epochs=1) for name in ("softmax", "mlp-300")]
    guessed = training_seconds([], wanted)
    assert [time.own_runs for time in guessed] == [0, 0]
    run = store.enqueue(wanted[0].replace(epochs=4), claimed=True)
    store.finish(run, "finished", seconds=40.0, epoch=4, train_images=55_000)
    own, scaled = training_seconds(store.runs(), wanted)
    assert own.own_runs == 1
    assert own.seconds == pytest.approx(10, rel=0.1)
    assert scaled.own_runs == 0
    assert scaled.seconds == pytest.approx(guessed[1].seconds * 10 / guessed[0].seconds, rel=0.1)
