"""A confusion matrix whose cells can be clicked; the chosen cell stands in the page's address."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from dashboard.frame import check_link_value, parse_numbers, show_figure


def choose_confusion_cell(figure: go.Figure, key: str, query: str, start: np.ndarray) -> tuple[int, int]:
    """Draw the matrix; returns the true and the predicted class of the chosen cell.

    The chosen cell is the clicked one, else that of the query parameter, else the largest of `start` (C, C) off its
    diagonal. The figure must stay the same when a cell is clicked, or the browser would draw it again. So the cell that
    Python marks is fixed at first; from then on the browser marks the clicked one.
    """
    points = st.session_state.get(key, {}).get("selection", {}).get("points", [])
    if points:
        cell = int(points[0]["customdata"][0]), int(points[0]["customdata"][1])
        st.query_params[query] = f"{cell[0]}-{cell[1]}"
    else:
        cell = _linked_cell(query, len(start)) or largest_confusion(start)
        st.session_state[f"{key}:first"] = cell
    first = st.session_state.get(f"{key}:first", cell)
    figure.update_traces(selectedpoints=[first[0] * len(start) + first[1]], selector={"name": "cells"})
    show_figure(figure, key=key, on_select="rerun", selection_mode="points")
    return cell


def largest_confusion(matrix: np.ndarray) -> tuple[int, int]:
    """The true and the predicted class of the largest cell off the diagonal; the first cell if all others are zero."""
    wrong = matrix - np.diag(np.diag(matrix))
    true, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
    return int(true), int(predicted)


def _linked_cell(query: str, count: int) -> tuple[int, int] | None:
    check_link_value(query, "Cell of the matrix", lambda text: _parse_cell(text, count) is not None)
    return _parse_cell(st.query_params.get(query, ""), count)


def _parse_cell(text: str, count: int) -> tuple[int, int] | None:
    true, _, predicted = text.partition("-")
    cell = parse_numbers([true, predicted])
    return (cell[0], cell[1]) if len(cell) == 2 and max(cell) < count else None
