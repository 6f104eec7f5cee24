"""The rail of compared runs: line, name and accuracy of each; a run can be hidden, pinned as baseline and edited."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import streamlit as st
from streamlit.components.v2 import component

from dashboard.components import assets
from mnist_core.text import is_text

_MOUNT = component(
    "mnist_lab_run_rail",
    html=assets.text("run_rail/run_rail.html"),
    css=assets.text("run_rail/run_rail.css"),
    js=assets.joined("kept.js", "kept_place.js", "run_rail/run_rail.js"),
)
# Heights in pixels of a row whose name has one line, and of the line above the rows.
_ROW, _TOP = 56, 30


@dataclass(frozen=True)
class RailRow:
    """One run of the rail."""

    number: int
    # The whole name, for editing; `label` is what the row shows, `title` what it is called elsewhere.
    name: str
    label: str
    title: str
    # Address of an image of its line.
    line: str
    # What it achieved, in words.
    score: str
    hidden: bool
    baseline: bool
    tags: tuple[str, ...]
    note: str
    # Whether name, tags and note may be changed.
    editable: bool


@dataclass(frozen=True)
class RailGroup:
    """Runs that are one row, which opens; a group of one run is that run's row."""

    numbers: tuple[int, ...]
    name: str
    label: str
    score: str


@dataclass(frozen=True)
class RailEdit:
    """What a person has written about a run."""

    number: int
    name: str
    tags: tuple[str, ...]
    note: str


@dataclass(frozen=True)
class RailActions:
    """What happens with each change, before the page is drawn again."""

    # Gets the numbers of all hidden runs.
    hide: Callable[[list[int]], None]
    # Gets the number of the baseline, or None.
    pin: Callable[[int | None], None]
    edit: Callable[[RailEdit], None]
    # Gets the number of the run that leaves the comparison.
    remove: Callable[[int], None]


def run_rail(
    key: str,
    rows: Sequence[RailRow],
    groups: Sequence[RailGroup],
    caption: str,
    actions: RailActions,
    lengths: tuple[int, int],
    opened: bool,
) -> None:
    """Show the rows in the order of the groups; `lengths` are the most letters of a name and of a note.

    Groups are `opened` until a person closes them. Changes are checked here: what the browser sends may be anything.
    """
    data = {
        "key": key,
        "rows": [asdict(row) for row in rows],
        "groups": [asdict(group) for group in groups],
        "caption": caption,
        "nameLength": lengths[0],
        "noteLength": lengths[1],
        "opened": opened,
    }
    entries = len(groups) + opened * sum(len(group.numbers) for group in groups if len(group.numbers) > 1)
    _MOUNT(
        key=key,
        data=data,
        height=_TOP + _ROW * entries,
        on_change_change=lambda: _take(key, {row.number for row in rows}, actions),
    )


def _take(key: str, numbers: set[int], actions: RailActions) -> None:
    """Callback: carry out what the browser asks for, if it is about runs of this rail."""
    change = (st.session_state.get(key) or {}).get("change")
    if not is_text(change):
        return
    match change:
        case {"kind": "hidden", "numbers": list(hidden)}:
            actions.hide([number for number in hidden if isinstance(number, int) and number in numbers])
        case {"kind": "baseline", "number": None}:
            actions.pin(None)
        case {"kind": "baseline", "number": int(number)} if number in numbers:
            actions.pin(number)
        case {"kind": "remove", "number": int(number)} if number in numbers:
            actions.remove(number)
        case {"kind": "edit", "number": int(number), "name": str(name), "tags": list(tags), "note": str(note)} if (
            number in numbers
        ):
            words = dict.fromkeys(tag.strip() for tag in tags if isinstance(tag, str) and tag.strip())
            actions.edit(RailEdit(number, name, tuple(words), note))
