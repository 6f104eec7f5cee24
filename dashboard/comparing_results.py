"""Chosen runs side by side, first of all: what they achieved, what to bear in mind, and how their configs differ."""

from collections.abc import Sequence
from math import ceil, sqrt

import pandas as pd
import streamlit as st

from dashboard import comparing_data, run_table
from mnist_core.comparison import config_differences, runs_table
from mnist_core.data.catalogue import dataset
from mnist_core.plots.comparison import accuracies
from mnist_core.store import Run

_SURE = 1.96  # standard errors on either side: 95 of 100 differences by chance are smaller


def show(runs: Sequence[Run]) -> None:
    """Results, what differs, and training beside validation and test accuracy."""
    results(runs)
    differences(runs)
    overfitting(runs)


def results(runs: Sequence[Run]) -> None:
    """Best and last metrics of each run with its size, work and time, and what to bear in mind about them."""
    st.subheader("Results")
    table = runs_table(runs)
    last = pd.Series([_last_validation(run) for run in runs], index=table.index, dtype="float64")
    table = table.assign(
        **{"Line": [run_table.line_image(run.number) for run in runs], "Last validation accuracy (%)": last}
    )
    order = ["Line", "Run", "Name", "State", "Best validation accuracy (%)", "Best epoch",
             "Last validation accuracy (%)", "Training accuracy (%)", "Test accuracy (%)", "Test loss", "Epochs",
             "Parameters", "MACs", "Time (s)", "Images/s"]  # fmt: skip
    st.dataframe(
        table[order],
        key="results",
        hide_index=True,
        height="content",
        column_config=run_table.columns(),
        placeholder="–",
        alt="Results of the chosen runs",
    )
    for remark in remarks(runs):
        st.caption(remark)


def remarks(runs: Sequence[Run]) -> list[str]:
    """What to bear in mind before one of these runs is called better than another, a sentence or two each."""
    found = []
    active = [run for run in runs if run.state == "running"]
    if active:
        found.append(
            f"Still training: {comparing_data.named(active)}. The page Train shows live what stands still here."
        )
    tested = [run for run in runs if run.test_accuracy is not None]
    if len({run.dataset for run in runs}) > 1:
        found.append("These runs learned from different data sets: their accuracies cannot be compared.")
    elif len(tested) > 1 and (images := dataset(tested[0].dataset).test_images):
        best, second = sorted((run.test_accuracy or 0.0 for run in tested), reverse=True)[:2]
        found.append(
            f"The two best test accuracies differ by {round((best - second) * images):,} of {images:,} images. "
            f"A difference of fewer than about {chance((best + second) / 2, images):,} can be chance: other test "
            "images might turn it round. Another seed changes an accuracy, too."
        )
    splits = {(run.config.validation_images, run.config.split_seed, run.config.train_images) for run in runs}
    if len(splits) > 1:
        found.append("Their validation images are not the same ones, so compare validation accuracies with care.")
    return found


def chance(accuracy: float, images: int) -> int:
    """Difference in right answers, out of `images`, between two networks of this accuracy that chance can explain.

    1.96 standard errors of the difference of two independent binomial counts: sqrt(2 n p (1 - p)) each. Both networks
    see the same images, which makes true chance differences somewhat smaller.
    """
    return ceil(_SURE * sqrt(2 * images * accuracy * (1 - accuracy)))


def overfitting(runs: Sequence[Run]) -> None:
    """Training, validation and test accuracy of each run on one line."""
    st.subheader("Training, validation and test")
    if all(run.train_accuracy is None for run in runs):
        st.info("None of these runs has finished an epoch yet.")
        return
    st.plotly_chart(accuracies(runs), key="overfitting", config=comparing_data.CHART)
    st.caption("A training accuracy far above the other two means that the network learned its images by heart.")


def differences(runs: Sequence[Run]) -> None:
    """The hyperparameters that are not the same in all runs."""
    st.subheader("What differs")
    table = config_differences(runs)
    if len(runs) < 2:
        st.info("Choose a second run to see which of their settings differ.")
    elif table.empty:
        st.info("Nothing: all settings of these runs are the same.")
    else:
        st.dataframe(table, key="differences", height="content", alt="Settings that differ")
        st.caption("Only settings that differ. A dash: the setting has no effect in that run.")


def _last_validation(run: Run) -> float:
    """Validation accuracy (%) after the last epoch; NaN without one."""
    table = comparing_data.metrics(run.id, ("validation_accuracy",), run.state, run.step)
    return float("nan") if table.empty else 100 * float(table["value"].iloc[-1])
