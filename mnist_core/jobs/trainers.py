"""One interface for training a run with each library, so that the worker need not know which one it is."""

import math
from collections.abc import Callable, Iterator
from typing import Protocol

from mnist_core.analysis import trained
from mnist_core.config import schedules
from mnist_core.errors import CheckpointError
from mnist_core.events import Event
from mnist_core.jobs import recording, resuming
from mnist_core.jobs.preparation import PreparedRun
from mnist_core.training import TrainingState, checkpoints, devices, kernels, train_network, without_kernels_note


class Trainer(Protocol):
    """The interface of a library that trains a prepared run."""

    def start_note(self) -> str:
        """A note for the person about the run, made before its first step; "" if there is none."""
        ...

    def begin(self) -> str:
        """Begin the run, or go on from its checkpoint; returns a note. May be called again if the disk was full."""
        ...

    def events(self) -> Iterator[Event]:
        """Train and yield what happens. At each event the model and the state are consistent."""
        ...

    def pause(self) -> None:
        """Save a checkpoint in the middle of an epoch, if the library can go on from there."""
        ...


def trainer_of(prepared: PreparedRun, is_interrupted: Callable[[], bool]) -> Trainer:
    """The trainer for the library in the run's config; `is_interrupted` returns whether the run is to end now."""
    if prepared.config.library == "sklearn":
        return SklearnTrainer(prepared, is_interrupted)
    return TorchTrainer(prepared)


class TorchTrainer:
    """Trains with torch, and goes on from any checkpoint bit for bit, also in the middle of an epoch."""

    def __init__(self, prepared: PreparedRun) -> None:
        self._prepared = prepared

    def start_note(self) -> str:
        prepared = self._prepared
        inherited = "" if prepared.config.continue_from else prepared.inherited
        device = prepared.images.train.labels.device
        slower = without_kernels_note(prepared.model, device)
        otherwise = kernels.without_choice_note(prepared.config, prepared.rules, device)
        emulated = devices.emulation_note(prepared.config, device)
        return " ".join(filter(None, [inherited, slower, otherwise, emulated]))

    def begin(self) -> str:
        prepared = self._prepared
        config = prepared.config
        note = _restore(prepared)
        parent = None
        if config.continue_from and not prepared.checkpoint:
            parent = prepared.store.run(config.continue_from).config
        return " ".join(filter(None, [note, *schedules.schedule_remarks(config, parent)]))

    def events(self) -> Iterator[Event]:
        prepared = self._prepared
        return train_network(prepared.model, prepared.images, prepared.config, prepared.state, prepared.rules)

    def pause(self) -> None:
        recording.save_paused(self._prepared)


class SklearnTrainer:
    """Trains with one call of scikit-learn's `fit`, which cannot go on from a checkpoint and so begins again."""

    def __init__(self, prepared: PreparedRun, is_interrupted: Callable[[], bool]) -> None:
        self._prepared, self._is_interrupted = prepared, is_interrupted

    def start_note(self) -> str:
        return ""

    def begin(self) -> str:
        self._prepared.store.rewind(self._prepared.run, 0)
        return ""

    def events(self) -> Iterator[Event]:
        # Importing scikit-learn takes a second, so import it only for runs that need it.
        from mnist_core.training import fit_sklearn

        prepared = self._prepared
        return fit_sklearn(prepared.model, prepared.images, prepared.config, prepared.state, self._is_interrupted)

    def pause(self) -> None:
        """Save nothing, because the run will begin again."""


def _restore(prepared: PreparedRun) -> str:
    """Restore the run's own checkpoint, or the one that the run continues from; returns a note."""
    store, run, config, model, state = prepared.store, prepared.run, prepared.config, prepared.model, prepared.state
    stored = prepared.checkpoint
    if stored:
        folder, artifact = store.folder(run.id), stored
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
    note = resuming.passed_over(store, run, stored) if stored else ""
    if config.fresh_optimizer and not stored:
        note = "Only the weights were taken over: the optimizer starts from zero."
    elif stored or store.run(config.continue_from).config.optimizer == config.optimizer:
        checkpoints.restore_optimizers(checkpoint, state.optimizers)
    else:
        note = f"The optimizer is another one than in the run continued from: {config.optimizer} starts from zero."
    if stored or not config.fresh_optimizer:
        checkpoints.restore_random_state(checkpoint)
    state.restore(checkpoint.progress)
    if stored:
        store.rewind(run, state.step, epoch=state.epoch, **_best(state))
    else:
        # A run counts its own time and chooses the best among its own epochs, not those of the run that it continues.
        state.seconds = 0.0
        state.forget_the_best()
    return note


def _best(state: TrainingState) -> dict[str, float | int | None]:
    """Columns of the run's row about its best epoch so far; without validation images no epoch has an accuracy."""
    judged = state.best_accuracy >= 0
    return {
        "best_epoch": state.best_epoch or None,
        "validation_loss": state.best_loss if judged and math.isfinite(state.best_loss) else None,
        "validation_accuracy": state.best_accuracy if judged else None,
    }
