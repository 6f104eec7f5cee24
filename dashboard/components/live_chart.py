"""The live learning curves: sends each run's new measurements to a chart that stays as it is while they come in."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

import pandas as pd
import streamlit as st
from streamlit.components.v2 import component

from dashboard.components import assets

_REPEATS = 2  # a measurement is in this many updates, for a busy browser skips one now and then

_MOUNT = component(
    "mnist_lab_live_chart",
    js=assets.loader("live_chart.js", "Training is not affected; reload the page to try again."),
    isolate_styles=False,  # plotly.js puts its own styles into the document
)

_PRELOAD = component(
    "mnist_lab_live_chart_preload",
    js="""
export default async function ({ data }) {
  const { fetchPlotly } = await import(new URL(`${data.scripts}/live_chart.js`, location.origin).href)
  fetchPlotly(data.plotly).catch(() => (window.mnistLabPlotly = undefined)) // the chart itself tells the person
}
""",
)


@dataclass(frozen=True)
class Series:
    """One run on the chart: how it looks and how its measurements are read."""

    id: str
    name: str
    colour: str  # CSS
    dash: str  # "solid", "dash", "dot" or "dashdot"
    steps_per_epoch: int  # 0 while unknown: then every step counts as an epoch
    read: Callable[[int], pd.DataFrame]  # rows with an id above the given one: id, step, name, value, seconds


def live_chart(
    key: str,
    series: Sequence[Series],
    *,
    smoothing: float = 0.0,
    log_x: bool = False,
    log_y: bool = False,
    x: Literal["step", "epoch", "seconds"] = "step",
    height: int = 420,
) -> None:
    """Loss and accuracy of runs, one curve a run: training at every report, validation at every epoch.

    Call it from a fragment that repeats itself; a call sends only what was measured lately, and the browser keeps the
    rest. The zoom stays as the person left it. `smoothing` in [0, 1) is the weight of the past in a moving average;
    `log_y` is for the loss; `height` is that of a panel in pixels. NaN in the loss marks a run that diverged.
    """
    try:
        addresses = {"scripts": assets.publish_scripts(), "plotly": assets.publish_plotly()}
    except assets.AssetError as error:
        st.error(str(error))
        return
    sent_name = f"{key}:sent"
    sent: dict[str, list[int]] = st.session_state.get(sent_name, {})  # run -> last rows of the latest updates
    updates = [update_of(one, sent.get(one.id, [0])[0]) for one in series]
    options = {"smoothing": smoothing, "log_x": log_x, "log_y": log_y, "x": x, "height": height}
    _MOUNT(
        key=key,
        data={**addresses, "options": options, "runs": updates},
        on_resync_change=lambda: st.session_state.pop(sent_name, None),
    )
    # Only now: a script that is interrupted before this line sends the same rows again.
    st.session_state[sent_name] = {
        update["id"]: [*sent.get(update["id"], [0]), update["to"]][-_REPEATS:] for update in updates
    }


def preload_chart() -> None:
    """Let the browser load the chart's scripts while the person is still choosing what to train. Shows nothing."""
    with contextlib.suppress(assets.AssetError):  # the chart itself tells the person
        _PRELOAD(key="chart-preload", data={"scripts": assets.publish_scripts(), "plotly": assets.publish_plotly()})


def update_of(one: Series, after: int) -> dict[str, Any]:
    """What the browser is told about a run: the measurements after a row, and from which row to which they go."""
    rows = one.read(after)
    return {
        "id": one.id,
        "name": one.name,
        "colour": one.colour,
        "dash": one.dash,
        "per_epoch": max(1, one.steps_per_epoch),
        "from": after,
        "to": int(rows["id"].to_numpy().max()) if len(rows) else after,
        "train": _points(rows, "train_loss", "train_accuracy"),
        "validation": _points(rows, "validation_loss", "validation_accuracy"),
    }


def _points(rows: pd.DataFrame, loss: str, accuracy: str) -> dict[str, list[Any]] | None:
    """Columns id (of the row), step, loss, accuracy (fraction), seconds, by step; None if there is nothing."""
    losses = rows[rows["name"] == loss]
    if losses.empty:
        return None
    accuracies = rows[rows["name"] == accuracy].set_index("step")["value"].to_dict()
    steps = losses["step"].tolist()
    return {
        "id": losses["id"].tolist(),
        "step": steps,
        "loss": [_short(value) for value in losses["value"].tolist()],
        "accuracy": [_short(accuracies.get(step)) for step in steps],
        "seconds": [_short(value) for value in losses["seconds"].tolist()],
    }


def _short(value: float | None) -> float | None:
    """Five digits are more than a screen shows; JSON has no NaN."""
    return float(f"{value:.5g}") if value is not None and isfinite(value) else None
