"""What is known of an experiment: measured by the person's own runs, or else by those that came with this version."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import state
from dashboard.studying import SEEDS, Subject, plan_of
from mnist_core import studies

METRICS = {
    "test_accuracy": "Test accuracy (%)", "best_test_accuracy": "Best test accuracy (%)", "test_loss": "Test loss",
    "test_errors": "Test errors (images)", "train_accuracy": "Training accuracy (%)", "train_loss": "Training loss",
    "running_train_loss": "Training loss, mean of all epochs", "train_batch_loss": "Loss of one batch",
    "train_batch_accuracy": "Accuracy of one batch (%)", "parameters": "Parameters",
    "wall_seconds": "Time of all of them (s)",
}  # fmt: skip
ACCURACIES = ("test_accuracy", "best_test_accuracy")


@dataclass(frozen=True)
class Evidence:
    """Reported beside measured, a row a figure, as `studies.comparison` has it."""

    table: pd.DataFrame
    source: Literal["own", "committed", "none"]


def evidence(subject: Subject) -> Evidence:
    """The figures of one experiment."""
    name, experiment = subject.study.name, subject.experiment.name
    planned = plan_of(name, experiment, SEEDS, subject.scale, True)
    ended = tuple(run.id for _, run in studies.find(state.store(), planned) if run.state == "finished")
    table = _compared(name, experiment, subject.scale, ended)
    if table["n"].to_numpy().any():
        return Evidence(table, "own")
    committed = studies.committed(name) if subject.scale == 1 else None
    if committed is not None:
        committed = committed.loc[committed["experiment"] == experiment, :]
        if committed["n"].to_numpy().any():
            return Evidence(committed, "committed")
    return Evidence(table, "none")


def by_model(subject: Subject, table: pd.DataFrame) -> pd.DataFrame:
    """Accuracies for the charts, a row a network in the study's order: variant, reported, mean, std and honest ones."""
    rows = table.loc[table["metric"].isin(ACCURACIES), :].drop_duplicates("variant").set_index("variant")
    columns = ["reported", "mean", "std", "honest_mean", "honest_std"]
    found = rows.reindex([variant.label for variant in subject.experiment.variants])[columns].astype(np.float64)
    return found.assign(variant=list(short_labels(subject).values())).reset_index(drop=True)


def short_labels(subject: Subject) -> dict[str, str]:
    """What a network is called where space is scarce: its one swept value, or its label."""
    single = len(subject.experiment.swept) == 1
    return {
        variant.label: f"{variant.values[subject.experiment.swept[0]]:g}" if single else variant.label
        for variant in subject.experiment.variants
    }


@st.cache_data(max_entries=64, show_spinner=False)
def _compared(study: str, experiment: str, scale: float, ended: tuple[str, ...]) -> pd.DataFrame:
    """`ended` is there to measure again once another run has."""
    return studies.comparison(state.store(), study, experiment, SEEDS, scale)
