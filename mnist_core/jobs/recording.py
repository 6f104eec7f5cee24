"""What a worker keeps of a run beside its metrics: checkpoints to go on from, and predictions."""

import math
from typing import Any

import torch

from mnist_core.analysis import scores, trained
from mnist_core.config import FIRST_READING_RULE, READING_RULE, DataFacts, RunConfig, SplitName
from mnist_core.data import Data
from mnist_core.errors import CheckpointError, DataError
from mnist_core.jobs import resuming
from mnist_core.store import Artifact, Run, Store, retention
from mnist_core.training import TrainingState, checkpoints, predict_split

PAUSED = trained.PAUSED_CHECKPOINT


def rule_of(store: Store, run: Run) -> int:
    """The rule by which a run that is about to train reads its pictures: that with which it, or its parent, began."""
    if run.data is not None:
        return run.data.rule
    # it began before the rule was recorded
    if run.started is not None:
        return FIRST_READING_RULE
    if run.config.continue_from and (parent := store.run(run.config.continue_from)).dataset == "folder":
        return parent.rule
    return READING_RULE


def check_unchanged(run: Run, facts: DataFacts | None) -> None:
    """Raise DataError if a run that goes on would get other images than it began with."""
    if run.data is None or facts is None:
        return
    splits: dict[SplitName, str] = {"train": "training", "validation": "validation", "test": "test"}
    for split, name in splits.items():
        if run.data.images.get(split) != facts.images.get(split):
            raise DataError(
                f"The {name} images are no longer those that run #{run.number} began with, so it cannot go on from "
                "where it was. Bring the old files back and resume it, or train a new run."
            )


def last_checkpoint(store: Store, run: Run) -> Artifact | None:
    """The run's own checkpoint to go on from; None before its first, and always with scikit-learn.

    Raises CheckpointError if it had one and none is whole: to begin again would forget what was recorded.
    """
    if reason := resuming.refusal(store, run):
        raise CheckpointError(reason)
    return None if run.config.library == "sklearn" else resuming.last_intact(store, run)


def go_on(
    store: Store, run: Run, config: RunConfig, model: torch.nn.Module, state: TrainingState, own: Artifact | None
) -> str:
    """Restore the run's `own` checkpoint, or the one that the run continues from; returns a note."""
    if own:
        folder, artifact = store.folder(run.id), own
    elif config.continue_from:
        parent = store.run(config.continue_from)
        artifact = trained.chosen_checkpoint(store, parent, config.continue_epoch)
        folder = store.folder(parent.id)
        if not store.intact(parent.id, artifact):
            raise CheckpointError(
                f"continue_from: {artifact.path} of run #{parent.number} is damaged; choose another epoch"
            )
    else:
        store.rewind(run, 0)
        return ""
    checkpoint = checkpoints.load_checkpoint(folder / artifact.path)
    checkpoints.restore_weights(checkpoint, model)
    note = resuming.passed_over(store, run, own) if own else ""
    if config.fresh_optimizer and not own:
        note = "Only the weights were taken over: the optimizer starts afresh."
    elif own or store.run(config.continue_from).config.optimizer == config.optimizer:
        checkpoints.restore_optimizers(checkpoint, state.optimizers)
    else:
        note = f"The optimizer is another one than in the run continued from: {config.optimizer} starts afresh."
    if own or not config.fresh_optimizer:
        checkpoints.restore_random_state(checkpoint)
    state.restore(checkpoint.progress)
    if own:
        store.rewind(run, state.step, epoch=state.epoch, **_best(state))
    else:
        # time and the choice of the best epoch are this run's own
        state.seconds = 0.0
        state.forget_the_best()
    return note


def _best(state: TrainingState) -> dict[str, float | int | None]:
    """What the run's row says of the best epoch so far; without validation images no epoch has an accuracy."""
    judged = state.best_accuracy >= 0
    return {
        "best_epoch": state.best_epoch or None,
        "validation_loss": state.best_loss if judged and math.isfinite(state.best_loss) else None,
        "validation_accuracy": state.best_accuracy if judged else None,
    }


def save(
    store: Store, run: Run, path: str, model: torch.nn.Module, state: TrainingState, about: dict[str, Any]
) -> None:
    checkpoint = checkpoints.capture_checkpoint(model, state.optimizers, state.progress(), about)
    store.write_artifact(
        run, path, "checkpoint", state.epoch, state.step, lambda target: checkpoints.save_checkpoint(checkpoint, target)
    )


def save_epoch(
    store: Store, run: Run, config: RunConfig, model: torch.nn.Module, state: TrainingState, about: dict[str, Any]
) -> None:
    """Keep this epoch's checkpoint; drop those that `retention` does not keep, and that of a pause before it."""
    save(store, run, f"checkpoints/epoch-{state.epoch:04d}.safetensors", model, state, about)
    kept = trained.checkpoints(store, run)
    paused = [artifact for artifact in kept if artifact.path == PAUSED]
    ends = [artifact for artifact in kept if artifact.path != PAUSED]
    unwanted = retention.thinned(ends, state.best_epoch, config.checkpoint_every)
    if unwanted:
        needed = store.continued_epochs(run.id)
        unwanted = [artifact for artifact in unwanted if artifact.epoch not in needed]
    for artifact in [*paused, *unwanted]:
        store.drop_artifact(run, artifact.path)


def write_results(store: Store, run: Run, images: Data, model: torch.nn.Module) -> dict[str, float]:
    """Write the predictions of the chosen weights and return what they score on the test images."""
    import pandas as pd

    if run.epoch:
        artifact = trained.chosen_checkpoint(store, run)
        if not store.intact(run.id, artifact):
            raise CheckpointError(
                f"{artifact.path} is missing or damaged, so the weights of the best epoch cannot be tested. "
                "Resume the run, or train anew."
            )
        checkpoints.restore_weights(
            checkpoints.load_checkpoint(store.folder(run.id) / artifact.path, weights_only=True), model
        )
    frames = []
    for name, split in (("validation", images.validation), ("test", images.test)):
        # they are the same
        if len(split.labels) and not (name == "validation" and run.config.choose_on == "test"):
            # (N, classes)
            answers = predict_split(model, images, split, precision=run.config.precision)
            frame = pd.DataFrame(answers, columns=[f"p{place}" for place in range(answers.shape[1])])
            frame.insert(0, "label", split.labels.cpu().numpy())
            frame.insert(0, "index", range(len(frame)))
            frame.insert(0, "split", name)
            frames.append(frame)
    table = pd.concat(frames, ignore_index=True)
    store.write_artifact(
        run,
        "predictions.parquet",
        "predictions",
        run.best_epoch,
        run.step,
        lambda target: table.to_parquet(target, index=False),
    )
    return {
        "test_loss": scores.cross_entropy(frames[-1]),
        "test_accuracy": scores.accuracy(frames[-1]),
    }
