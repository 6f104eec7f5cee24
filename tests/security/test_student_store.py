"""What a student's store allows: every public method of the store is asked for an own, a shared and another's run."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mnist_core.config.run_config import RunConfig
from mnist_core.errors import NotAllowedError, StoreError
from mnist_core.events import StepEnd
from mnist_core.store import StudentStore, let_in
from mnist_core.store.artifacts import Artifact
from mnist_core.store.store import Store

CONFIG = RunConfig(dataset="mnist-5k", architecture="flatten linear(classes)")
# Methods that change one run or several, by how they are called with its id.
CHANGES: dict[str, Callable[[Store, str], Any]] = {
    "request": lambda store, run: store.request(run, "stop"),
    "stop_all": lambda store, run: store.stop_all([run]),
    "requeue": lambda store, run: store.requeue(run),
    "rename": lambda store, run: store.rename(run, "another"),
    "set_tags": lambda store, run: store.set_tags(run, ["another"]),
    "set_comment": lambda store, run: store.set_comment(run, "another"),
    "share": lambda store, run: store.share([run]),
    "delete": lambda store, run: store.delete([run]),
    "restore": lambda store, run: store.restore([run]),
    "write_artifact": lambda store, run: store.write_artifact(
        Store.open(store.root).run(run), "a", "predictions", None, None, Path.touch
    ),
    "drop_artifact": lambda store, run: store.drop_artifact(Store.open(store.root).run(run), "a"),
}
# What only the teacher and the lab's own workers may do, whoever owns the run.
REFUSED: dict[str, Callable[[Store, Any], Any]] = {
    "check_teacher": lambda store, run: store.check_teacher("do this"),
    "purge": lambda store, run: store.purge(0.0),
    "delete_broken": lambda store, run: store.delete_broken([1]),
    "keep_fingerprints": lambda store, run: store.keep_fingerprints([1]),
    "relabel": lambda store, run: store.relabel(1),
    "set_setting": lambda store, run: store.set_setting("runs_at_once", 3),
    "forget_setting": lambda store, run: store.forget_setting("runs_at_once"),
    "claim": lambda store, run: store.claim(),
    "release": lambda store, run: store.release(run),
    "requeue_lost": lambda store, run: store.requeue_lost(run),
    "move": lambda store, run: store.move(run),
    "beat": lambda store, run: store.beat(run),
    "describe": lambda store, run: store.describe(run, note=""),
    "record": lambda store, run: store.record(run, []),
    "finish": lambda store, run: store.finish(run, "finished"),
    "rewind": lambda store, run: store.rewind(run, 0),
    "fail_broken": lambda store, run: store.fail_broken(1),
    "add_to_list": lambda store, run: store.add_to_list(run.id, []),
}
# Methods that read one run by its id: they find nothing of a run that the student may not see.
READS: dict[str, Callable[[Store, str], Any]] = {
    "run": lambda store, run: store.run(run),
    "find": lambda store, run: store.find(run),
    "identify": lambda store, run: store.identify(run),
}
LISTS = {
    "runs", "runs_and_broken", "queue", "queued_ids", "count_runs", "finished_stamp", "may_change", "sweeps", "sweep",
    "broken",
}  # fmt: skip
# Add what is the student's own from then on.
ADDS = {"enqueue", "enqueue_all", "add_imported", "save_sweep", "delete_sweep"}
# Tell nothing of a run but to who holds its id, which only a run that can be seen gives.
HARMLESS = {
    "open", "setting", "count_queued", "curves", "new_curves", "metrics", "changed_parts", "changed_runs",
    "without_fingerprints", "fingerprinted_late", "count_metrics", "continued_epochs", "broken_holders", "held",
    "holds", "artifacts", "folder", "sizes", "size", "intact", "read_artifact", "is_recorded_list", "at_epoch",
}  # fmt: skip


@pytest.fixture
def lab() -> Store:
    return Store.open()


@pytest.fixture
def anna(lab: Store) -> StudentStore:
    return StudentStore(lab, let_in(lab, "student")[0].id)


@pytest.fixture
def ben(lab: Store) -> StudentStore:
    return StudentStore(lab, let_in(lab, "student")[0].id)


def test_every_public_method_has_its_rule():
    methods = {name for name, _ in inspect.getmembers(Store, callable) if not name.startswith("_")}
    ruled = CHANGES.keys() | REFUSED.keys() | READS.keys() | LISTS | ADDS | HARMLESS
    assert methods - ruled == set()
    assert ruled - methods == set()


def test_runs_are_seen_by_their_owner_the_teacher_and_if_shared_by_all(lab: Store, anna: Store, ben: Store):
    own, others, teachers = anna.enqueue(CONFIG), ben.enqueue(CONFIG), lab.enqueue(CONFIG)
    assert [run.id for run in anna.runs()] == [teachers.id, own.id]
    assert anna.count_runs() == 2
    assert {run.id for run in lab.runs()} == {own.id, others.id, teachers.id}
    assert [run.owner for run in (own, teachers)] == [anna.owner, None]
    for name, read in READS.items():
        with pytest.raises(StoreError):
            read(anna, others.id)
        assert read(anna, teachers.id), name
    ben.share([others.id])
    assert others.id in [run.id for run in anna.runs()]
    ben.share([others.id], False)
    assert others.id not in [run.id for run in anna.runs()]


@pytest.mark.parametrize("name", CHANGES)
def test_a_run_is_changed_by_its_owner_and_the_teacher_only(lab: Store, anna: Store, ben: Store, name: str):
    others, teachers = ben.enqueue(CONFIG), lab.enqueue(CONFIG)
    ben.share([others.id])
    before = [lab.run(run.id) for run in (others, teachers)]
    for run in (others, teachers):
        with pytest.raises(NotAllowedError):
            CHANGES[name](anna, run.id)
    assert [lab.run(run.id) for run in (others, teachers)] == before
    # The same is allowed to the owner and the teacher; the run may be in a state that has no use for it.
    for store in (ben, lab):
        try:
            CHANGES[name](store, others.id)
        except NotAllowedError:
            raise
        except StoreError:
            assert name in ("request", "requeue", "write_artifact")


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_the_teachers_is_refused_even_for_an_own_run(anna: Store, name: str):
    run = anna.enqueue(CONFIG)
    with pytest.raises(NotAllowedError):
        REFUSED[name](anna, run)


def test_sweeps_are_their_owners(lab: Store, anna: Store, ben: Store):
    for sweep_id, store in (("1", lab), ("2", anna), ("3", ben)):
        store.save_sweep(sweep_id, "name", {})
    assert {sweep.id for sweep in anna.sweeps()} == {"1", "2"}
    assert anna.sweep("3") is None
    for sweep_id in ("1", "3"):
        with pytest.raises(NotAllowedError):
            anna.save_sweep(sweep_id, "other", {})
        with pytest.raises(NotAllowedError):
            anna.delete_sweep(sweep_id)
    ben.share([ben.enqueue_all([(CONFIG, "")], sweep="3")[0].id])
    assert {sweep.id for sweep in anna.sweeps()} == {"1", "2", "3"}
    assert anna.sweep("3") is not None
    with pytest.raises(NotAllowedError):
        anna.delete_sweep("3")
    anna.delete_sweep("2")
    assert {sweep.id for sweep in lab.sweeps()} == {"1", "3"}


def test_files_are_listed_of_runs_that_can_be_seen(lab: Store, anna: Store, ben: Store):
    run = ben.enqueue(CONFIG)
    claimed = lab.claim(run.id)
    assert claimed
    lab.write_artifact(claimed, "a", "predictions", None, None, Path.touch)
    found = lab.artifacts(run.id)
    assert [type(file) for file in found] == [Artifact]
    assert anna.artifacts(run.id) == []
    lab.record(claimed, [StepEnd(1, 1, 0.5, 0.5, 0.1, 1.0, 1.0)])
    assert lab.count_metrics(run.id) > 0
    assert anna.count_metrics(run.id) == 0
