"""The facts on a run, in one line at the top of the page."""

import streamlit as st

from dashboard.components import marked_html
from mnist_core.store import Run
from mnist_core.text import in_html

# Terms of the glossary among the facts on a run.
_TERMS = {
    "Test accuracy": "Test images",
    "Test accuracy (optimistic)": "Optimistic",
    "Validation accuracy": "Validation images",
    "Parameters": "Parameters, weights",
    "Epochs": "Epoch",
}


def show_facts(run: Run) -> None:
    """How well the run does, and what it is."""
    test = "Test accuracy (optimistic)" if run.optimistic else "Test accuracy"
    facts = {
        test: _percent(run.tested_accuracy),
        **({} if run.optimistic else {"Validation accuracy": _percent(run.held_out_accuracy)}),
        "Parameters": "–" if run.parameters is None else f"{run.parameters:,}",
        "Epochs": f"{run.epoch} of {run.config.epochs}",
        "Data set": run.dataset,
        "State": run.state,
    }
    items = "".join(
        f"<div><span>{marked_html(name, _TERMS[name]) if name in _TERMS else name}</span><b>{in_html(value)}</b></div>"
        for name, value in facts.items()
    )
    st.html(f"<div class='facts'>{items}</div>")


def _percent(fraction: float | None) -> str:
    return "–" if fraction is None else f"{fraction:.2%}"
