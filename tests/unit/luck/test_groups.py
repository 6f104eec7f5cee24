"""Questions of luck: queued, trained, stopped, resumed, found and deleted; their rows are no runs."""

import threading
from pathlib import Path

import pytest

from mnist_core import luck
from mnist_core.config.luck_part import LuckPart, SeedScores
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import ArchitectureError, ConfigError, StoreError
from mnist_core.jobs.worker import work
from mnist_core.luck.groups import LuckGroup
from mnist_core.store import concurrency
from mnist_core.store.store import Store
from tests.labs import trained_run

TINY = RunConfig(
    dataset="mnist-5k",
    architecture="linear-10",
    train_images=300,
    validation_images=100,
    epochs=1,
    batch_size=50,
    optimizer="sgd",
    learning_rate=0.01,
    device="cpu",
)


def train_all(store: Store) -> None:
    """Train what waits, in this process."""
    while run := store.claim():
        assert not list(work(store, run))


def asked(store: Store, seeds: int = 3, config: RunConfig = TINY, **how: object) -> LuckGroup:
    """A question whose seeds are trained."""
    group = luck.start_group(store, config, seeds, **how)  # pyright: ignore[reportArgumentType]
    train_all(store)
    return luck.load_group(store, group)


@pytest.mark.parametrize("architecture", ["linear-10", "flatten linear(12) dropout(0.3) relu linear(classes)"])
def test_each_seed_comes_to_what_its_own_run_comes_to(architecture: str, store: Store) -> None:
    config = TINY.replace(architecture=architecture, epochs=2, seed=4)
    group = asked(store, 3, config)
    assert (group.state, group.progress, group.seeds, group.test_images) == ("finished", 1.0, 3, 1000)
    assert [score.seed for score in group.scores] == [4, 5, 6]
    together = architecture == "linear-10"
    # Where seeds are trained together, that their last digits may differ is told.
    assert bool(group.notes) == together
    runs = [trained_run(store, config.replace(seed=seed)) for seed in (4, 5, 6)]
    for score, run in zip(group.scores, runs, strict=True):
        assert score.test_accuracy == run.test_accuracy
        assert score.test_loss == pytest.approx(run.test_loss, rel=1e-5)
        assert (score.validation_accuracy, score.best_epoch) == (run.validation_accuracy, run.best_epoch)


def test_its_rows_are_no_runs_to_compare_or_to_ask(store: Store) -> None:
    group = asked(store)
    run = trained_run(store, TINY)
    assert [each.id for each in store.runs()] == [run.id]
    assert [each.id for each in store.runs(digests=[TINY.digest()])] == [run.id]
    assert [each.id for each in store.runs_and_broken()[0]] == [run.id]
    assert [each.id for each in store.runs(luck=True)] == [part.id for part in group.parts]
    assert len(store.runs(luck=None)) == 1 + len(group.parts)
    assert [each.id for each in store.runs(ids=[group.parts[0].id])] == [group.parts[0].id]
    with pytest.raises(StoreError):
        store.find(str(group.parts[0].number))


def test_seeds_are_shared_among_the_places_in_whole_groups(store: Store) -> None:
    concurrency.set_runs_at_once(store, 2)
    config = TINY.replace(seed=7)
    parts = luck.load_group(store, luck.start_group(store, config, 90)).parts
    assert [(part.luck.first_seed, part.luck.seeds) for part in parts if part.luck] == [(7, 60), (67, 30)]
    assert [part.config.seed for part in parts] == [7, 67]
    assert {part.id for part in store.queue()} == {part.id for part in parts}
    few = luck.load_group(store, luck.start_group(store, config, 15)).parts
    assert [part.luck.seeds for part in few if part.luck] == [15]


def test_what_was_found_stays_when_it_is_stopped_and_is_not_trained_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnist_core.training.stacked._REPORT_SECONDS", 0.0)
    concurrency.set_runs_at_once(store, 1)
    group = luck.start_group(store, TINY, 25)
    part = store.claim()
    assert part
    interrupt = threading.Event()
    write = luck.write_scores

    def interrupting(*arguments: object) -> None:
        write(*arguments)  # pyright: ignore[reportArgumentType]
        interrupt.set()

    monkeypatch.setattr(luck, "write_scores", interrupting)
    list(work(store, part, interrupt))
    before = luck.load_group(store, group)
    assert (before.state, len(before.scores)) == ("interrupted", 20)
    assert before.progress == pytest.approx(20 / 25, abs=0.05)
    monkeypatch.setattr(luck, "write_scores", write)
    assert luck.resume_group(store, before) == 1
    train_all(store)
    after = luck.load_group(store, group)
    assert (after.state, [score.seed for score in after.scores]) == ("finished", list(range(25)))
    assert after.scores[:20] == before.scores
    assert after.seconds > before.seconds


