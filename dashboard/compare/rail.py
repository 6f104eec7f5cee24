"""The rail beside the sections: the chosen runs, each with its line and test accuracy, as one component."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import fmean

import streamlit as st

from dashboard.compare import workspace
from dashboard.components import RailActions, RailEdit, RailGroup, RailRow, run_rail
from dashboard.controls import run_columns, run_selection, run_snapshot
from dashboard.frame import errors_as_messages, open_store
from mnist_core.analysis import SeedGroup, seed_group_names, seed_groups
from mnist_core.plots import run_label
from mnist_core.store import COMMENT_LENGTH, NAME_LENGTH, Run
from mnist_core.text import cut_middle, one_line

# Letters of a name that fit into the width of the rail on two lines.
_LETTERS = 34
# Of so many runs the groups of seeds are open from the start.
_MOST_OPENED = 6

_STYLES = Path(__file__).with_name("rail.css")


def show_rail(runs: Sequence[Run]) -> None:
    """The chosen runs as rows that can be hidden, pinned as baseline and edited; groups of seeds are one row."""
    groups = seed_groups(runs)
    hidden, baseline = workspace.hidden_numbers(), workspace.baseline_of(runs)
    lines = dict(zip([run.id for run in runs], run_columns.line_images(runs), strict=True))
    rows = [_row(run, lines[run.id], run.number in hidden, run is baseline) for run in runs]
    count = sum(row.hidden for row in rows)
    caption = f"{len(runs)} run{'s' * (len(runs) > 1)}" + (f", {count} hidden" if count else "")
    numbers = [run.number for run in runs]
    with st.container(key="rail"):
        run_rail(
            "run-rail",
            rows,
            [_group(group, name) for group, name in zip(groups, seed_group_names(groups), strict=True)],
            caption,
            RailActions(workspace.hide_only, workspace.pin, _save, partial(_take_out, numbers)),
            (NAME_LENGTH, COMMENT_LENGTH),
            opened=len(runs) <= _MOST_OPENED,
        )


def show_style() -> None:
    """The style of rail and sections; to be sent early, so that nothing moves, in a row, where it takes no room."""
    st.html(_STYLES)


def _row(run: Run, line: str, hidden: bool, baseline: bool) -> RailRow:
    return RailRow(
        number=run.number,
        name=run.name,
        label=run_label(run, _LETTERS),
        title=run_label(run, NAME_LENGTH),
        line=line,
        score=_score(run),
        hidden=hidden,
        baseline=baseline,
        tags=tuple(map(one_line, run.tags)),
        note=run.comment,
        editable=open_store().may_change(run),
    )


def _score(run: Run) -> str:
    if run.test_accuracy is None:
        return run.state if run.state != "finished" else "not tested"
    return f"{run.test_accuracy:.2%}" + (" optimistic" if run.optimistic else "")


def _group(group: SeedGroup, name: str) -> RailGroup:
    tested = [run.test_accuracy for run in group.one_per_seed if run.test_accuracy is not None]
    seeds = len(group.one_per_seed)
    what = f"{seeds} seeds" if seeds > 1 else f"{len(group.runs)} runs of one seed"
    return RailGroup(
        numbers=tuple(run.number for run in group.runs),
        name=one_line(name),
        label=f"{cut_middle(one_line(name), _LETTERS - 10)} · {what}",
        score=f"{fmean(tested):.2%} on average" if tested else "not tested",
    )


def _take_out(numbers: Sequence[int], number: int) -> None:
    run_selection.set_chosen([other for other in numbers if other != number])


def _save(edit: RailEdit) -> None:
    """Callback: write down the name, the tags and the note of a run, as far as they have changed."""
    store = open_store()
    with errors_as_messages():
        run = store.find(str(edit.number))
        if edit.name != run.name:
            store.rename(run.id, edit.name)
        if set(edit.tags) != set(run.tags):
            store.set_tags(run.id, edit.tags)
        if edit.note != run.comment:
            store.set_comment(run.id, edit.note)
    run_snapshot.discard_snapshot()
