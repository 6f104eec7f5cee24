"""Which checkpoints of a run are kept: the best, the last, and between them as many as its budget of disk allows."""

from collections.abc import Collection, Sequence

from mnist_core.config import read_limit
from mnist_core.store.artifacts import Artifact
from mnist_core.store.run import Run
from mnist_core.store.store import Store


def thinned(
    checkpoints: Sequence[Artifact],
    best_epoch: int | None,
    every: int,
    needed: Collection[int] = (),
    *,
    most_bytes: int | None = None,
    most: int | None = None,
) -> list[Artifact]:
    """The checkpoints that are to be removed, among those from ends of epochs, the earliest first.

    The last, that of the best epoch and those of epochs in `needed` are always kept. Of the others stay those after
    every so many epochs: `every`, or twice, four times ... as many until bytes and number are within the budget,
    which is that of `limits` by default.
    """
    most_bytes = read_limit("MAX_CHECKPOINT_BYTES") if most_bytes is None else most_bytes
    most = read_limit("MAX_CHECKPOINTS") if most is None else most
    kept = [
        checkpoint
        for checkpoint in checkpoints
        if checkpoint is checkpoints[-1] or checkpoint.epoch == best_epoch or checkpoint.epoch in needed
    ]
    others = [checkpoint for checkpoint in checkpoints if checkpoint not in kept]
    distance = every
    between = _spaced(others, distance)
    while between and (_size([*kept, *between]) > most_bytes or len(kept) + len(between) > most):
        distance *= 2
        between = _spaced(between, distance)
    return [checkpoint for checkpoint in others if checkpoint not in between]


def needless(store: Store, run: Run) -> list[Artifact]:
    """Checkpoints of an ended run that nobody needs: all but the best, the last and those that other runs continue."""
    checkpoints = store.artifacts(run.id, kind="checkpoint")
    return thinned(checkpoints, run.best_epoch, 1, store.continued_epochs(run.id), most=0) if checkpoints else []


def _spaced(checkpoints: Sequence[Artifact], distance: int) -> list[Artifact]:
    return [checkpoint for checkpoint in checkpoints if (checkpoint.epoch or 0) % distance == 0]


def _size(checkpoints: Sequence[Artifact]) -> int:
    return sum(checkpoint.size for checkpoint in checkpoints)
