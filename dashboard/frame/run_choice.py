"""Runs that a person chooses on a page; the choice stands in the page's address, by number."""

import time
from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard.frame.links import check_link_value, parse_numbers
from mnist_core.plots import run_label
from mnist_core.store import Run
from mnist_core.text import in_markdown

# Above this number of chosen runs, one line sums them up instead of a list.
_MAX_LISTED = 12
# The most runs that the message about a link's missing runs names.
_MAX_NAMED = 8
# Value of the parameter where a person has chosen no run on a page that would otherwise choose some.
_EMPTIED = "none"
# The most letters of a link's value that the message repeats.
_MAX_LETTERS = 18
# Longest delay of a browser message; until then, runs that the browser has not seen stay chosen.
_CONFIRM_SECONDS = 60.0


def choose_run(key: str, label: str, help: str, runs: Sequence[Run], follows: str = "") -> Run | None:
    """A select box of runs; the choice is the query parameter `key`, a run's number. None where there is no run.

    `follows` is the key of `choose_runs` on other pages. Where the choice there has changed since, this one begins with
    the first of those runs, unless the address names another.
    """
    by_number = {run.number: run for run in runs}
    if not by_number:
        return None
    check_link_value(key, label)
    if follows:
        _follow_choice(key, follows)
    numbers = _numbers_from_url(key, by_number, [])
    # Assigned at every rerun: Streamlit is about to drop a value that is left from another page.
    st.session_state[key] = numbers[0] if numbers else next(iter(by_number))
    number = st.selectbox(
        label, list(by_number), format_func=lambda number: _option(by_number, number), key=key, help=help
    )
    keep_chosen_runs(key, [number])
    return by_number[number]


def choose_runs(
    key: str,
    label: str,
    help: str,
    runs: Sequence[Run],
    default: Sequence[int] = (),
    *,
    emptied: bool = False,
    wrap: bool | None = None,
) -> list[Run]:
    """A list of runs to choose from; the choice is the repeated query parameter `key`. In the order chosen.

    With `emptied` the address says of an empty choice that a person has made it. Many chosen runs are summed up in a
    line until a person wants the list: a browser takes long to draw it. `wrap` goes to `st.multiselect`.
    """
    by_number = {run.number: run for run in runs}
    numbers = [run.number for run in chosen_runs(key, runs, default)]
    if len(numbers) > _MAX_LISTED and not st.session_state.get(f"{key}:listed"):
        _show_summary(key, numbers)
    else:
        numbers = st.multiselect(
            label,
            list(by_number),
            format_func=lambda number: _option(by_number, number),
            key=key,
            help=help,
            placeholder="Choose runs",
            wrap=wrap,
        )
    keep_chosen_runs(key, numbers, emptied=emptied)
    return [by_number[number] for number in numbers]


def keep_chosen_runs(key: str, numbers: Sequence[int], *, emptied: bool = False) -> None:
    """Write the choice into the address, as `choose_runs` does; for a page that does not draw its list."""
    texts = [str(number) for number in numbers] or [_EMPTIED] * emptied
    st.session_state[f"{key}:chosen"] = list(numbers)
    st.session_state[f"{key}:drawn"] = True
    st.session_state[f"{key}:url"] = texts
    if st.query_params.get_all(key) != texts:
        st.query_params[key] = texts


def is_emptied(key: str) -> bool:
    """Whether the address says that a person has chosen no run."""
    return st.query_params.get_all(key) == [_EMPTIED]


