"""What a run of a study measured, in the metrics that the studies report."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from mnist_core.config import NOT_STUDIED, RunConfig, dataset
from mnist_core.store import Run, RunCurves, Store
from mnist_core.studies.catalogue import MomentUnit, moments_of, reported_of
from mnist_core.studies.planning import PROTOCOLS, PlannedRun, canonical_config, study_runs
from mnist_core.studies.study import Study
from mnist_core.studies.study_metrics import METRICS

# The store is searched for this many seeds of each variant.
SEEDS_LOOKED_FOR = 20
_EPOCH_METRICS = ("epoch_train_loss", "epoch_train_accuracy", "validation_loss", "validation_accuracy")
_STEP_METRICS = {"train_batch_loss": "train_loss", "train_batch_accuracy": "train_accuracy"}
_AT_EPOCH = {
    "train_loss": "epoch_train_loss",
    "train_accuracy": "epoch_train_accuracy",
    "test_loss": "validation_loss",
    "test_accuracy": "validation_accuracy",
}
# How each study counts its first epoch.
_FIRST: Mapping[MomentUnit, int] = {"epoch": 0, "iteration": 1}


@dataclass(frozen=True)
class Measurement:
    """One finished run of a study. Accuracies in per cent, losses in nats, times in seconds of training."""

    study: str
    experiment: str
    variant: str
    protocol: str
    seed: int
    # What differs from the defaults, without the location of images on the disk.
    config: Mapping[str, Any]
    # By name; those of a moment in training are named like "epoch 2 train_loss".
    metrics: Mapping[str, float]
    seconds: float
    versions: Mapping[str, str]
    device: str
    # The training data in words.
    data: str
    # ISO date in UTC.
    date: str


def load_measurements(
    store: Store, study: str | Study, experiment: str = "", seeds: int = SEEDS_LOOKED_FOR, epochs_scale: float = 1.0
) -> list[Measurement]:
    """All finished runs of a study that the store holds, in the study's order."""
    runs = study_runs(store, study, experiment, seeds, epochs_scale)
    return [measure_run(store, planned, run) for planned, run in runs if run.state == "finished"]


def measure_run(store: Store, planned: PlannedRun, run: Run) -> Measurement:
    """What a finished run measured.

    Published protocol: test_accuracy and test_loss after the last epoch, best_test_accuracy of the best one, and
    running_train_loss, the mean of all epochs' training loss. Honest protocol: test_accuracy and test_loss with
    the weights of the epoch that the held-out images chose.
    """
    metrics = _published(store, planned, run) if planned.protocol == PROTOCOLS[0] else _honest(run)
    return Measurement(
        study=planned.study,
        experiment=planned.experiment.name,
        variant=planned.variant.label,
        protocol=planned.protocol,
        seed=planned.seed,
        config=config_identity(run.config),
        metrics={name: _rounded(value) for name, value in metrics.items() if value is not None},
        seconds=round(run.seconds, 2),
        versions=run.version_texts,
        device=run.device,
        data="CIFAR-10 (JPEG copy)" if run.dataset == "folder" else dataset(run.dataset).label,
        date=datetime.fromtimestamp(run.finished or run.created, UTC).date().isoformat(),
    )


def config_identity(config: RunConfig) -> dict[str, Any]:
    """What differs from the defaults in the experiment itself: no paths, no ids, nothing of the machine."""
    changed = canonical_config(config).changed()
    return {name: value for name, value in changed.items() if name not in NOT_STUDIED}


def _published(store: Store, planned: PlannedRun, run: Run) -> dict[str, float | None]:
    curves = store.curves(run.id, _EPOCH_METRICS)
    last = {name: series.value[-1] if len(series.value) else None for name, series in curves.items()}
    accuracy = _percent(_value_or(last["validation_accuracy"], run.test_accuracy))
    accuracies, losses = curves["validation_accuracy"].value, curves["epoch_train_loss"].value
    best = np.nanmax(accuracies) if not np.isnan(accuracies).all() else None
    mean_loss = np.nanmean(losses) if not np.isnan(losses).all() else None
    images = dataset(run.dataset).test_images
    return {
        "test_accuracy": accuracy,
        "test_loss": _value_or(last["validation_loss"], run.test_loss),
        "best_test_accuracy": _percent(_value_or(best, run.test_accuracy)),
        "best_epoch": run.best_epoch,
        "train_loss": _value_or(last["epoch_train_loss"], run.train_loss),
        "train_accuracy": _percent(_value_or(last["epoch_train_accuracy"], run.train_accuracy)),
        "running_train_loss": _value_or(mean_loss, None),
        "test_errors": round((1 - accuracy / 100) * images) if accuracy is not None and images else None,
        "parameters": run.parameters,
        **_moments(store, planned, run, curves),
    }


def _honest(run: Run) -> dict[str, float | None]:
    return {
        "test_accuracy": _percent(run.test_accuracy),
        "test_loss": run.test_loss,
        "validation_accuracy": _percent(run.validation_accuracy),
        "best_epoch": run.best_epoch,
    }


def _moments(store: Store, planned: PlannedRun, run: Run, epochs: RunCurves) -> dict[str, float | None]:
    """The numbers that the study reports of single epochs, iterations or steps of this experiment's network."""
    moments = moments_of(planned.study, planned.experiment.name)
    steps: RunCurves | None = None
    values: dict[str, float | None] = {}
    for label, metric in reported_of(planned.study, planned.experiment.name):
        if label not in moments:
            continue
        moment = moments[label]
        if moment.unit == "step":
            if steps is None:
                steps = store.curves(run.id, _STEP_METRICS.values())
            # The study counts steps from 0.
            series = steps[_STEP_METRICS[metric]]
            value = _value_at(series.step, moment.number + 1, series.value)
        else:
            series = epochs[_AT_EPOCH[metric]]
            value = _value_at(series.epoch, moment.number - _FIRST[moment.unit] + 1, series.value)
        values[f"{label} {metric}"] = _percent(value) if METRICS[metric].kind == "accuracy" else value
    return values


def _value_at(moments: np.ndarray, moment: int, values: np.ndarray) -> float | None:
    """The value that was measured at this step or epoch; None if there is none."""
    here = values[moments == moment]
    return _value_or(here[-1], None) if len(here) else None


def _value_or(value: Any, instead: float | None) -> float | None:
    return instead if value is None or np.isnan(value) else float(value)


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else 100 * fraction


def _rounded(value: float) -> float:
    """Six significant digits, so that files stay small and the same on every machine."""
    return float(f"{value:.6g}")
