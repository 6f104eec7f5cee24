"""A view that the teacher sends: every student's browser opens the page that the teacher looks at.

The view is a setting of the store. The browsers ask for a digest of what stands above every page anyway (`troubles`);
the id of the newest view is part of it, so that each page is run again and finds the view.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import streamlit as st

from dashboard.access import access_is_on
from dashboard.components import open_address
from dashboard.frame.class_mode import KEY as CLASS_MODE
from dashboard.frame.links import parse_numbers
from dashboard.frame.store import lab_store, open_store
from mnist_core.jobs import STORE_ERRORS
from mnist_core.store import RunQuery, new_id, read_page

_SETTING = "sent_view"
# Key of the session: id of the view that was there when the session began, or that it has opened since.
_SEEN = "view seen"
# Parameter of an address: the view by which a page was opened.
_OPENED_BY = "sent"
# Seconds for which the id that was read last is good enough for all browsers that ask.
_FRESH_SECONDS = 1.0


@dataclass
class _Newest:
    """The id of the newest view, and when it was read."""

    view_id: str = ""
    read: float = float("-inf")


_newest = _Newest()


def send_view(page: str, parameters: Mapping[str, list[str]]) -> None:
    """Let all students' browsers open this page with these parameters. Raises NotAllowedError for a student."""
    kept = {name: values for name, values in parameters.items() if name != CLASS_MODE}
    store = open_store()
    store.set_setting(_SETTING, {"id": new_id(store.clock()), "path": f"{page}?{urlencode(kept, doseq=True)}"})


def show_send_button() -> None:
    """For the teacher of a class, a button that sends the page as it is now."""
    if not access_is_on() or open_store().owner is not None:
        return
    st.button(
        "Everyone look at this",
        key="send-view",
        on_click=_send_this,
        help="Opens the page that you see on the devices of the whole class, with the same runs and views. All of the "
        "class may see these runs from then on.",
    )


def _send_this() -> None:
    store = open_store()
    numbers = [number for key in ("runs", "run") for number in parse_numbers(st.query_params.get_all(key))]
    shown = read_page(store, RunQuery(numbers=numbers), limit=None).runs
    for sweep_id in st.query_params.get_all("sweep"):
        shown += store.runs(sweep=sweep_id)
    if shown:
        store.share([run.id for run in shown])
    send_view(st.session_state["page:open"], {name: st.query_params.get_all(name) for name in st.query_params})
    st.toast("Sent: the devices of the class open this page within a few seconds.")


def newest_view() -> str:
    """The id of the newest view; "" before the first. Read anew once a second at most, whoever asks."""
    if time.monotonic() - _newest.read > _FRESH_SECONDS:
        view = _read()
        _newest.view_id, _newest.read = _newest.view_id if view is None else view[0], time.monotonic()
    return _newest.view_id


def follow_sent_view() -> None:
    """Open the newest view in a student's browser, unless it was there before the session began.

    To be called before the page is drawn; the page is not drawn then.
    """
    view = _read()
    if view is None:
        return
    view_id, path = view
    # A page that a view has opened may begin after the next one was sent.
    opened_by = st.query_params.pop(_OPENED_BY, view_id)
    seen = st.session_state.setdefault(_SEEN, opened_by)
    if not view_id or seen == view_id or open_store().owner is None:
        return
    st.session_state[_SEEN] = view_id
    open_address(f"view-{view_id}", f"{path}{'&' if urlsplit(path).query else ''}{_OPENED_BY}={view_id}")
    st.stop()


def _read() -> tuple[str, str] | None:
    """Id and address of the newest view, "" if there is none; None if the store cannot be read now."""
    if not access_is_on():
        return "", ""
    # What is wrong with the store the page itself says.
    with suppress(*STORE_ERRORS):
        match lab_store().setting(_SETTING):
            case {"id": str(view_id), "path": str(path)}:
                return view_id, path
            case _:
                return "", ""
    return None
