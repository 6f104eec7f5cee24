"""The store: the queue, ownership, metrics and files."""

import errno
import math
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from uuid import RFC_4122, UUID

import pytest
import sqlalchemy as sa

from mnist_core.config.data_facts import DataFacts
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import LostRunError, RunStateError, StorageError, StoreError
from mnist_core.events import EpochEnd, StepEnd
from mnist_core.store import history
from mnist_core.store.run import new_id
from mnist_core.store.schema import runs
from mnist_core.store.store import Store
from tests.faults.old_databases import bring_back


def step(number: int, loss: float = 0.5, rate: float = 0.001) -> StepEnd:
    return StepEnd(
        step=number, epoch=1, loss=loss, accuracy=0.25, learning_rate=rate, images_per_second=9.0, seconds=number / 10
    )


def claimed(store: Store):
    store.enqueue(RunConfig())
    run = store.claim()
    assert run is not None
    return run


def test_an_enqueued_run_comes_back_as_it_was_described(store):
    config = RunConfig(architecture="softmax", epochs=3, seed=7)
    run = store.enqueue(config, name="my run", tags=["b", "a", "b"])
    again = store.run(run.id)
    assert again == run
    assert (again.number, again.name, again.tags, again.state, again.config) == (
        1,
        "my run",
        ("a", "b"),
        "queued",
        config,
    )


def test_runs_are_claimed_in_the_order_of_the_queue_and_only_up_to_the_limit(store):
    first, second = store.enqueue(RunConfig()), store.enqueue(RunConfig())
    claimed = store.claim(limit=1)
    assert claimed is not None
    assert claimed.id == first.id
    assert claimed.state == "running"
    assert store.claim(limit=1) is None
    two = store.claim(limit=2)
    assert two is not None
    assert two.id == second.id


def test_many_workers_never_claim_the_same_run(store):
    for _ in range(30):
        store.enqueue(RunConfig())
    taken: list[str] = []

    def work() -> None:
        opened = Store(store.root, store.url)
        while (run := opened.claim()) is not None:
            taken.append(run.id)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 30
    assert len(set(taken)) == 30


def test_only_the_holder_of_the_claim_may_write(store):
    run = claimed(store)
    store.finish(run, "interrupted")
    store.requeue(run.id)
    again = store.claim()
    assert again is not None
    assert again.worker != run.worker
    with pytest.raises(LostRunError):
        store.record(run, [step(1)])
    with pytest.raises(LostRunError):
        store.beat(run)
    store.record(again, [step(1)])
    assert store.run(run.id).step == 1


def test_which_claims_still_hold_is_told_of_all_at_once(store):
    lost, ended, held = (claimed(store) for _ in range(3))
    store.finish(lost, "interrupted")
    store.requeue(lost.id)
    again = store.claim()
    store.finish(ended, "finished", test_accuracy=0.9)
    assert store.held([lost, ended, held]) == {held.id}
    assert store.held([again, held]) == {lost.id, held.id}
    assert store.held([store.enqueue(RunConfig())]) == store.held([]) == set()
    assert (store.holds(held), store.holds(lost), store.holds(again)) == (True, False, True)


def test_metrics_are_tidy_and_a_reader_sees_only_what_is_new(store):
    run = claimed(store)
    store.record(run, [step(1), step(2)])
    seen = store.metrics(run.id)
    assert list(seen.columns) == ["id", "step", "epoch", "name", "value", "seconds"]
    assert seen["name"].tolist() == ["train_loss", "train_accuracy", "learning_rate", "train_loss", "train_accuracy"]
    store.record(run, [step(3, rate=0.0005), EpochEnd(3, 1, 0.4, 0.8, 0.3, 0.9, best=True, seconds=0.3)])
    last, new = store.new_curves(run.id, int(seen["id"].max()))
    assert {name: series.value.tolist() for name, series in new.items()} == {
        "train_loss": [0.5],
        "train_accuracy": [0.25],
        "learning_rate": [0.0005],
        "epoch_train_loss": [0.4],
        "epoch_train_accuracy": [0.8],
        "validation_loss": [0.3],
        "validation_accuracy": [0.9],
    }
    assert store.new_curves(run.id, last)[0] == last
    assert not any(len(series.step) for series in store.new_curves(run.id, last)[1].values())
    row = store.run(run.id)
    assert (row.epoch, row.step, row.best_epoch, row.validation_accuracy) == (1, 3, 1, 0.9)


