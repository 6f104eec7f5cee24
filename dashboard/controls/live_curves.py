"""Learning curves of runs that may still train, with the controls of their chart."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

import streamlit as st

from dashboard.components import ChartHistory, chart_history, growing_curve_chart, next_message, visible_range
from dashboard.frame import cached_by_run, choose_option, open_store
from mnist_core.analysis import measures
from mnist_core.errors import StoreError
from mnist_core.plots import CurveAxis, CurveChart, LineCache, learning_chart
from mnist_core.store import Run, RunCurves, Store, joined_curves
from mnist_core.text import in_markdown

_METRICS = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
# The training accuracy of "now" is a mean over this many of the latest recorded windows, each of about 0.1 s.
_LATEST = 20
_AXES: list[CurveAxis] = ["step", "epoch", "seconds"]
# Key of the chart.
_CHART = "curves"


class _View(TypedDict):
    """What `learning_chart` is told by the controls."""

    x: CurveAxis
    smoothing: float
    log_x: bool
    log_y: bool


class _Counts(TypedDict):
    """How many measurements a chart is made from, and the newest step among them."""

    points: int
    last_step: int


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


@dataclass(eq=False)
class LiveCurves:
    """The chart of runs that may still train, for one session: what was read of the runs, and how they are shown.

    While the page draws it, another thread may ask for what is new.
    """

    _followed: FollowedRuns = field(default_factory=FollowedRuns)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    # Ids of the runs on the chart, the controls' values, and the part of the horizontal axis that is seen.
    _shown: Sequence[str] = ()
    _view: _View | None = None
    _window: tuple[float, float] | None = None
    # What the browser has been sent.
    _history: ChartHistory = field(default_factory=ChartHistory)

    def show(self, runs: Sequence[Run]) -> None:
        """Draw the chart of these runs; a run whose recorded metrics are damaged is named and left out."""
        notes = {run.id: "" if run.active else _damage(run) for run in runs}
        for note in filter(None, notes.values()):
            st.error(in_markdown(note))
        runs = [run for run in runs if not notes[run.id]]
        # The controls stand below the chart, which is what one looks at.
        chart_place = st.container()
        view = _chart_controls()
        if note := measures.training_loss_note(runs):
            st.caption(note)
        empty = "Waiting for the first measurements …" if runs else "No run is selected."
        with self._lock, chart_place:
            self._shown, self._view = [run.id for run in runs], view
            self._window, self._history = visible_range(_CHART, view["x"]), chart_history(_CHART)
            chart = self._chart(open_store(), runs, view)
            growing_curve_chart(_CHART, chart, "Learning curves", empty=empty, **self._counts())

    def renewed(self, store: Store, runs: Sequence[Run]) -> dict[str, Any]:
        """By its key, the message that brings the chart up to date; `runs` as the store has them now."""
        with self._lock:
            if self._view is None:
                return {}
            chart = self._chart(store, [run for run in runs if run.id in self._shown], self._view)
            return {_CHART: next_message(self._history, chart, **self._counts())}

    def training_accuracy(self, run_id: str) -> float | None:
        """Accuracy (a fraction) on the training images of the latest steps; None before any was read."""
        recorded = self._followed.curves(run_id).get("train_accuracy")
        return None if recorded is None or not len(recorded.value) else float(recorded.value[-_LATEST:].mean())

    def _chart(self, store: Store, runs: Sequence[Run], view: _View) -> CurveChart:
        """The chart with all that has been recorded by now."""
        followed = self._followed
        followed.keep([run.id for run in runs])
        for run in runs:
            followed.add(run.id, *store.new_curves(run.id, followed.last_row(run.id), _METRICS))
        curves = {run.id: followed.curves(run.id) for run in runs}
        return learning_chart(curves, runs, window=self._window, cache=followed.lines, **view)

    def _counts(self) -> _Counts:
        losses = [self._followed.curves(run_id).get("train_loss") for run_id in self._shown]
        steps = [series.step for series in losses if series]
        last_step = max((int(step[-1]) for step in steps if len(step)), default=0)
        return {"points": sum(map(len, steps)), "last_step": last_step}


def live_curves() -> LiveCurves:
    """The live curves of this session."""
    return st.session_state.setdefault("curves:live", LiveCurves())


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
        if error.passes:
            raise
        return str(error)
    return ""
