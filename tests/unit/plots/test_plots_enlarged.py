"""Figures with larger type: every text grows by the same factor, what is drawn stays."""

import plotly.graph_objects as go
import pytest

from mnist_core.plots import enlarged
from mnist_core.plots.style import polish


@pytest.fixture
def figure() -> go.Figure:
    """A low figure with texts of several sizes and a long title beside its axis."""
    figure = go.Figure(go.Scatter(x=[1, 2], y=[3, 4], text=["a", "b"], textfont={"size": [10, 20]}, marker={"size": 9}))
    figure.add_annotation(text="note", yshift=20, font={"size": 15})
    polish(figure, height=220).update_yaxes(title_text="Accuracy of these answers (%, log scale of errors)")
    return figure


def test_texts_grow_and_marks_stay(figure: go.Figure):
    large = enlarged(figure, 2).to_plotly_json()
    layout, trace = large["layout"], large["data"][0]
    assert (layout["xaxis"]["tickfont"]["size"], layout["xaxis"]["title"]["font"]["size"]) == (32, 38)
    assert (layout["legend"]["font"]["size"], layout["font"]["size"]) == (32, 24)
    note = layout["annotations"][0]
    assert (note["font"]["size"], note["yshift"], layout["margin"]["l"]) == (30, 40, 16)
    assert (list(trace["textfont"]["size"]), trace["marker"]["size"]) == ([20, 40], 9)


def test_a_low_figure_grows_and_a_long_title_breaks(figure: go.Figure):
    layout = enlarged(figure, 2).to_plotly_json()["layout"]
    assert layout["height"] == 440
    assert layout["yaxis"]["title"]["text"] == "Accuracy of these answers<br>(%, log scale of errors)"
    assert enlarged(polish(figure, height=700), 2).to_plotly_json()["layout"]["height"] == 700


def test_the_figure_itself_stays(figure: go.Figure):
    before = figure.to_json()
    enlarged(figure, 1.6)
    assert figure.to_json() == before
