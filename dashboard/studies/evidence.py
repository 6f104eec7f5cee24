"""Figures of an experiment: measured by the person's own runs, or else those that came with this version."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from dashboard.frame import cached_by_run, open_store
from dashboard.studies.chosen_experiment import SEEDS, ChosenExperiment, plan_experiment
from mnist_core import studies
from mnist_core.store import Run
from mnist_core.studies import Measurement, ReportedRow, ScatteredSeeds

ACCURACIES = ("test_accuracy", "best_test_accuracy")


@dataclass(frozen=True)
class Evidence:
    """Figures reported and measured, and the networks whose seeds end far apart."""

    # One row for each figure.
    rows: tuple[ReportedRow, ...]
    scattered: tuple[ScatteredSeeds, ...]
    source: Literal["own", "committed", "none"]
    # The finished runs that the own figures were measured on.
    runs: tuple[Run, ...] = ()

    @property
    def table(self) -> pd.DataFrame:
        """The rows as a table with a column for each field of ReportedRow."""
        return studies.table_of_rows(self.rows)


def load_evidence(chosen: ChosenExperiment) -> Evidence:
    """The figures of an experiment: of own runs if there are any, else the committed ones."""
    name, experiment = chosen.study.name, chosen.experiment.name
    planned = plan_experiment(name, experiment, SEEDS, chosen.scale, True)
    runs = tuple(run for _, run in studies.find_runs(open_store(), planned) if run.state == "finished")
    measured = replace(_evidence(name, experiment, _measured(name, experiment, chosen.scale, runs), "own"), runs=runs)
    committed = _evidence(
        name, experiment, studies.committed_measurements(name) if chosen.scale == 1 else [], "committed"
    )
    with_measurements = [item for item in (measured, committed) if any(row.n for row in item.rows)]
    return with_measurements[0] if with_measurements else replace(measured, source="none")


def _evidence(
    study: str, experiment: str, measurements: Sequence[Measurement], source: Literal["own", "committed"]
) -> Evidence:
    rows = tuple(studies.comparison_rows(study, measurements, experiment))
    return Evidence(rows, tuple(studies.scattered_seeds(study, measurements, experiment)), source)


def accuracy_table(chosen: ChosenExperiment, table: pd.DataFrame) -> pd.DataFrame:
    """Accuracies for the charts, one row for each network in the study's order.

    Columns: variant, reported, mean, std, honest_mean, honest_std; in per cent, NaN where missing.
    """
    rows = table.loc[table["metric"].isin(ACCURACIES), :].drop_duplicates("variant").set_index("variant")
    columns = ["reported", "mean", "std", "honest_mean", "honest_std"]
    accuracies = rows.reindex([variant.label for variant in chosen.experiment.variants])[columns].astype(np.float64)
    return accuracies.assign(variant=list(short_labels(chosen).values())).reset_index(drop=True)


def short_labels(chosen: ChosenExperiment) -> dict[str, str]:
    """Short names of the networks by label: the swept value if only one setting is swept, else the label."""
    single = len(chosen.experiment.swept) == 1
    return {
        variant.label: f"{variant.values[chosen.experiment.swept[0]]:g}" if single else variant.label
        for variant in chosen.experiment.variants
    }


@cached_by_run(max_entries=64)
def _measured(study: str, experiment: str, scale: float, runs: Sequence[Run]) -> list[Measurement]:
    """Measurements of own runs; the finished `runs` make the cache measure again after each of them."""
    return studies.load_measurements(open_store(), study, experiment, SEEDS, scale)
