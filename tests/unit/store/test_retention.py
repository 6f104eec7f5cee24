"""Which checkpoints are kept, by epoch."""

from pathlib import Path

from mnist_core.analysis import forgetting, trained
from mnist_core.config import limits
from mnist_core.config.run_config import RunConfig
from mnist_core.store import retention
from mnist_core.store.artifacts import Artifact
from mnist_core.store.store import Store
from tests.labs import trained_run

SMALL = RunConfig(dataset="mnist-5k", train_images=100, architecture="softmax")


def checkpoint(epoch: int, size: int = 10) -> Artifact:
    return Artifact(f"checkpoints/epoch-{epoch:04d}.safetensors", "checkpoint", epoch, epoch * 7, "0" * 64, size)


def kept_after(epochs: int, best: int, every: int = 1, most_bytes: int = 10**9, most: int = 500) -> list[int]:
    """The epochs whose checkpoints are left after this many epochs, if each epoch removes what it may."""
    kept: list[Artifact] = []
    for epoch in range(1, epochs + 1):
        kept.append(checkpoint(epoch))
        best_so_far = min(best, epoch)
        gone = retention.thinned(kept, best_so_far, every, most_bytes=most_bytes, most=most)
        kept = [remaining for remaining in kept if remaining not in gone]
        assert sum(remaining.size for remaining in kept) <= max(most_bytes, 20)
    return [remaining.epoch or 0 for remaining in kept]


def test_within_the_budget_every_wanted_epoch_stays():
    assert kept_after(10, best=3) == list(range(1, 11))
    assert kept_after(11, best=3, every=5) == [3, 5, 10, 11]


def test_beyond_the_budget_those_between_are_thinned_evenly_and_best_and_last_stay():
    for epochs in (30, 100, 1000):
        kept = kept_after(epochs, best=7, most_bytes=100)
        assert {7, epochs} <= set(kept)
        assert 5 <= len(kept) <= 10
        gaps = [after - before for before, after in zip([0, *kept], kept, strict=False)]
        assert max(gaps) <= epochs / 2
    assert len(kept_after(300, best=7, most=20)) <= 20


def test_a_budget_below_two_checkpoints_keeps_the_best_and_the_last():
    assert kept_after(20, best=4, most_bytes=15) == [4, 20]


def test_a_run_is_thinned_while_it_trains_and_what_is_left_can_be_used(own_lab: Path, monkeypatch):
    store = Store.open()
    alone = trained_run(store, SMALL.replace(epochs=2))
    size = trained.checkpoints(store, alone)[0].size
    monkeypatch.setattr(limits, "MAX_CHECKPOINT_BYTES", 6 * size)
    run = trained_run(store, SMALL.replace(epochs=24))
    kept = trained.checkpoints(store, run)
    epochs = [checkpoint.epoch for checkpoint in kept]
    assert {run.best_epoch, 24} <= set(epochs)
    assert 3 <= len(kept) <= 6
    files = {path.name for path in (store.folder(run.id) / "checkpoints").iterdir()}
    assert files == {Path(checkpoint.path).name for checkpoint in kept}
    assert trained.PAUSED_CHECKPOINT not in [checkpoint.path for checkpoint in kept]
    assert forgetting.kept_epochs(store, run) == epochs
    assert store.sizes()[run.id] == sum(checkpoint.size for checkpoint in store.artifacts(run.id))
    # A new run can start from a checkpoint between the others, as long as it is kept.
    between = next(epoch for epoch in epochs if epoch not in (run.best_epoch, 24))
    child = trained_run(store, SMALL.replace(epochs=30, continue_from=run.id, continue_epoch=between))
    assert child.state == "finished", child.note
    assert store.continued_epochs(run.id) == {between}
    left = {checkpoint.epoch for checkpoint in kept} - {
        checkpoint.epoch for checkpoint in retention.needless(store, run)
    }
    assert left == {run.best_epoch, 24, between}
