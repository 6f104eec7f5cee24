"""A chart of curves on canvases: few or many, at rest or growing, with zoom, crosshair, legend and table."""

import contextlib
from typing import Any

import streamlit as st
from streamlit.components.v2 import component

from dashboard.components import assets
from dashboard.components.curve_chart.sent_lines import ChartHistory, whole_message
from mnist_core.plots import CurveChart
from mnist_core.text import in_markdown

_HTML = assets.text("curve_chart/curve_chart.html")
# The script reaches a chart at rest with its only message, which is faster; a growing one loads it once.
_MOUNT = component(
    "mnist_lab_curve_chart",
    html=_HTML,
    css=assets.text("curve_chart/curve_chart.css"),
    js=assets.text(assets.CURVE_CHART),
)
_MOUNT_GROWING = component(
    "mnist_lab_growing_curve_chart",
    html=_HTML,
    js=assets.loader(assets.CURVE_CHART, "Training is not affected; reload the page to try again."),
)
_PRELOAD = component(
    "mnist_lab_curve_chart_preload",
    js=f"""
export default async function ({{ data }}) {{
  // A failure is shown later, by the chart itself.
  await import(new URL(`${{data.scripts}}/{assets.CURVE_CHART}`, location.origin).href).catch(() => null)
}}
""",
)


def curve_chart(key: str, chart: CurveChart, label: str) -> None:
    """Show a chart of curves; `label` describes it for people who cannot see it.

    A click on a name shows that line alone, dragging zooms, a double click shows everything again. By keyboard, arrow
    keys move a crosshair along the nearest line and from line to line, + and - zoom, 0 shows everything.
    """
    data = {"key": key, "label": label, "live": False, "empty": "", "message": whole_message(chart)}
    _MOUNT(key=key, data=data, on_resync_change=lambda: None, on_view_change=lambda: None)


def growing_curve_chart(
    key: str, chart: CurveChart, label: str, *, empty: str = "", points: int = 0, last_step: int = 0
) -> None:
    """The same for a chart whose lines grow, shown again and again or renewed: only what is new is sent.

    `empty` is shown while there is no point; `points` and `last_step` say how many measurements the chart is made from
    and which is the newest. The chart should have more points in `visible_range`.
    """
    try:
        scripts = assets.publish_scripts()
    except assets.AssetError as error:
        st.error(in_markdown(str(error)))
        return
    history = chart_history(key)
    message, sent = history.message(chart)
    _MOUNT_GROWING(
        key=key,
        data={
            "key": key,
            "label": label,
            "live": True,
            "empty": empty,
            "scripts": scripts,
            "styles": f"{scripts}/curve_chart/curve_chart.css",
            "view": _view(key),
            "message": message | {"points": points, "last_step": last_step},
        },
        on_resync_change=history.forget,
        on_view_change=lambda: None,
    )
    # Noted only after sending, so that a script that is interrupted before sends the same points again.
    history.note(sent)


def chart_history(key: str) -> ChartHistory:
    """What was sent of the growing chart with this key."""
    return st.session_state.setdefault(f"{key}:history", ChartHistory())


def next_message(history: ChartHistory, chart: CurveChart, *, points: int, last_step: int) -> dict[str, Any]:
    """What a `renewal` gives to a growing chart; the arguments are those of `growing_curve_chart`."""
    message, sent = history.message(chart)
    history.note(sent)
    return message | {"points": points, "last_step": last_step}


def visible_range(key: str, axis: str) -> tuple[float, float] | None:
    """The part of the horizontal axis `axis` that the growing chart with this key shows; None if all of it."""
    view = _view(key)
    return view["range"] if view and view["x"] == axis else None


def preload_curve_chart() -> None:
    """Let the browser load the script of growing charts before there is one. Shows nothing."""
    # A failure is shown later, by the chart itself.
    with contextlib.suppress(assets.AssetError):
        _PRELOAD(key="chart-preload", data={"scripts": assets.publish_scripts()})


def _view(key: str) -> dict[str, Any] | None:
    """The zoom of the horizontal axis, as the browser sends it: the quantity (x) and the ends of the axis (range)."""
    match (st.session_state.get(key) or {}).get("view"):
        case {"x": str(x), "range": [int() | float() as low, int() | float() as high]} if low < high:
            return {"x": x, "range": (float(low), float(high))}
    return None