def test_a_diverged_loss_is_kept_as_what_it_was(store):
    run = claimed(store)
    store.record(run, [step(1, math.nan), step(2, math.inf), step(3, -math.inf)])
    values = store.metrics(run.id, names=["train_loss"])["value"].tolist()
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf]


def test_an_empty_run_has_an_empty_frame_with_the_same_columns(store):
    run = store.enqueue(RunConfig())
    frame = store.metrics(run.id)
    assert len(frame) == 0
    assert list(frame.columns) == ["id", "step", "epoch", "name", "value", "seconds"]


def test_rewinding_forgets_what_came_after_and_ids_are_not_used_again(store):
    run = claimed(store)
    store.record(run, [step(number) for number in range(1, 11)])
    last = int(store.metrics(run.id)["id"].max())
    store.rewind(run, 4)
    assert store.metrics(run.id)["step"].max() == 4
    store.record(run, [step(5)])
    assert store.metrics(run.id)["id"].max() > last


def test_after_rewinding_the_learning_rate_is_the_one_that_is_left(store):
    run = claimed(store)
    store.record(run, [step(1, rate=0.1), step(2, rate=0.01)])
    store.rewind(run, 1)
    assert store.run(run.id).learning_rate == 0.1
    store.record(run, [step(2, rate=0.1), step(3, rate=0.01)])
    rates = store.metrics(run.id, names=["learning_rate"])
    assert list(zip(rates["step"], rates["value"], strict=True)) == [(1, 0.1), (3, 0.01)]
    store.rewind(run, 0)
    assert store.run(run.id).learning_rate is None


def test_requests_reach_the_worker_and_are_refused_when_there_is_nothing_to_do(store):
    run = claimed(store)
    assert store.beat(run) is None
    store.request(run.id, "pause")
    assert store.beat(run) == "pause"
    store.finish(run, "paused")
    with pytest.raises(RunStateError, match=r"paused: .* stop$"):
        store.request(run.id, "stop")
    waiting = store.enqueue(RunConfig())
    store.request(waiting.id, "stop")
    assert store.run(waiting.id).state == "stopped"


def test_all_of_these_runs_that_have_not_ended_are_stopped(store):
    ended, running = claimed(store), claimed(store)
    store.finish(ended, "finished")
    waiting, other = store.enqueue(RunConfig()), store.enqueue(RunConfig())
    assert store.stop_all([ended.id, running.id, waiting.id]) == 2
    assert [store.run(run.id).state for run in (ended, waiting, other)] == ["finished", "stopped", "queued"]
    assert store.beat(running) == "stop"
    assert store.stop_all([]) == 0


def test_the_note_of_an_end_is_added_whatever_it_says_and_a_resumed_run_has_none(store):
    run = claimed(store)
    store.describe(run, note="The disk is full.")
    store.finish(run, "interrupted", "The disk")
    assert store.run(run.id).note == "The disk is full. The disk"
    assert store.requeue(run.id).note == ""


def test_a_resumed_run_is_next(store):
    run = claimed(store)
    store.finish(run, "paused")
    store.enqueue(RunConfig())
    store.requeue(run.id)
    assert store.queue()[0].id == run.id
    with pytest.raises(RunStateError, match="queued"):
        store.requeue(run.id)


