"""Files that a worker writes for a run: checkpoints to go on from, and predictions."""

import pandas as pd
import torch

from mnist_core.analysis import scores, trained
from mnist_core.data import Data
from mnist_core.errors import CheckpointError
from mnist_core.jobs.preparation import PreparedRun
from mnist_core.store import Run, Store, retention
from mnist_core.training import checkpoints, predict_split


def record_checkpoint(prepared: PreparedRun, path: str) -> None:
    """Save a checkpoint of the current state of training at this path in the run's folder."""
    state = prepared.state
    facts = prepared.checkpoint_facts()
    checkpoint = checkpoints.capture_checkpoint(prepared.model, state.optimizers, state.progress(), facts)
    prepared.store.write_artifact(
        prepared.run,
        path,
        "checkpoint",
        state.epoch,
        state.step,
        lambda target: checkpoints.save_checkpoint(checkpoint, target),
    )


def save_paused(prepared: PreparedRun) -> None:
    """Save a checkpoint in the middle of an epoch, for a paused run."""
    record_checkpoint(prepared, trained.PAUSED_CHECKPOINT)


def save_epoch(prepared: PreparedRun) -> None:
    """Save this epoch's checkpoint; remove that of an earlier pause and those that `retention` does not keep."""
    store, run, state = prepared.store, prepared.run, prepared.state
    record_checkpoint(prepared, f"checkpoints/epoch-{state.epoch:04d}.safetensors")
    kept = trained.checkpoints(store, run)
    paused = [artifact for artifact in kept if artifact.path == trained.PAUSED_CHECKPOINT]
    ends = [artifact for artifact in kept if artifact.path != trained.PAUSED_CHECKPOINT]
    unwanted = retention.thinned(ends, state.best_epoch, prepared.config.checkpoint_every)
    if unwanted:
        needed = store.continued_epochs(run.id)
        unwanted = [artifact for artifact in unwanted if artifact.epoch not in needed]
    for artifact in [*paused, *unwanted]:
        store.drop_artifact(run, artifact.path)


def write_results(prepared: PreparedRun) -> dict[str, float]:
    """Write the predictions of the chosen weights and return their loss and accuracy on the test images."""
    store, run = prepared.store, prepared.store.run(prepared.run.id)
    if run.epoch:
        _restore_chosen_weights(store, run, prepared.model)
    frames = _prediction_tables(run, prepared.images, prepared.model)
    table = pd.concat(frames, ignore_index=True)
    store.write_artifact(
        run,
        "predictions.parquet",
        "predictions",
        run.best_epoch,
        run.step,
        lambda target: table.to_parquet(target, index=False),
    )
    tested = frames[-1]
    labels = tested["label"].to_numpy()
    return {
        "test_loss": scores.negative_log_likelihood(scores.probabilities(tested), labels),
        "test_accuracy": scores.accuracy(tested),
    }


def _restore_chosen_weights(store: Store, run: Run, model: torch.nn.Module) -> None:
    artifact = trained.chosen_checkpoint(store, run)
    if not store.intact(run.id, artifact):
        raise CheckpointError(
            f"{artifact.path} is missing or damaged, so the weights of the best epoch cannot be tested. "
            "Resume the run, or train it again."
        )
    path = store.folder(run.id) / artifact.path
    checkpoints.restore_weights(checkpoints.load_checkpoint(path, weights_only=True), model)


def _prediction_tables(run: Run, images: Data, model: torch.nn.Module) -> list[pd.DataFrame]:
    """Columns split, index, label, p0, p1 ...: of the validation images, if there are any, then of the test images."""
    frames = []
    for name, split in (("validation", images.validation), ("test", images.test)):
        # Where the test images choose the epoch, they are also the validation images and are written only once.
        if not len(split.labels) or (name == "validation" and run.config.choose_on == "test"):
            continue
        # (N, classes)
        probabilities = predict_split(model, images, split, precision=run.config.precision)
        frame = pd.DataFrame(probabilities, columns=[f"p{label}" for label in range(probabilities.shape[1])])
        frame.insert(0, "label", split.labels.cpu().numpy())
        frame.insert(0, "index", range(len(frame)))
        frame.insert(0, "split", name)
        frames.append(frame)
    return frames