def test_a_question_that_waits_is_stopped_and_deleted(store: Store) -> None:
    luck.start_group(store, TINY, 45, name="mine")
    group = luck.find_group(store, "mine")
    assert group.state == "queued"
    luck.stop_group(store, group)
    group = luck.find_group(store, group.id[:13])
    assert (group.state, store.count_queued()) == ("stopped", 0)
    luck.delete_group(store, group)
    assert luck.groups(store) == []
    for text in ("mine", ""):
        with pytest.raises(StoreError):
            luck.find_group(store, text)
    assert store.purge(float("inf")) == len(group.parts)


def test_a_seed_that_diverges_has_no_accuracy(store: Store) -> None:
    group = asked(
        store, 4, TINY.replace(learning_rate=100, architecture="linear-100-10", epochs=5, validation_images=0)
    )
    assert (group.accuracies, group.diverged, group.state) == ([], 4, "finished")
    assert group.facts.seeds == 4


def test_the_figure_is_kept_with_where_it_comes_from(store: Store) -> None:
    group = asked(store, 2, figure=0.5, figure_name="a blog\npost")
    assert (group.figure, group.figure_name) == (0.5, "a blog post")
    assert group.facts.reach
    assert group.facts.optimistic is False
    assert group.sentences() == group.facts.sentences()
    without = asked(store, 4)
    # Without a figure it is told what a difference takes that is rare among the seeds.
    assert without.sentences() == without.facts.sentences(without.facts.large_gap)
    assert len(without.sentences()) > len(without.facts.sentences())
    assert asked(store, 2, TINY.replace(choose_on="test", validation_images=0)).facts.optimistic


@pytest.mark.parametrize(
    ("change", "seeds", "figure", "field"),
    [
        ({}, 1, None, "seeds"),
        ({}, 201, None, "seeds"),
        ({}, 2, 1.5, "figure"),
        ({"library": "sklearn", "architecture": "softmax"}, 2, None, "library"),
        ({"seed": 2**31 - 2}, 20, None, "seed"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_waits(
    change: dict[str, object], seeds: int, figure: float | None, field: str, store: Store
) -> None:
    with pytest.raises(ConfigError) as raised:
        luck.start_group(store, RunConfig.parse(TINY.model_dump() | change), seeds, figure)
    assert raised.value.field == field
    with pytest.raises(ArchitectureError):
        luck.start_group(store, TINY.replace(architecture="no such network"), 2)
    assert store.count_queued() == 0


def test_a_damaged_file_of_scores_is_told_and_the_others_are_shown(store: Store) -> None:
    concurrency.set_runs_at_once(store, 2)
    group = asked(store, 40)
    first = group.parts[0]
    (store.folder(first.id) / "seeds.json").write_text("{}")
    damaged = luck.load_group(store, group.id)
    assert str(store.folder(first.id)) in damaged.damage
    assert [score.seed for score in damaged.scores] == list(range(20, 40))


def test_a_run_that_fails_says_why(store: Store, tmp_path: Path) -> None:
    group = luck.start_group(store, TINY, 2)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE runs SET config = json_set(config, '$.device', 'cuda')")
    train_all(store)
    found = luck.load_group(store, group)
    assert found.state == "failed"
    assert "device" in found.notes[0]


def test_values_of_the_column_and_the_file_are_checked() -> None:
    part = LuckPart(group="0" * 36, first_seed=0, seeds=2)
    assert LuckPart.stored(part.model_dump(mode="json")) == part
    assert LuckPart.stored(None) is None
    for change in ({"group": "../x"}, {"seeds": 0}, {"figure": 2.0}, {"first_seed": -1}):
        with pytest.raises(ValueError, match=next(iter(change))):
            LuckPart.model_validate(part.model_dump() | change)
    assert SeedScores.model_validate_json('{"test_images": 3, "scores": []}').scores == ()
