"""What every page starts from: the store, the background jobs, runs picked by number, and errors as messages."""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import streamlit as st

from dashboard.frame import links
from mnist_core import environment, jobs
from mnist_core.data import Download, Status, ensure
from mnist_core.errors import MnistLabError, StorageError
from mnist_core.jobs import STORE_ERRORS, explain
from mnist_core.plots import run_label
from mnist_core.store import UNDO_SECONDS, Run, Store
from mnist_core.text import in_markdown

LOGO = str(Path(__file__).with_name("logo.svg"))
_WARM_UP_SECONDS = 4.0
# chosen runs beyond which a line tells of them
_CHIPS = 12
# digits
_NUMBER_LENGTH = 18
# unknown runs of a link
_NAMED = 8
# no browser is so late; until then what it has not seen yet stays chosen
_ECHO_SECONDS = 60.0


@st.cache_resource(show_spinner=False)
def store() -> Store:
    """The store that the environment names; opening it starts the background jobs and the download of MNIST."""
    opened = Store.open()
    # what may only be read can be looked at all the same
    with suppress(StorageError):
        opened.purge(deleted_before=opened.clock() - UNDO_SECONDS)
    jobs.start(opened)
    _download("mnist")
    warm_up = threading.Timer(_WARM_UP_SECONDS, _import_torch)
    warm_up.daemon = True
    warm_up.start()
    return opened


def background() -> jobs.Jobs:
    """The thread that trains queued runs."""
    return jobs.start(store())


def data_status(name: str) -> Status:
    """Whether a data set is here; the first question about a missing one starts its download."""
    return _download(name).status


def retry_download(name: str) -> None:
    """Try once more to download a data set."""
    _download.clear(name)
    _download(name)


@st.cache_resource(show_spinner=False)
def _download(name: str) -> Download:
    return ensure(name, environment.data_dir())


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """Show an error that a person can mend as a message instead of letting it end the page.

    One that holds up the jobs as well stands above every page already.
    """
    try:
        yield
    except MnistLabError as error:
        _tell(error)


def tell_error(error: Exception) -> bool:
    """The same of what nobody has caught in a fragment or a callback, to be given to `st.App`; False for a bug."""
    if isinstance(error, STORE_ERRORS):
        _tell(error)
        return True
    return False


def _tell(error: Exception) -> None:
    text = explain(error)
    if not any(text in trouble.text for trouble in jobs.current_troubles()):
        st.error(in_markdown(text))


def pick_run(key: str, label: str, help: str, runs: Sequence[Run]) -> Run | None:
    """A select box of runs; the choice is the query parameter `key`, a run's number. None where there is no run."""
    by_number = {run.number: run for run in runs}
    if not by_number:
        return None
    links.check_value(key, label)
    _from_url(key, by_number, [next(iter(by_number))], single=True)
    number = st.selectbox(
        label, list(by_number), format_func=lambda number: _option(by_number, number), key=key, help=help
    )
    _to_url(key, [number])
    return by_number[number]


def pick_runs(key: str, label: str, help: str, runs: Sequence[Run], default: Sequence[int] = ()) -> list[Run]:
    """A list of runs to choose from; the choice is the repeated query parameter `key`. In the order chosen.

    Many chosen runs are told in a line until a person wants the list: a browser takes long to draw them one by one.
    """
    by_number = {run.number: run for run in runs}
    numbers = [run.number for run in picked_runs(key, runs, default)]
    if len(numbers) > _CHIPS and not st.session_state.get(f"{key}:listed"):
        _told(key, numbers)
    else:
        numbers = st.multiselect(
            label,
            list(by_number),
            format_func=lambda number: _option(by_number, number),
            key=key,
            help=help,
            placeholder="Choose runs",
        )
    _to_url(key, numbers)
    return [by_number[number] for number in numbers]


def as_numbers(texts: Iterable[str]) -> list[int]:
    """Those of the texts that are numbers of runs, or of other things that are counted: a link may say anything."""
    return [int(text) for text in texts if text.isascii() and text.isdecimal() and len(text) <= _NUMBER_LENGTH]


def bound_text(key: str) -> str:
    """What a text widget that is bound to the address says, also before it is drawn."""
    return st.session_state.get(key, st.query_params.get(key, ""))


def picked_runs(key: str, runs: Sequence[Run], default: Sequence[int] = ()) -> list[Run]:
    """What `pick_runs` with the same arguments will return, for what is drawn before it."""
    by_number = {run.number: run for run in runs}
    _name_unknown(key, by_number)
    _from_url(key, by_number, default)
    return [by_number[number] for number in st.session_state[key]]


