"""Runs beside each other as tables: what differs between their configs, and what each achieved."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from mnist_core.fields import FieldInfo, fields
from mnist_core.store import Run

_NO_EFFECT = "–"


def config_differences(runs: Sequence[Run]) -> pd.DataFrame:
    """Only what differs: one row a field by its label, one column a run ("3 · name"), as text.

    A field that has no effect in a run, such as the momentum of Adam, counts as a dash.
    """
    rows = {field.label: [_shown(field, run) for run in runs] for field in fields()}
    return pd.DataFrame.from_dict(
        {label: values for label, values in rows.items() if len(set(values)) > 1},
        orient="index", columns=[f"{run.number} · {run.name}" for run in runs], dtype="str",
    ).rename_axis("Hyperparameter")  # fmt: skip


def runs_table(runs: Sequence[Run]) -> pd.DataFrame:
    """One row a run, indexed by its id, in the given order; accuracies in per cent, durations in seconds.

    What a run does not know yet is missing (NA); `Created` is in UTC.
    """
    columns: dict[str, tuple[str, list[Any]]] = {
        "Run": ("int64", [run.number for run in runs]),
        "Name": ("str", [run.name for run in runs]),
        "Tags": ("object", [list(run.tags) for run in runs]),
        "State": ("str", [run.state for run in runs]),
        "Data set": ("str", [run.dataset for run in runs]),
        "Architecture": ("str", [run.config.architecture for run in runs]),
        "Parameters": ("Int64", [run.parameters for run in runs]),
        "MACs": ("Int64", [run.macs for run in runs]),
        "Epochs": ("int64", [run.epoch for run in runs]),
        "Optimizer": ("str", [run.config.optimizer for run in runs]),
        "Learning rate": ("float64", [run.config.learning_rate for run in runs]),
        "Best validation accuracy (%)": ("float64", [_percent(run.validation_accuracy) for run in runs]),
        "Best epoch": ("Int64", [run.best_epoch for run in runs]),
        "Training accuracy (%)": ("float64", [_percent(run.train_accuracy) for run in runs]),
        "Test accuracy (%)": ("float64", [_percent(run.test_accuracy) for run in runs]),
        "Test loss": ("float64", [run.test_loss for run in runs]),
        "Time (s)": ("float64", [run.seconds for run in runs]),
        "Images/s": ("float64", [run.images_per_second for run in runs]),
    }
    index = pd.Index([run.id for run in runs], name="id", dtype="str")
    table = pd.DataFrame(
        {name: pd.Series(values, index=index, dtype=kind) for name, (kind, values) in columns.items()}, index=index
    )
    created = pd.to_datetime([run.created for run in runs], unit="s", utc=True)
    return table.assign(Created=pd.Series(created, index=index, dtype="datetime64[ms, UTC]"))


def _shown(field: FieldInfo, run: Run) -> str:
    if not field.matters(run.config.model_dump()):
        return _NO_EFFECT
    value = getattr(run.config, field.name)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == "":
        return "not set"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else 100 * fraction
