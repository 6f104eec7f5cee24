"""Glimpses of runs: they change no bit of a run, go on where it goes on, and show no test image."""

import hashlib
import threading
from pathlib import Path

import numpy as np
import pytest

from mnist_core.config.run_config import RunConfig
from mnist_core.events import StepEnd
from mnist_core.jobs import watching, worker
from mnist_core.jobs.worker import work
from mnist_core.store import Recording, Run, Store, glimpse_files
from mnist_core.training import checkpoints, loop
from tests.labs import train_now, trained_run

SMALL = RunConfig(dataset="mnist-5k", train_images=400, epochs=2, batch_size=20)
NETWORKS = {
    "written out": {"architecture": "flatten linear(20) relu dropout(0.3) linear(classes)"},
    "autograd": {
        "architecture": "conv(4, 5) batchnorm relu maxpool(4) dropout(0.2) flatten linear(classes)",
        "rotate": 10.0,
    },
    "momentum": {"architecture": "flatten linear(20) tanh linear(classes)", "optimizer": "sgd", "momentum": 0.9},
}


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Glimpses after every report, and a report after every step."""
    monkeypatch.setattr(watching, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(watching, "REST", 0)
    monkeypatch.setattr(loop, "_REPORT_SECONDS", 0.0)
    monkeypatch.setattr(worker, "_RECORD_SECONDS", 0.0)


def recording(store: Store, run: Run) -> Recording:
    path = glimpse_files.recording_path(store.folder(run.id))
    assert path
    return glimpse_files.read_recording(path, is_complete=True)


def digest(store: Store, run: Run) -> str:
    """Hash of everything measured, but for times, and of all weights, optimizer and random states of all epochs."""
    columns = store.metrics(run.id)[["step", "epoch", "name", "value"]]
    parts = [columns.to_csv().encode()]
    for artifact in store.artifacts(run.id, kind="checkpoint"):
        checkpoint = checkpoints.load_checkpoint(store.folder(run.id) / artifact.path)
        parts += [name.encode() + tensor.numpy().tobytes() for name, tensor in sorted(checkpoint.tensors.items())]
    return hashlib.sha256(b"".join(parts)).hexdigest()


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("name", NETWORKS)
def test_no_bit_of_a_run_depends_on_whether_it_is_watched(store: Store, name: str):
    config = SMALL.replace(**NETWORKS[name])
    digests = []
    for watched in (True, False):
        run = store.enqueue(config, claimed=True)
        for _ in work(store, run, watched=watched):
            pass
        assert store.run(run.id).state == "finished"
        digests.append(digest(store, run))
        seen = glimpse_files.recording_path(store.folder(run.id))
        assert (seen is not None) == watched
    first = store.runs()[-1]
    glimpses = recording(store, first)
    # One before the first step and one after each of the 40.
    assert len(glimpses) > 30
    assert digests[0] == digests[1]
    measured = glimpses.glimpse(len(glimpses) // 2).look.gradient_norms
    assert np.isfinite(measured).all()
    assert (measured > 0).all()
    assert np.isnan(glimpses.glimpse(0).look.gradient_norms).all()


@pytest.mark.usefixtures("often")
def test_a_run_that_is_resumed_goes_on_with_its_glimpses(store: Store):
    run = store.enqueue(SMALL.replace(architecture="linear-5-10"), claimed=True)
    interrupt = threading.Event()
    for event in work(store, run, interrupt):
        if isinstance(event, StepEnd) and event.step >= 30:
            interrupt.set()
    paused = store.run(run.id)
    assert paused.state == "interrupted"
    assert 30 <= paused.step < 40
    before = recording(store, run).steps
    assert before[-1] == paused.step
    store.requeue(run.id)
    claimed = store.claim(run.id)
    assert claimed
    done = train_now(store, claimed)
    steps = recording(store, run).steps
    assert steps[: len(before)].tolist() == before.tolist()
    assert steps[-1] == done.step == 40
    assert [file.path for file in store.artifacts(run.id, kind="glimpses")] == ["glimpses.bin"]
    assert all(store.intact(run.id, file) for file in store.artifacts(run.id))
    assert not (store.folder(run.id) / "glimpses.live").exists()


@pytest.mark.parametrize(
    ("choose_on", "validation", "split"), [("validation", 100, "validation"), ("test", 0, "training")]
)
def test_the_images_are_never_test_images(store: Store, choose_on: str, validation: int, split: str):
    config = SMALL.replace(architecture="linear-5-10", epochs=1, choose_on=choose_on, validation_images=validation)
    watched = recording(store, trained_run(store, config)).watched
    assert watched.split == split
    assert watched.labels == tuple(sorted([*range(10)] * 2))


def test_scikit_learn_shows_answers_and_weights_after_iterations_and_no_gradient(store: Store):
    run = trained_run(store, SMALL.replace(architecture="softmax", library="sklearn", epochs=5))
    glimpses = recording(store, run)
    last = glimpses.glimpse(-1)
    assert last.step == run.step
    assert np.isnan(last.look.gradient_norms).all()
    assert last.look.limit > 0
    assert glimpses.true_probabilities[-1].mean() > 0.5


def test_a_folder_that_cannot_be_written_ends_no_run(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def full(path: Path, *_: object) -> object:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(glimpse_files, "write_atomically", full)
    run = trained_run(store, SMALL.replace(architecture="linear-5-10", epochs=1))
    assert run.state == "finished"
    assert glimpse_files.recording_path(store.folder(run.id)) is None