def choose_also(key: str, *numbers: int) -> None:
    """Add runs to the choice of `pick_runs`; to be called from a callback, before the widget is drawn.

    What the browser sent before it saw the new choice may be handled after this: the runs are added to whatever arrives
    until `seen_by_browser` finds them in what it sends.
    """
    chosen = _chosen(key, [])
    # taken into account: it does not win again
    st.session_state[f"{key}:url"] = st.query_params.get_all(key)
    st.session_state[key] = list(dict.fromkeys([*chosen, *numbers]))
    st.session_state.setdefault(f"{key}:added", {}).update(dict.fromkeys(numbers, time.monotonic()))


def seen_by_browser(key: str) -> None:
    """To be called first in a fragment that follows `pick_runs`: learns which added runs the browser knows by now."""
    if st.session_state.pop(f"{key}:drawn", False):
        # the whole page is being drawn: the choice is the server's own, not yet an answer
        return
    for number in st.session_state.get(key, []):
        st.session_state.get(f"{key}:added", {}).pop(number, None)


def clicks(key: str) -> int:
    """How many clicks on this button were obeyed: an argument for its callback, to be given to `is_new_click`."""
    return st.session_state.get(f"{key}:clicks", 0)


def is_new_click(key: str, count: int) -> bool:
    """Whether a callback is called for a new click; `count` is what `clicks` said when the button was drawn.

    A busy browser sends a click twice when a fragment's own rerun falls between the click and its message.
    """
    if count != clicks(key):
        return False
    st.session_state[f"{key}:clicks"] = count + 1
    return True


def _told(key: str, numbers: Sequence[int]) -> None:
    """How many runs are chosen, and which, in few words; the way to their list."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{len(numbers)} runs are chosen:** {_ranges(numbers)}", width="content")
        st.button(
            "List them",
            key=f"{key}:list",
            type="tertiary",
            on_click=lambda: st.session_state.update({f"{key}:listed": True}),
            help="Shows each by its name, to take single ones out or add others.",
        )


def _ranges(numbers: Sequence[int]) -> str:
    """Numbers in few letters, ascending: 1–4, 7, 9–12."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(str(part[0]) if len(part) == 1 else f"{part[0]}–{part[-1]}" for part in parts)


def _from_url(key: str, known: Mapping[int, Run], default: Sequence[int], single: bool = False) -> None:
    """Set a widget's choice from the URL where that has changed, and leave out runs that are gone.

    Streamlit's own binding would put the runs' labels into the URL, and a renamed run would break the link.
    """
    now, times = time.monotonic(), st.session_state.get(f"{key}:added", {})
    added = [number for number, when in times.items() if now - when < _ECHO_SECONDS]
    present = [number for number in dict.fromkeys([*_chosen(key, default), *added]) if number in known]
    # Assigned at every run: a value left from another page is one that Streamlit is about to drop.
    st.session_state[key] = (present or list(default))[0] if single else present


def _name_unknown(key: str, known: Mapping[int, Run]) -> None:
    """Say which runs of a link are not here: once, for the page then makes the link its own."""
    given = st.query_params.get_all(key)
    if not given or given in (st.session_state.get(f"{key}:url"), st.session_state.get(f"{key}:named")):
        return
    st.session_state[f"{key}:named"] = given
    unknown = [text[:_NUMBER_LENGTH] for text in given if not any(number in known for number in as_numbers([text]))]
    if unknown:
        named = f"Run {unknown[0]}" if len(unknown) == 1 else f"Runs {', '.join(unknown[:_NAMED])}"
        more = f" and {len(unknown) - _NAMED} more" * (len(unknown) > _NAMED)
        verb = "is" if len(unknown) == 1 else "are"
        st.toast(
            in_markdown(f"{named}{more} of this link {verb} not here: deleted, or of another lab."), duration="long"
        )


def _chosen(key: str, default: Sequence[int]) -> list[int]:
    """Numbers from the URL where that has changed, else from the widget, else what it said on an earlier page."""
    given = st.query_params.get_all(key)
    if given and given != st.session_state.get(f"{key}:url"):
        return as_numbers(given)
    if key in st.session_state:
        value = st.session_state[key]
        return [value] if isinstance(value, int) else list(value)
    return list(st.session_state.get(f"{key}:chosen", default))


def _to_url(key: str, numbers: Sequence[int]) -> None:
    texts = [str(number) for number in numbers]
    st.session_state[f"{key}:chosen"] = list(numbers)
    st.session_state[f"{key}:drawn"] = True
    st.session_state[f"{key}:url"] = texts
    if st.query_params.get_all(key) != texts:
        st.query_params[key] = texts


def _option(by_number: dict[int, Run], number: int) -> str:
    return run_label(by_number[number]) if number in by_number else str(number)


def _import_torch() -> None:
    """Import what drawing and inspecting need before they are opened: torch alone takes two seconds."""
    from mnist_core.analysis import explain  # noqa: F401
    from mnist_core.architectures import building  # noqa: F401
    from mnist_core.training import checkpoints  # noqa: F401
