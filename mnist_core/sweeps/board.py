"""Results of a sweep: its runs as a table, the best run so far, and the means of settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mnist_core.analysis import SelectionBias, mean_by_setting, stats
from mnist_core.config import EPOCH_CHOICE_LABELS, dataset
from mnist_core.data import count_held_out
from mnist_core.store import Store
from mnist_core.sweeps.running import load_sweep
from mnist_core.sweeps.sweep import Sweep

_MEASURED = {
    "held_out_accuracy": "float64",
    "tested_accuracy": "float64",
    "train_loss": "float64",
    "seconds": "float64",
    "epoch": "int64",
    "note": "str",
}
_NAMES = {"held_out_accuracy": "validation_accuracy", "tested_accuracy": "test_accuracy"}


def sweep_table(store: Store, sweep_id: str) -> pd.DataFrame:
    """One row a run, oldest first: run (id), number, state, seed, a column for each axis, then what it achieved.

    validation_accuracy (of the best epoch) and test_accuracy are fractions, train_loss is that of the last epoch; what
    is not known yet is NaN. Runs whose best epoch the test images choose have a test_accuracy from their first epoch on
    and no validation_accuracy; chosen_on is the config's `epoch_choice`. loss_label says what train_loss has in it more
    than the loss after an epoch. finished_early says whether the run finished before its last planned epoch, as early
    stopping and successive halving make it.
    """
    sweep = load_sweep(store, sweep_id)
    lines = sweep.templates()
    runs = sorted(store.runs(sweep=sweep_id), key=lambda run: run.number)
    points = [sweep.point_of(run.config, lines) for run in runs]
    columns: dict[str, pd.Series] = {
        "run": pd.Series([run.id for run in runs], dtype="str"),
        "number": pd.Series([run.number for run in runs], dtype="int64"),
        "state": pd.Series([run.state for run in runs], dtype="str"),
        "seed": pd.Series([run.config.seed for run in runs], dtype="int64"),
    }
    columns |= {field: _values([point[field] for point in points]) for field in sweep.fields}
    columns["chosen_on"] = pd.Series([run.config.epoch_choice for run in runs], dtype="str")
    columns["loss_label"] = pd.Series([run.training_loss_label for run in runs], dtype="str")
    finished_early = [run.state == "finished" and run.epoch < run.config.epochs for run in runs]
    columns["finished_early"] = pd.Series(finished_early, dtype="bool")
    columns |= {
        _NAMES.get(name, name): pd.Series([getattr(run, name) for run in runs], dtype=kind)
        for name, kind in _MEASURED.items()
    }
    return pd.DataFrame(columns)


def ranking_column(table: pd.DataFrame) -> str:
    """The column that runs are compared by: validation accuracy, or test accuracy where not all runs can have one."""
    return "validation_accuracy" if all(choice == "validation" for choice in table["chosen_on"]) else "test_accuracy"


def ranking_name(table: pd.DataFrame) -> str:
    """Name, for readers, of the images behind the accuracy that runs are compared by.

    Ranking settings by test accuracy is a choice on the test images, even if no epoch was chosen on them.
    """
    return EPOCH_CHOICE_LABELS["validation" if ranking_column(table) == "validation_accuracy" else "test"]


def best_run(table: pd.DataFrame) -> pd.Series | None:
    """The row of the run with the highest accuracy so far (see `ranking_column`), or None before the first."""
    scores = table[ranking_column(table)].dropna()
    return table.loc[scores.idxmax()] if len(scores) else None


@dataclass(frozen=True)
class Setting:
    """A setting of a sweep with its means over the seeds that have an accuracy, as fractions."""

    # The values of the swept fields, by field.
    values: Mapping[str, Any]
    seeds: int
    # Mean of the accuracy that runs are ranked by (see `ranking_column`).
    mean: float
    # Mean test accuracy; NaN where no seed has been tested.
    test: float


@dataclass(frozen=True)
class BestRun:
    """The run with the highest accuracy so far; accuracies are fractions."""

    number: int
    state: str
    seed: int
    # The accuracy that runs are ranked by (see `ranking_column`).
    accuracy: float
    # NaN before the run was tested.
    test: float


@dataclass(frozen=True)
class SweepLeaders:
    """The best run, its setting, the best setting, and the selection bias of choosing the best."""

    run: BestRun
    of_run: Setting
    # The setting with the highest mean over its seeds; the best run's own setting if several are equal.
    best: Setting
    selection_bias: SelectionBias | None


def sweep_leaders(sweep: Sweep, table: pd.DataFrame) -> SweepLeaders | None:
    """The best run so far with what its seeds say; None before the first accuracy."""
    row = best_run(table)
    if row is None:
        return None
    score, fields = ranking_column(table), list(sweep.fields)
    first = {str(name): value for name, value in row.items()}
    # Plain Python numbers, because JSON does not accept numpy's.
    run = BestRun(
        int(first["number"]),
        str(first["state"]),
        int(first["seed"]),
        float(first[score]),
        float(first["test_accuracy"]),
    )
    scored = table.dropna(subset=[score])
    tested = {
        _values_of(row, fields): row["mean"] for row in _records(mean_by_setting(scored, fields, "test_accuracy"))
    }
    settings = [
        Setting(
            {field: row[field] for field in fields},
            row["n"],
            row["mean"],
            tested.get(_values_of(row, fields), float("nan")),
        )
        for row in _records(mean_by_setting(scored, fields, score))
    ]
    setting_of_run = next(
        setting for setting in settings if _values_of(setting.values, fields) == _values_of(first, fields)
    )
    groups: dict[tuple[Any, ...], list[float]] = {}
    for scored_row in _records(scored):
        groups.setdefault(_values_of(scored_row, fields), []).append(scored_row[score])
    noise = stats.image_noise(setting_of_run.mean, _images(sweep, setting_of_run, score))
    leader = max(settings, key=lambda setting: (setting.mean, setting is setting_of_run))
    return SweepLeaders(run, setting_of_run, leader, stats.selection_bias(list(groups.values()), noise))


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _values_of(row: Mapping[str, Any], fields: Sequence[str]) -> tuple[Any, ...]:
    return tuple(row[field] for field in fields)


def _images(sweep: Sweep, setting: Setting, score: str) -> int:
    """Number of images behind the accuracy that ranks the runs; 0 where the data set does not say it."""
    swept = {name: value for name, value in setting.values.items() if name in ("dataset", "validation_images")}
    config = sweep.base.model_copy(update=swept)
    info = dataset(config.dataset)
    return info.test_images if score == "test_accuracy" else count_held_out(config, info.train_images)


def _values(values: list[Any]) -> pd.Series:
    """A column that keeps None, such as "all training images", as it is."""
    return pd.Series(values, dtype="object" if not values or None in values else None)
