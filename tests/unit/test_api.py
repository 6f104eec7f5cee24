"""The Python API: quick to import; the example of the README works; errors name a remedy."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mnist_core
from mnist_core.analysis.stats.several import holm
from mnist_core.api import compare, load, plot, predict, train
from mnist_core.data import mnist_5k
from mnist_core.errors import ConfigError, DataError, StoreError
from mnist_core.store.run import Run
from mnist_core.store.store import Store

ROOT = Path(__file__).parents[2]
SMALL = {"dataset": "mnist-5k", "train_images": 500, "architecture": "softmax", "progress": False}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("api") / "results"


@pytest.fixture(scope="module")
def trained(lab: Path) -> tuple[Run, Run]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNIST_LAB_RESULTS", str(lab))
        return train(**SMALL, epochs=2, name="longer", tags=["lecture"]), train(**SMALL, epochs=1)


@pytest.fixture
def runs(trained: tuple[Run, Run], lab: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Run, Run]:
    """Two trained runs in the store that the environment names."""
    monkeypatch.setenv("MNIST_LAB_RESULTS", str(lab))
    return trained


def test_importing_the_package_is_light():
    script = "import mnist_core, sys; sys.exit(bool({'torch', 'pandas', 'plotly', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0
    assert {"train", "load", "predict", "compare", "plot"} == set(mnist_core.__all__) <= set(dir(mnist_core))
    with pytest.raises(AttributeError, match="tarin"):
        getattr(mnist_core, "tarin")  # noqa: B009


def test_train_returns_the_stored_run(runs: tuple[Run, Run]):
    first, second = runs
    assert (first.state, first.name, first.tags, first.config.epochs) == ("finished", "longer", ("lecture",), 2)
    assert Store.open().run(second.id) == second


def test_predict_gives_the_stored_answers(runs: tuple[Run, Run]):
    run = runs[0]
    images, labels = mnist_5k.read_mnist_5k()[1]
    probabilities = predict(run, images)
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (len(images), 10)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert np.mean(probabilities.argmax(axis=1) == labels) == pytest.approx(run.test_accuracy)
    # The run's own test images, for a run that is named by its number.
    assert np.array_equal(probabilities, predict(run.number))
    # One image without the axes for images and channels.
    assert np.allclose(predict(run.id, images[3, 0]), probabilities[3:4], atol=1e-6)
    assert np.array_equal(predict(run, images[:0]), np.empty((0, 10), np.float32))
    assert not np.array_equal(predict(run, epoch=1), probabilities)


def test_load_gives_a_torch_module(runs: tuple[Run, Run]):
    network = load(runs[0])
    assert sum(parameter.numel() for parameter in network.model.parameters()) == 7850
    assert network.shape == (1, 28, 28)


def test_compare_says_what_the_predictions_say(runs: tuple[Run, Run]):
    first, second = runs
    labels = mnist_5k.read_mnist_5k()[1][1]
    right = [predict(run).argmax(axis=1) == labels for run in runs]
    comparison = compare(first, second)
    row = comparison.table.iloc[0]
    assert (row["only_a"], row["only_b"]) == ((right[0] & ~right[1]).sum(), (right[1] & ~right[0]).sum())
    assert row["difference"] == pytest.approx(right[0].mean() - right[1].mean())
    assert str(comparison).startswith(f"1 · longer is right on {row['only_a']:,} image")
    assert "p " in str(comparison)
    third = train(**SMALL, epochs=1, seed=3)
    table = compare(first, second, third).table
    assert len(table) == 3
    alone = [compare(*pair).table.iloc[0] for pair in ((first, second), (first, third), (second, third))]
    assert table["p_alone"].tolist() == [row["p"] for row in alone]
    assert table["p"].tolist() == holm(table["p_alone"].to_numpy()).tolist()
    assert table[["low", "high"]].to_numpy().tolist() == [[row["low"], row["high"]] for row in alone]
    assert ((table["low"] > 0) | (table["high"] < 0)).tolist() == (table["p_alone"] <= 0.05).tolist()
    # The names of the columns say what the interval and p are about.
    assert "alone" in str(table)
    assert "Holm" in str(table)
    assert str(compare(first, second, third)).count("\n") == 2


def test_plot_draws_every_run(runs: tuple[Run, Run]):
    traces = plot(*runs, metric="accuracy").to_dict()["data"]
    names = {trace["meta"] for trace in traces if "meta" in trace}
    assert len(names) == 2


def test_errors_name_the_remedy(runs: tuple[Run, Run]):
    with pytest.raises(ConfigError, match="choose from dataset"):
        train(epoch=3)
    with pytest.raises(StoreError, match="names no run"):
        load(99)
    with pytest.raises(DataError, match="give uint8"):
        predict(runs[0], np.zeros((1, 28, 28)))
    with pytest.raises(DataError, match=r"takes \(N, 1, 28, 28\)"):
        predict(runs[0], np.zeros((3, 32, 32), np.uint8))
    with pytest.raises(StoreError, match="named twice"):
        compare(runs[0], runs[0])
    wrong: dict[str, list[Any]] = {"name": [5], "tags": ["abc", [1]]}
    wrong |= {"metric": ["loses"], "x": ["day"], "smoothing": [2, -1, "a"]}
    for field, value in ((field, value) for field, values in wrong.items() for value in values):
        with pytest.raises(ConfigError, match=f"^{field}: "):
            train(**SMALL, **{field: value}) if field in ("name", "tags") else plot(runs[0], **{field: value})
    queued = Store.open().enqueue(runs[0].config)
    with pytest.raises(StoreError, match="has no predictions yet"):
        compare(runs[0], queued)
    Store.open().delete([queued.id])
    with pytest.raises(StoreError, match="names no run"):
        load(queued)
    before = len(Store.open().runs())
    with pytest.raises(StoreError, match=r"failed: .*not in"):
        train(dataset="kmnist", progress=False)
    assert Store.open().runs()[0].state == "failed"
    assert len(Store.open().runs()) == before + 1


def test_the_example_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    section = (ROOT / "README.md").read_text().split("## From Python\n")[1].split("\n## ")[0]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), scope)
    output = capsys.readouterr().out
    assert {"train", "load", "predict", "compare", "plot"} <= scope.keys()
    assert "is right on" in output
    assert [path.name for path in tmp_path.glob("*.html")] == ["curves.html"]
    first, second = reversed(Store.open().runs())
    assert first.state == second.state == "finished"
