"""A run that cannot go on from where it was keeps what is recorded of it until a person asks for a new start."""

import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mnist_core.analysis import trained
from mnist_core.commands import cli
from mnist_core.config.run_config import RunConfig
from mnist_core.events import EpochEnd, RunStarted, StepEnd
from mnist_core.jobs import resuming
from mnist_core.jobs.worker import work
from mnist_core.store.run import Run
from mnist_core.store.store import Store

SMALL = RunConfig(dataset="mnist-5k", train_images=500, architecture="softmax", epochs=4)
SKLEARN = SMALL.replace(library="sklearn", solver="lbfgs", epochs=8)


def interrupted(store: Store, config: RunConfig = SMALL) -> Run:
    """A run of which two epochs are recorded."""
    run = store.enqueue(config, claimed=True)
    over = threading.Event()
    for event in work(store, run, over):
        if isinstance(event, EpochEnd) and event.epoch == 2:
            over.set()
    run = store.run(run.id)
    assert run.state == "interrupted"
    assert store.count_metrics(run.id) > 0
    return run


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """The command line in this process, which has imported torch already: `lab("resume", "1")` is its exit status."""
    handler = signal.getsignal(signal.SIGINT)

    def command(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["mnist_core", *arguments])
        try:
            cli.main()
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    yield command
    signal.signal(signal.SIGINT, handler)


def damage_checkpoints(store: Store, run: Run) -> None:
    for artifact in trained.checkpoints(store, run):
        path = store.folder(run.id) / artifact.path
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)


def remove_folder(store: Store, run: Run) -> None:
    shutil.rmtree(store.folder(run.id))


@pytest.mark.parametrize("harm", [damage_checkpoints, remove_folder])
def test_a_run_without_a_whole_checkpoint_is_not_resumed_unasked(
    own_lab: Path,
    lab: Callable[..., int],
    harm: Callable[[Store, Run], None],
    capsys: pytest.CaptureFixture[str],
):
    store = Store.open()
    run = interrupted(store)
    before = store.metrics(run.id)
    harm(store, run)
    assert lab("resume", str(run.number)) == 2
    assert "--from-scratch" in capsys.readouterr().err
    assert store.run(run.id) == run
    assert store.metrics(run.id).equals(before)

    # A queue that is filled by another way meets the same refusal in the worker.
    store.requeue(run.id)
    claimed = store.claim(run.id)
    assert claimed
    assert list(work(store, claimed)) == []
    failed = store.run(run.id)
    assert (failed.state, failed.epoch, failed.step) == ("failed", run.epoch, run.step)
    assert "--from-scratch" in failed.note
    assert store.metrics(run.id).equals(before)

    assert lab("resume", str(run.number), "--from-scratch") == 0
    done = store.run(run.id)
    assert (done.state, done.epoch, done.note) == ("finished", 4, "")
    epochs = store.metrics(run.id, names=["epoch_train_loss"])
    assert epochs["epoch"].tolist() == [1, 2, 3, 4]
    same = before.loc[before["name"] == "epoch_train_loss", "value"]
    assert epochs["value"].tolist()[:2] == same.tolist()
    assert all(store.intact(run.id, artifact) for artifact in store.artifacts(run.id))


def test_a_run_in_its_first_epoch_repeats_it(own_lab: Path, lab: Callable[..., int]):
    store = Store.open()
    run = store.enqueue(SMALL, claimed=True)
    over = threading.Event()
    for event in work(store, run, over):
        if isinstance(event, StepEnd):
            over.set()
    # As after kill -9: no checkpoint of the middle of an epoch either.
    for artifact in trained.checkpoints(store, run):
        store.drop_artifact(store.run(run.id), artifact.path)
    assert lab("resume", str(run.number)) == 0
    assert store.run(run.id).state == "finished"


def test_going_on_from_an_earlier_checkpoint_is_told(own_lab: Path, lab: Callable[..., int]):
    store = Store.open()
    run = interrupted(store)
    last = trained.checkpoints(store, run)[-1]
    (store.folder(run.id) / last.path).write_bytes(b"rotten")
    assert lab("resume", str(run.number)) == 0
    assert "damaged" in store.run(run.id).note


def test_epochs_that_were_recorded_are_not_repeated_unasked(
    own_lab: Path, lab: Callable[..., int], capsys: pytest.CaptureFixture[str]
):
    store = Store.open()
    run = store.enqueue(SMALL.replace(epochs=8), claimed=True)
    over = threading.Event()
    for event in work(store, run, over):
        if isinstance(event, EpochEnd) and event.epoch == 6:
            over.set()
    run = store.run(run.id)
    before = store.metrics(run.id)
    for artifact in trained.checkpoints(store, run):
        if (artifact.epoch or 0) > 2:
            (store.folder(run.id) / artifact.path).write_bytes(b"rotten")
    assert lab("resume", str(run.number)) == 2
    assert "--go-back" in capsys.readouterr().err
    assert store.metrics(run.id).equals(before)
    store.requeue(run.id, back_to=resuming.last_intact(store, run))
    back = store.run(run.id)
    assert (back.epoch, store.metrics(run.id)["epoch"].max()) == (2, 2)
    store.request(run.id, "stop")
    assert lab("resume", str(run.number), "--go-back") == 0
    done = store.run(run.id)
    assert (done.state, done.epoch) == ("finished", 8)
    after = store.metrics(run.id)
    assert after["step"].tolist()[: len(before)] == before["step"].tolist()
    assert after["value"].tolist()[: len(before)] == before["value"].tolist()
    assert all(store.intact(run.id, artifact) for artifact in store.artifacts(run.id))


def test_going_back_takes_the_best_epoch_back(own_lab: Path):
    """After going back, the best epoch of the run is one of the epochs that are still recorded."""
    store = Store.open()
    run = interrupted(store)
    first = trained.checkpoints(store, run)[0]
    store.requeue(run.id, back_to=first)
    claimed = store.claim(run.id)
    assert claimed
    assert isinstance(next(work(store, claimed)), RunStarted)
    back = store.run(run.id)
    assert (back.epoch, back.best_epoch) == (1, 1)
    curve = store.curves(run.id, ["validation_accuracy", "validation_loss"])
    assert [back.validation_accuracy] == curve["validation_accuracy"][3].tolist()
    assert [back.validation_loss] == curve["validation_loss"][3].tolist()


def test_a_run_without_validation_images_goes_on_without_an_accuracy_of_them(own_lab: Path):
    store = Store.open()
    run = interrupted(store, SMALL.replace(validation_images=0))
    claimed = store.claim(store.requeue(run.id).id)
    assert claimed
    assert isinstance(next(work(store, claimed)), RunStarted)
    again = store.run(run.id)
    assert (again.validation_accuracy, again.validation_loss) == (None, None)
    assert (again.epoch, again.best_epoch) == (run.epoch, run.best_epoch)


def test_scikit_learn_begins_again_only_if_asked(own_lab: Path, lab: Callable[..., int]):
    store = Store.open()
    run = interrupted(store, SKLEARN)
    before = store.metrics(run.id)
    assert lab("resume", str(run.number)) == 2
    assert store.metrics(run.id).equals(before)
    assert lab("resume", str(run.number), "--from-scratch") == 0
    assert store.run(run.id).state == "finished"