def test_deleting_hides_and_restoring_brings_everything_back(store):
    run = claimed(store)
    store.record(run, [step(1)])
    store.write_artifact(run, "checkpoints/a.bin", "checkpoint", 1, 1, lambda path: path.write_bytes(b"weights"))
    store.finish(run, "finished")
    store.delete([run.id])
    assert store.runs() == []
    assert [gone.id for gone in store.runs(deleted=True)] == [run.id]
    store.restore([run.id])
    assert len(store.metrics(run.id)) == 3
    assert store.intact(run.id, store.artifacts(run.id)[0])


def test_purging_removes_rows_and_files_for_good(store):
    run = claimed(store)
    store.write_artifact(run, "checkpoints/a.bin", "checkpoint", 1, 1, lambda path: path.write_bytes(b"weights"))
    store.finish(run, "finished")
    store.delete([run.id])
    assert store.purge(deleted_before=store.clock() + 1) == 1
    assert not store.folder(run.id).exists()
    with pytest.raises(StoreError, match="no run"):
        store.run(run.id)


def test_a_file_that_fails_to_be_written_leaves_nothing_behind(store):
    run = claimed(store)

    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageError) as refused:
        store.write_artifact(run, "checkpoints/a.bin", "checkpoint", 1, 1, fail)
    assert refused.value.kind == "full"
    assert store.artifacts(run.id) == []
    assert list((store.folder(run.id) / "checkpoints").iterdir()) == []


def test_a_changed_file_is_noticed(store):
    run = claimed(store)
    store.write_artifact(run, "a.bin", "checkpoint", 1, 1, lambda path: path.write_bytes(b"weights"))
    artifact = store.artifacts(run.id)[0]
    assert store.intact(run.id, artifact)
    (store.folder(run.id) / "a.bin").write_bytes(b"wEights")
    assert not store.intact(run.id, artifact)


def test_a_newer_database_is_refused_with_a_remedy(store):
    with sa.create_engine(store.url).begin() as connection:
        connection.exec_driver_sql("UPDATE lab SET value = '99' WHERE key = 'schema'")
    with pytest.raises(StoreError, match="newer MNIST Lab"):
        Store(store.root, store.url)


def test_runs_are_found_by_number_and_by_the_beginning_of_their_id(store):
    run = store.enqueue(RunConfig())
    assert store.find("1").id == store.find("#1").id == store.find(run.id[:20]).id == run.id
    with pytest.raises(StoreError, match="no run"):
        store.find("77")


def test_settings_are_kept(store):
    assert store.setting("runs_at_once", 1) == 1
    store.set_setting("runs_at_once", 3)
    store.set_setting("runs_at_once", 2)
    assert Store(store.root, store.url).setting("runs_at_once") == 2


def test_what_a_sweep_has_recorded_for_an_epoch(store):
    for accuracies, sweep in (((0.5, 0.6), "a"), ((0.7,), "a"), ((0.8, 0.9), "b"), ((0.1, math.nan), "a"), ((), "a")):
        run = store.enqueue(RunConfig(epochs=9), claimed=True, sweep=sweep)
        ends = (
            EpochEnd(epoch, epoch, 0.4, 0.8, 0.3, accuracy, best=True, seconds=1.0)
            for epoch, accuracy in enumerate(accuracies, 1)
        )
        store.record(run, [step(1), *ends])
    first, second, _, fourth, _ = reversed(store.runs())
    assert store.at_epoch("a", "validation_accuracy", 1) == {first.id: 0.5, second.id: 0.7, fourth.id: 0.1}
    assert store.at_epoch("a", "validation_accuracy", 2) == {first.id: 0.6}, "not a number is no value"
    store.delete([first.id])
    assert set(store.at_epoch("a", "validation_accuracy", 1)) == {second.id, fourth.id}


