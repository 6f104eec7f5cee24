"""Streamlit components of this app: each a Python function with its script and style beside it."""

from dashboard.components.finished_runs import keep_finished_runs

keep_finished_runs()