def number_ranges(numbers: Sequence[int]) -> str:
    """Numbers of runs in few letters, ascending: 1–4, 7, 9–12."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][-1] + 1:
            ranges[-1].append(number)
        else:
            ranges.append([number])
    return ", ".join(str(span[0]) if len(span) == 1 else f"{span[0]}–{span[-1]}" for span in ranges)


def chosen_runs(key: str, runs: Sequence[Run], default: Sequence[int] = ()) -> list[Run]:
    """What `choose_runs` with the same arguments will return, for what is drawn above it."""
    by_number = {run.number: run for run in runs}
    _report_missing_runs(key, by_number)
    st.session_state[key] = _numbers_from_url(key, by_number, default)
    return [by_number[number] for number in st.session_state[key]]


def add_chosen_runs(key: str, *numbers: int) -> None:
    """Add runs to the choice of `choose_runs`; to be called from a callback, before the widget is drawn.

    A message that the browser sent before it saw the new choice may arrive after this call and would undo it. So the
    runs are added again to whatever arrives, until `confirm_chosen_runs` finds them in it.
    """
    numbers_before = _chosen_numbers(key, [])
    # The address has been taken into account; otherwise it would replace the new choice.
    st.session_state[f"{key}:url"] = st.query_params.get_all(key)
    st.session_state[key] = list(dict.fromkeys([*numbers_before, *numbers]))
    st.session_state.setdefault(f"{key}:added", {}).update(dict.fromkeys(numbers, time.monotonic()))


def replace_chosen_runs(key: str, numbers: Sequence[int]) -> None:
    """Choose these runs and no others; to be called from a callback, as `add_chosen_runs`.

    A message that arrives late brings the runs before it; these are left out until it has the new ones.
    """
    st.session_state[f"{key}:replaced"] = [number for number in _chosen_numbers(key, []) if number not in numbers]
    st.session_state[key] = []
    st.session_state.pop(f"{key}:added", None)
    st.session_state[f"{key}:url"] = st.query_params.get_all(key)
    add_chosen_runs(key, *numbers)


def confirm_chosen_runs(key: str) -> None:
    """Note which added runs the browser has by now; to be called first in a fragment that follows `choose_runs`."""
    if st.session_state.pop(f"{key}:drawn", False):
        # The whole page is being drawn: the choice is the server's, not yet the browser's.
        return
    for number in st.session_state.get(key, []):
        st.session_state.get(f"{key}:added", {}).pop(number, None)
    if not st.session_state.get(f"{key}:added"):
        st.session_state.pop(f"{key}:replaced", None)


def are_unconfirmed(key: str) -> bool:
    """Whether the browser may not know yet of runs that were added; another run of the fragment tells."""
    return bool(st.session_state.get(f"{key}:added"))


def _follow_choice(key: str, follows: str) -> None:
    """Take the first of the runs chosen under `follows` if those are others than this choice has followed before."""
    chosen = st.session_state.get(f"{follows}:chosen", [])
    if chosen and chosen != st.session_state.get(f"{key}:followed") and not st.query_params.get_all(key):
        st.session_state[key] = chosen[0]
    st.session_state[f"{key}:followed"] = chosen


def _show_summary(key: str, numbers: Sequence[int]) -> None:
    """One line that says how many runs are chosen and which, with a button for the list."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{len(numbers)} runs are chosen:** {number_ranges(numbers)}", width="content")
        st.button(
            "List them",
            key=f"{key}:list",
            type="tertiary",
            on_click=lambda: st.session_state.update({f"{key}:listed": True}),
            help="Shows each by its name, so that you can remove some or add others.",
        )


def _numbers_from_url(key: str, runs: Mapping[int, Run], default: Sequence[int]) -> list[int]:
    """The chosen numbers from the URL where that has changed, else the widget's, without runs that are gone.

    Streamlit's own binding would put the runs' labels into the URL, and a renamed run would break the link.
    """
    return [number for number in dict.fromkeys([*_chosen_numbers(key, default), *_added(key)]) if number in runs]


def _added(key: str) -> list[int]:
    """The runs that were added a short while ago, and that the browser may not know of yet."""
    now, times = time.monotonic(), st.session_state.get(f"{key}:added", {})
    return [number for number, when in times.items() if now - when < _CONFIRM_SECONDS]


def _report_missing_runs(key: str, runs: Mapping[int, Run]) -> None:
    """Say which runs of a link do not exist here: only once, because the page then rewrites its address."""
    values = st.query_params.get_all(key)
    if (
        not values
        or values == [_EMPTIED]
        or values in (st.session_state.get(f"{key}:url"), st.session_state.get(f"{key}:reported"))
    ):
        return
    st.session_state[f"{key}:reported"] = values
    missing = [text[:_MAX_LETTERS] for text in values if not any(number in runs for number in parse_numbers([text]))]
    if missing:
        names = f"Run {missing[0]}" if len(missing) == 1 else f"Runs {', '.join(missing[:_MAX_NAMED])}"
        more = f" and {len(missing) - _MAX_NAMED} more" * (len(missing) > _MAX_NAMED)
        verb = "is" if len(missing) == 1 else "are"
        st.toast(
            in_markdown(f"{names}{more} of this link {verb} not here: deleted, or of another lab."), duration="long"
        )


def _chosen_numbers(key: str, default: Sequence[int]) -> list[int]:
    """Numbers from the URL where that has changed, else from the widget, else its value on the page before."""
    values = st.query_params.get_all(key)
    if values and values != st.session_state.get(f"{key}:url"):
        return parse_numbers(values)
    if key in st.session_state:
        value = st.session_state[key]
        numbers = [value] if isinstance(value, int) else list(value)
        knows_new_ones = set(_added(key)) <= set(numbers)
        replaced = [] if knows_new_ones else st.session_state.get(f"{key}:replaced", [])
        return [number for number in numbers if number not in replaced]
    return list(st.session_state.get(f"{key}:chosen", default))


def _option(by_number: Mapping[int, Run], number: int) -> str:
    return run_label(by_number[number]) if number in by_number else str(number)
