"""Learning curves as a figure of plotly, for the report and for notebooks."""

from collections.abc import Mapping, Sequence
from html import unescape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from mnist_core.analysis import SpreadBand
from mnist_core.plots.curve_chart import CurveChart, Entry, Line, Panel, XAxis
from mnist_core.plots.curve_view import CurveAxis, LearningRun, Metric
from mnist_core.plots.learning_chart import CurveGroup, learning_chart
from mnist_core.plots.style import GREY, LEAST_ERROR, accuracy_axis, log_axis, polish, tint
from mnist_core.store import RunCurves
from mnist_core.text import in_plotly

# Above this number of names: no markers (drawing thousands takes seconds) and a scrolling legend.
_MOST_MARKED = 12
# Longest name in a scrolling legend, in letters.
_COLUMN = 26
# Letters of the name's beginning that are kept when its middle is left out.
_BEGINNING = 10


def learning_curves(
    recorded: Mapping[str, RunCurves],
    runs: Sequence[LearningRun],
    metric: Metric = "loss",
    x: CurveAxis = "step",
    smoothing: float = 0.6,
    log_x: bool = False,
    log_y: bool = False,
    groups: Sequence[CurveGroup] = (),
    band: SpreadBand = "standard deviation",
) -> go.Figure:
    """The curves of `learning_chart` of one metric. A click on a name in the legend shows that line alone, another all.

    A logarithmic axis of accuracy is one of its errors.
    """
    return curve_figure(learning_chart(recorded, runs, [metric], x, smoothing, log_x, log_y, groups, band=band))


def curve_figure(chart: CurveChart) -> go.Figure:
    """A chart of one panel as a figure of plotly."""
    (panel,) = chart.panels
    entries = {entry.group: entry for entry in chart.entries}
    marked = len(entries) <= _MOST_MARKED
    named: set[str] = set()
    figure = go.Figure()
    for line in panel.lines:
        figure.add_trace(_trace(line, entries[line.group], panel, chart.x, marked, named))
    if any(entry.name == entry.label for entry in chart.entries):
        figure.add_traces(_key(chart, marked))
    polish(figure, height=460 if marked else 640)
    _add_legends(figure, panel, marked)
    low, high = chart.x.ends
    across: dict[str, Any] = log_axis(low, high) if chart.x.log else {"type": "linear"}
    figure.update_xaxes(title_text=chart.x.title, **across)
    figure.update_yaxes(title_text=panel.title, **_vertical(panel))
    if not marked:
        # Fixed margins: plotly finds fitting ones by drawing everything twice.
        figure.update_layout(margin={"l": 84, "b": 72})
        figure.update_xaxes(automargin=False)
        figure.update_yaxes(automargin=False)
    return figure


def _trace(line: Line, entry: Entry, panel: Panel, axis: XAxis, marked: bool, named: set[str]) -> dict[str, Any]:
    """A line as a trace; the first curve of each group, noted in `named`, stands in the legend."""
    is_error = panel.metric == "accuracy" and panel.log
    y = np.maximum(100 - line.y, np.float32(LEAST_ERROR)) if is_error else line.y
    trace: dict[str, Any] = {"type": "scatter", "x": line.x, "y": y, "legendgroup": line.group, "showlegend": False}
    if line.role == "raw":
        style = {"color": line.colour, "width": line.width}
        return trace | {"mode": "lines", "opacity": line.opacity, "hoverinfo": "skip", "line": style}
    if line.role == "band":
        area = {"fill": "toself", "fillcolor": tint(line.colour, line.opacity), "line": {"width": 0}}
        return trace | area | {"mode": "lines", "hoverinfo": "skip"}
    trace |= {"meta": in_plotly(entry.label)} | _hover(line, panel, axis)
    if line.role == "mark":
        marker = {"symbol": "x", "size": 14, "color": line.colour}
        return trace | {"mode": "markers", "cliponaxis": False, "marker": marker}
    is_first = line.group not in named
    named.add(line.group)
    name = entry.name if is_first or not line.symbol else line.kind.removesuffix(f" {panel.metric}")
    trace |= {
        "mode": "lines+markers" if line.symbol and marked else "lines",
        "name": in_plotly(name) if marked else _short(name),
        "showlegend": is_first,
        "line": {"color": line.colour, "width": line.width, "dash": line.dash},
    }
    if not line.symbol or not marked:
        return trace
    few = len(line.x) <= 60
    width = {"width": 2.5 if few else 1.5}
    return trace | {
        "marker": {"symbol": f"{line.symbol}-open", "size": 10 if few else 5, "color": line.colour, "line": width}
    }


