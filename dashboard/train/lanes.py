"""The lanes of a race: one network a line, with how far it is and how accurate it is by now."""

from collections.abc import Sequence

from dashboard.controls import LiveCurves
from dashboard.train.leading_figure import leading_figure
from mnist_core.plots import run_label, run_style
from mnist_core.store import Run
from mnist_core.text import in_html


def lanes_html(runs: Sequence[Run], queue: Sequence[str], curves: LiveCurves) -> str:
    """A lane for each run, in this order; `queue` holds the ids of the queued runs, the next one first."""
    return f"<div class='lanes' role='list'>{''.join(_lane_html(run, queue, curves) for run in runs)}</div>"


def _lane_html(run: Run, queue: Sequence[str], curves: LiveCurves) -> str:
    figure = leading_figure(run, curves)
    number, label = ("–", "") if figure.accuracy is None else (f"{figure.accuracy:.2%}", figure.label)
    waits = " waits" if run.state == "queued" else ""
    return (
        f"<div class='lane{waits}' role='listitem' style='--line:{run_style(run.number).colour}'>"
        f"<span class='name'>{in_html(run_label(run))}</span>"
        f"<span class='track'><i style='width:{run.progress:.1%}'></i>"
        f"<span class='said'>{_said(run, queue)}</span></span>"
        f"<p class='number'>{number} <span class='of'>{in_html(label)}</span></p></div>"
    )


def _said(run: Run, queue: Sequence[str]) -> str:
    """Where the run is, in a few words."""
    if run.state == "queued":
        return f"its turn is number {queue.index(run.id) + 1}" if run.id in queue else "waits"
    if run.state == "diverged":
        return "diverged: its loss is no longer a number"
    if run.state != "running":
        return run.state
    if not run.step:
        return "starting …"
    left = run.remaining_seconds
    more = "" if left is None else f", {left:,.0f} s left"
    return f"epoch {min(run.epoch + 1, run.config.epochs)} of {run.config.epochs}{more}"
