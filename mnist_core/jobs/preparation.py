"""Preparation of a claimed run: load its images, build its network, and find the checkpoint to go on from."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import torch

from mnist_core import __version__, architectures, environment
from mnist_core.architectures import build_seeded
from mnist_core.config import (
    FIRST_READING_RULE,
    READING_RULE,
    DataFacts,
    RunConfig,
    SplitName,
    TrainingRules,
    with_latest,
)
from mnist_core.data import Data, folder_remarks, load_data, resolve_dataset
from mnist_core.errors import CheckpointError, DataError
from mnist_core.jobs import resuming
from mnist_core.store import Artifact, Run, Store
from mnist_core.training import TrainingState, check_batches, check_needs, devices

_OPTIMISTIC = "The best epoch is chosen on the test images: its accuracy is optimistic."


@dataclass(frozen=True)
class PreparedRun:
    """A claimed run with everything that is needed to train it. Training changes `model` and `state`."""

    store: Store
    run: Run
    # The config with the data set that is really used: if the wanted one is missing, another replaces it.
    config: RunConfig
    images: Data
    model: torch.nn.Module
    state: TrainingState
    rules: TrainingRules
    # The run's own checkpoint from which training goes on; None if it begins again.
    checkpoint: Artifact | None
    # A note for the run's row, such as a warning or a replaced data set.
    note: str
    # A sentence on what `initial_weights` did; "" if there are none.
    inherited: str

    def checkpoint_facts(self) -> dict[str, Any]:
        """The description of the network that is stored in its checkpoints."""
        return {
            "architecture": self.config.architecture,
            "shape": self.images.input_shape,
            "classes": self.images.classes,
            "mean": self.images.mean,
            "std": self.images.std,
        }

    def description(self) -> dict[str, Any]:
        """Columns of the run's row that are known before its first step, without the note."""
        shape, classes = self.images.input_shape, len(self.images.classes)
        device = devices.describe_device(self.images.train.labels.device)
        before = self.run if self.checkpoint else None
        return {
            "config": self.config,
            "devices": with_latest(before.devices if before else (), device),
            "versions": versions_used((before.versions if before else None) or {}),
            "rules": self.rules,
            "data": self.images.facts,
            "macs": architectures.describe_architecture(self.config.architecture, shape, classes).macs,
        }


def prepare_run(store: Store, run: Run) -> PreparedRun:
    """Load the images of a run and build its network. Raises ConfigError, ArchitectureError, DataError, DeviceError or
    CheckpointError.
    """
    config, note = resolve_dataset(run.config, environment.data_dir())
    if config.choose_on == "test":
        note = f"{note} {_OPTIMISTIC}".strip()
    device = devices.prepare_device(config)
    images = load_data(config, environment.data_dir(), device, _reading_rule(store, run))
    if images.facts and images.facts.folder:
        note = " ".join([note, *folder_remarks.folder_warnings(images.facts.folder)]).strip()
    shape, classes = images.input_shape, len(images.classes)
    check_batches(config, shape, classes, len(images.train.labels))
    check_needs(config, shape, classes, len(images.train.labels))
    network, inherited = build_seeded(config.architecture, shape, classes, config.seed, config.initial_weights)
    model = devices.move_to_device(network, device)
    state = TrainingState.start(model, config)
    checkpoint = _last_checkpoint(store, run)
    if checkpoint:
        _check_unchanged(run, images.facts)
    rules = (checkpoint and run.rules) or TrainingRules()
    return PreparedRun(store, run, config, images, model, state, rules, checkpoint, note, str(inherited or ""))


def _reading_rule(store: Store, run: Run) -> int:
    """Version of the rule for reading pictures: the run's own if it goes on, or that of the run that it continues."""
    if run.data is not None:
        return run.data.rule
    # A run that began but has no recorded facts of its data is older than the newer rules.
    if run.started is not None:
        return FIRST_READING_RULE
    if run.config.continue_from and (parent := store.run(run.config.continue_from)).dataset == "folder":
        return parent.rule
    return READING_RULE


def _check_unchanged(run: Run, facts: DataFacts | None) -> None:
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


def _last_checkpoint(store: Store, run: Run) -> Artifact | None:
    """The run's own checkpoint to go on from; None before its first, and always with scikit-learn.

    Raises CheckpointError if it had one and none is whole: to begin again would forget what was recorded.
    """
    if reason := resuming.refusal(store, run):
        raise CheckpointError(reason)
    return None if run.config.library == "sklearn" else resuming.last_intact(store, run)


def versions_used(before: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """What the run used before, and what it uses now."""
    now = {
        "mnist-lab": __version__,
        "torch": torch.__version__,
        "scikit-learn": version("scikit-learn"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }
    return {**before, **{name: with_latest(before.get(name, ()), text) for name, text in now.items()}}
