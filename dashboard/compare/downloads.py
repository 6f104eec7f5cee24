"""The section Take away: files of one run, a report and curves of all, commands for other tools."""

from collections.abc import Sequence

import streamlit as st

from dashboard.controls import run_downloads
from dashboard.frame import choose_run
from mnist_core.store import Run


def show_downloads(runs: Sequence[Run]) -> None:
    """Files of one run, then files about all chosen runs, then commands for other tools."""
    st.header("One run")
    run = choose_run("takeaway_run", "Run", "The run whose files you can download.", runs)
    if run is None:
        st.info("Choose a run above to download its files.")
        return
    run_downloads.show_files(run)
    run_downloads.show_script(run)
    st.header("All of them together" if len(runs) > 1 else "Report")
    run_downloads.show_report_and_curves(runs)
    st.header("Into other tools")
    st.caption(
        "TensorBoard and MLflow keep their own files and databases. Copy these commands into a terminal in MNIST "
        "Lab's folder."
    )
    st.code("\n".join(export_commands(runs)), language="sh")


def export_commands(runs: Sequence[Run]) -> list[str]:
    """Command lines that hand the runs to TensorBoard and to MLflow."""
    lines = [f"python -m mnist_core export {run.number} --as tensorboard -o runs" for run in runs]
    lines += ["tensorboard --logdir runs", ""]
    lines += [f"python -m mnist_core export {run.number} --as mlflow -o sqlite:///mlflow.db" for run in runs]
    return [*lines, "mlflow ui --backend-store-uri sqlite:///mlflow.db"]