@pytest.mark.sqlite
def test_a_store_from_before_data_were_recorded_opens_with_its_runs(store):
    run = store.enqueue(RunConfig(), claimed=True)
    with closing(sqlite3.connect(store.file)) as connection, connection:
        bring_back(connection, 2)
    later = Store(store.root, store.url)
    assert (later.run(run.id).data, later.run(run.id).rule) == (None, 1)
    facts = DataFacts(
        rule=2, images={"test": "0" * 64}, classes=("0", "1"), class_order="numbers", ground="bright", folder=None
    )
    later.describe(run, data=facts)
    assert (later.run(run.id).data, later.run(run.id).rule) == (facts, 2)
    assert Store(store.root, store.url).run(run.id).data == facts


def test_only_the_runs_that_are_asked_for_are_compared_with_their_fingerprints(store: Store):
    ended = [store.enqueue(RunConfig(seed=seed), claimed=True) for seed in (0, 1)]
    for run in ended:
        store.finish(run, "finished", test_accuracy=0.5)
    with store.engine.begin() as connection:
        connection.execute(runs.update().values(test_accuracy=0.75))
    assert [run.number for run in store.changed_runs([store.find("1")])] == [1]
    with store.engine.connect() as connection:
        assert history.changed_rows(connection, [2], {}) == [2]
        assert history.changed_rows(connection, None, {}) == [1, 2]


@pytest.mark.sqlite
def test_each_unreadable_row_is_told_by_its_own_column(store: Store):
    for seed in (0, 1):
        store.enqueue(RunConfig(seed=seed))
    with store.engine.begin() as connection:
        for number, column in ((1, "config"), (2, "tags")):
            connection.exec_driver_sql(f"UPDATE runs SET {column} = 'no JSON' WHERE number = {number}")
    assert {run.number: run.reason.partition(":")[0] for run in store.broken()} == {1: "config", 2: "tags"}


@pytest.mark.parametrize(("stored", "shown"), [(-0.5, 0.0), (1e300, 0.0), ("yesterday", 0.0), (12.5, 12.5)])
@pytest.mark.sqlite
def test_a_sweep_with_an_impossible_date_is_read_without_one(store: Store, stored: object, shown: float):
    with store.engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO sweeps VALUES ('s', 'name', '{}', ?, NULL)", (stored,))
    assert [sweep.created for sweep in store.sweeps()] == [shown]


def test_a_name_has_at_most_two_hundred_letters(store: Store):
    assert [len(store.enqueue(RunConfig(), "x" * length).name) for length in (199, 200, 201, 999)] == [
        199,
        200,
        200,
        200,
    ]


def test_an_id_is_a_uuid_of_version_7_that_sorts_by_its_moment():
    ids = [UUID(new_id(moment)) for moment in (1_700_000_000.0, 1_700_000_000.5, 1_700_000_001.0)]
    assert {(each.version, each.variant) for each in ids} == {(7, RFC_4122)}
    assert sorted(ids) == ids
    assert ids[0].int >> 80 == 1_700_000_000_000
    many = {new_id(1.0) for _ in range(1000)}
    assert len(many) == 1000
    # Both random parts vary.
    assert len({each[14:18] for each in many}) > 500
    assert len({each[-12:] for each in many}) == 1000


@pytest.mark.parametrize(("moment", "is_broken"), [(7_258_118_399.0, False), (7_258_118_399.5, True)])
def test_a_moment_after_the_year_2199_cannot_be_shown(store: Store, moment: float, is_broken: bool):
    run = store.enqueue(RunConfig())
    with store.engine.begin() as connection:
        connection.execute(runs.update().values(created=moment))
    assert [broken.number for broken in store.broken()] == [run.number] * is_broken


@pytest.mark.parametrize("column", ["epoch", "step"])
def test_a_run_has_no_negative_epoch_or_step(store: Store, column: str):
    run = store.enqueue(RunConfig())
    with store.engine.begin() as connection:
        connection.execute(runs.update().values({column: -1}))
    assert [broken.number for broken in store.broken()] == [run.number]
