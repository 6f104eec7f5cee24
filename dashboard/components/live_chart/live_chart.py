"""Live learning curves: a chart that stays in place while new points of its curves arrive."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.components.v2 import component

from dashboard.components import assets
from dashboard.components.live_chart.points import CurveHistory, CurveView, XAxis
from mnist_core.plots import per_epoch_dash
from mnist_core.text import in_markdown

# About how many points all training curves have together, so that drawing stays fast with many runs.
_TOTAL_POINTS = 9000
# The fewest and the most points of a curve.
_MIN_POINTS, _MAX_POINTS = 120, 700

_MOUNT = component(
    "mnist_lab_live_chart",
    js=assets.loader("live_chart/live_chart.js", "Training is not affected; reload the page to try again."),
    # plotly.js adds its styles to the document, where they would not reach an isolated component.
    isolate_styles=False,
)

_PRELOAD = component(
    "mnist_lab_live_chart_preload",
    js="""
export default async function ({ data }) {
  const { fetchPlotly } = await import(new URL(`${data.scripts}/live_chart/live_chart.js`, location.origin).href)
  // A failure is shown later, by the chart itself.
  fetchPlotly(data.plotly).catch(() => (window.mnistLabPlotly = undefined))
}
""",
)


@dataclass(frozen=True)
class ChartedRun:
    """One run on the chart: its line style, and how its measurements are read."""

    id: str
    name: str
    # A CSS colour.
    colour: str
    # "solid", "dash", "dot" or "dashdot".
    dash: str
    # 0 while unknown; then every step counts as an epoch.
    steps_per_epoch: int
    # Returns the rows after the one with this id: id, step, name, value, seconds.
    read: Callable[[int], pd.DataFrame]
    # Name of the curve that has a point after each epoch, and whether its images choose the best epoch.
    validation: str = "validation"
    optimistic: bool = False
    # What the training loss contains besides the loss that is measured after each epoch.
    training_loss: str = ""


def live_chart(
    key: str,
    series: Sequence[ChartedRun],
    *,
    smoothing: float = 0.0,
    log_x: bool = False,
    log_y: bool = False,
    x: XAxis = "step",
    height: int = 420,
) -> None:
    """Loss and accuracy of runs, one curve for each run: training at every report, validation at every epoch.

    Call it from a fragment that repeats itself. Each call reads and sends only what is new. The zoom stays as it is,
    and more points are sent of the part that it shows. `smoothing` in [0, 1) is the weight of the past in the moving
    average of `plots.smoothed`; `log_y` is for the loss; `height` is that of a panel in pixels. NaN in the loss marks
    a run that diverged.
    """
    try:
        addresses = {"scripts": assets.publish_scripts(), "plotly": assets.publish_plotly()}
    except assets.AssetError as error:
        st.error(in_markdown(str(error)))
        return
    kept: dict[str, CurveHistory] = st.session_state.get(f"{key}:histories", {})
    histories = {run.id: kept.get(run.id) or CurveHistory() for run in series}
    st.session_state[f"{key}:histories"] = histories
    points = max(_MIN_POINTS, min(_MAX_POINTS, _TOTAL_POINTS // (4 * max(1, len(series)))))
    view = _view((st.session_state.get(key) or {}).get("view"))
    window = view["range"] if view and view["x"] == x else None
    runs, sent = [], []
    for run in series:
        history = histories[run.id]
        history.add(run.read(history.row))
        curve_view = CurveView(smoothing, x, log_x, max(1, run.steps_per_epoch), points, window)
        message, content = history.message(curve_view)
        style = {"id": run.id, "name": run.name, "colour": run.colour, "dash": run.dash}
        kinds = {"kind": run.validation, "kind_dash": per_epoch_dash(run.optimistic), "more": run.training_loss}
        runs.append(style | kinds | {"per_epoch": curve_view.steps_per_epoch} | message)
        sent.append((history, content))
    options = {"smoothing": smoothing, "log_x": log_x, "log_y": log_y, "x": x, "height": height}
    _MOUNT(
        key=key,
        data={**addresses, "key": key, "options": options, "view": view, "runs": runs},
        on_resync_change=lambda: _send_all(histories),
        on_view_change=lambda: None,
    )
    # Noted only after sending, so that a script that is interrupted before sends the same points again.
    for history, content in sent:
        history.note(content)


def preload_live_chart() -> None:
    """Let the browser load the chart's scripts while the person still chooses what to train. Shows nothing."""
    # A failure is shown later, by the chart itself.
    with contextlib.suppress(assets.AssetError):
        _PRELOAD(key="chart-preload", data={"scripts": assets.publish_scripts(), "plotly": assets.publish_plotly()})


def _send_all(histories: dict[str, CurveHistory]) -> None:
    for history in histories.values():
        history.sent.clear()


def _view(sent: object) -> dict[str, Any] | None:
    """The zoom of the horizontal axis, as the browser sends it: the quantity (x) and the ends of the axis (range)."""
    match sent:
        case {"x": str(x), "range": [int() | float() as low, int() | float() as high]} if low < high:
            return {"x": x, "range": (float(low), float(high))}
    return None
