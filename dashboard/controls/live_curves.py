"""Learning curves of runs that may still train, with the controls of their chart."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypedDict

import streamlit as st

from dashboard.components import growing_curve_chart, visible_range
from dashboard.frame import cached_by_run, choose_option, open_store
from mnist_core.analysis import measures
from mnist_core.errors import StoreError
from mnist_core.plots import CurveAxis, LineCache, learning_chart
from mnist_core.store import Run, RunCurves, joined_curves
from mnist_core.text import in_markdown

_METRICS = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
# The training accuracy of "now" is a mean over this many of the latest recorded windows, each of about 0.1 s.
_LATEST = 20
_AXES: list[CurveAxis] = ["step", "epoch", "seconds"]
# Key of the chart, and of what this session has read for it.
_CHART, _FOLLOWED = "curves", "curves:followed"


@dataclass
class FollowedRuns:
    """The measurements of runs that were read so far, and the lines that were made of them."""

    # By run id: id of the last row that was read, and the curves.
    recorded: dict[str, tuple[int, RunCurves]] = field(default_factory=dict)
    lines: LineCache = field(default_factory=dict)

    def add(self, run_id: str, last: int, curves: RunCurves) -> None:
        """Add curves of the store that come after those that were read before, up to the row with the id `last`."""
        if last > self.last_row(run_id):
            self.recorded[run_id] = last, joined_curves(self.curves(run_id), curves)

    def last_row(self, run_id: str) -> int:
        """Id of the last row of a run that was read."""
        return self.recorded.get(run_id, (0, {}))[0]

    def curves(self, run_id: str) -> RunCurves:
        """What was read of a run; the same object as long as nothing new is read."""
        return self.recorded.get(run_id, (0, {}))[1]

    def keep(self, run_ids: Sequence[str]) -> None:
        """Forget all other runs."""
        self.recorded = {run_id: kept for run_id, kept in self.recorded.items() if run_id in run_ids}
        self.lines = {key: kept for key, kept in self.lines.items() if key[0] in run_ids}


def live_curves(runs: Sequence[Run]) -> None:
    """The chart of these runs; a run whose recorded metrics are damaged is named and left out."""
    notes = {run.id: "" if run.active else _damage(run) for run in runs}
    for note in filter(None, notes.values()):
        st.error(in_markdown(note))
    runs = [run for run in runs if not notes[run.id]]
    # The controls stand below the chart, which is what one looks at.
    chart_place = st.container()
    view = _chart_controls()
    if note := measures.training_loss_note(runs):
        st.caption(note)
    store = open_store()
    followed: FollowedRuns = st.session_state.setdefault(_FOLLOWED, FollowedRuns())
    followed.keep([run.id for run in runs])
    for run in runs:
        followed.add(run.id, *store.new_curves(run.id, followed.last_row(run.id), _METRICS))
    curves = {run.id: followed.curves(run.id) for run in runs}
    window = visible_range(_CHART, view["x"])
    chart = learning_chart(curves, runs, window=window, cache=followed.lines, **view)
    steps = [series.step for series in (recorded.get("train_loss") for recorded in curves.values()) if series]
    with chart_place:
        growing_curve_chart(
            _CHART,
            chart,
            "Learning curves",
            empty="Waiting for the first measurements …" if runs else "No run is selected.",
            points=sum(map(len, steps)),
            last_step=max((int(step[-1]) for step in steps if len(step)), default=0),
        )


class _View(TypedDict):
    """What `learning_chart` is told by the controls."""

    x: CurveAxis
    smoothing: float
    log_x: bool
    log_y: bool


def _chart_controls() -> _View:
    with st.container(horizontal=True, vertical_alignment="bottom", key="curve-controls"):
        smoothing = st.slider(
            "Smoothing",
            0.0,
            0.99,
            0.9,
            0.01,
            key="smoothing",
            bind="query-params",
            width=240,
            help="How strongly the bold curve averages over earlier steps. The raw curve stays faint behind it.",
        )
        across: CurveAxis = choose_option(
            "Across", _AXES, default="step", key="x", help="What the horizontal axis counts."
        )
        log_x = st.toggle("Log x", key="log_x", bind="query-params", help="Logarithmic horizontal axis.")
        log_y = st.toggle(
            "Log y",
            True,
            key="log_y",
            bind="query-params",
            help="Logarithmic axes of the loss and of the errors: 98 % and 99 % look as different as they are.",
        )
    return {"x": across, "smoothing": smoothing, "log_x": log_x, "log_y": log_y}


@cached_by_run(max_entries=2000)
def _damage(run: Run) -> str:
    """What is wrong with the metrics of a run that has ended."""
    try:
        open_store().curves(run.id, _METRICS)
    except StoreError as error:
        return str(error)
    return ""


def latest_training_accuracy(run_id: str) -> float | None:
    """Accuracy (a fraction) on the training images of the latest steps; None before `live_curves` has read any."""
    followed: FollowedRuns | None = st.session_state.get(_FOLLOWED)
    recorded = followed.curves(run_id).get("train_accuracy") if followed else None
    return None if recorded is None or not len(recorded.value) else float(recorded.value[-_LATEST:].mean())