def _hover(line: Line, panel: Panel, axis: XAxis) -> dict[str, Any]:
    x = "%{x:,.4~g}" if axis.name in ("epoch", "seconds") else "%{x:,.0f}"
    where = f"<br>{axis.before}{x}{axis.after}<extra></extra>"
    if line.role == "mark":
        return {"hovertemplate": f"<b>%{{meta}}</b><br>{in_plotly(line.kind)}{where}"}
    what = f"<b>%{{meta}}</b><br>{line.kind}"
    if panel.metric == "loss":
        return {"hovertemplate": f"{what} %{{y:.4g}}{where}"}
    if panel.log:
        return {"hovertemplate": f"{what} %{{customdata:.2f}}%{where}", "customdata": line.y}
    return {"hovertemplate": f"{what} %{{y:.2f}}%{where}"}


def _key(chart: CurveChart, marked: bool) -> list[dict[str, Any]]:
    """A second legend, in grey, that explains the kinds of line; clicks do not change it."""
    traces = []
    for kind in chart.kinds:
        if kind.is_faint:
            continue
        trace: dict[str, Any] = {"type": "scatter", "x": [None], "y": [None], "hoverinfo": "skip", "legend": "legend2"}
        trace |= {"name": kind.name, "line": {"color": GREY, "width": kind.width, "dash": kind.dash}, "mode": "lines"}
        if kind.has_marks and marked:
            marker = {"symbol": "circle-open", "color": GREY, "size": 10, "line": {"width": 2.5}}
            trace |= {"mode": "lines+markers", "marker": marker}
        traces.append(trace)
    return traces


def _add_legends(figure: go.Figure, panel: Panel, marked: bool) -> None:
    legend: dict[str, Any] = {"itemclick": "toggleothers", "itemdoubleclick": "toggle"}
    if not marked:
        legend |= {"font": {"size": 13}, "entrywidth": 215, "maxheight": 180}
    # Put the key into the free corner: losses fall, accuracies rise.
    low = panel.metric == "loss"
    key = {"x": 1, "xanchor": "right", "y": 1 if low else 0, "yanchor": "top" if low else "bottom"}
    key |= {"font": {"size": 16}, "itemclick": False, "itemdoubleclick": False}
    figure.update_layout(legend=legend, legend2=key)


def _vertical(panel: Panel) -> dict[str, Any]:
    if panel.metric == "accuracy" and panel.log:
        curves = [line.y for line in panel.lines if line.role == "curve"]
        return accuracy_axis(np.maximum(100 - np.concatenate([*curves, np.empty(0)]), LEAST_ERROR).tolist())
    if panel.log:
        return log_axis(*panel.ends)
    if panel.is_cut:
        return {"type": "linear", "range": list(panel.ends)}
    return {"type": "linear", "rangemode": "tozero" if panel.metric == "loss" else "normal"}


def _short(name: str) -> str:
    """A name shortened in its middle to fit the legend: names of a sweep's runs have the same beginning."""
    text = unescape(name)
    if len(text) <= _COLUMN:
        return in_plotly(name)
    return f"{in_plotly(text[:_BEGINNING])}…{in_plotly(text[_BEGINNING + 1 - _COLUMN :])}"
