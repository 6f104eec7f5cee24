"""Which of the chosen runs are hidden from the figures, and which is the baseline: both stand in the page's address."""

from collections.abc import Sequence

import streamlit as st

from dashboard.frame import check_link_value, parse_numbers
from mnist_core.store import Run

_HIDDEN, _BASELINE = "hidden", "baseline"


def visible_runs(runs: Sequence[Run]) -> list[Run]:
    """The runs without the hidden ones."""
    hidden = hidden_numbers()
    return [run for run in runs if run.number not in hidden]


def hidden_numbers() -> set[int]:
    """Numbers of the runs that the address hides."""
    return set(parse_numbers(st.query_params.get_all(_HIDDEN)))


def hide_only(numbers: Sequence[int]) -> None:
    """Hide exactly these runs; to be called from a callback."""
    _write(_HIDDEN, numbers)


def baseline_of(runs: Sequence[Run]) -> Run | None:
    """The run that the address pins as baseline; None if it is not among these."""
    check_link_value(_BASELINE, "Baseline", lambda text: bool(parse_numbers([text])))
    numbers = parse_numbers(st.query_params.get_all(_BASELINE)[:1])
    return next((run for run in runs if [run.number] == numbers), None)


def pin(number: int | None) -> None:
    """Make this run the baseline, or none; to be called from a callback."""
    _write(_BASELINE, [] if number is None else [number])


def _write(key: str, numbers: Sequence[int]) -> None:
    texts = [str(number) for number in numbers]
    if texts:
        st.query_params[key] = texts
    elif key in st.query_params:
        del st.query_params[key]
