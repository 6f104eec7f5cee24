"""The sweep that the Sweeps page shows; its id is in the page's address."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard.frame import check_link_value
from mnist_core.store import SweepRow

_CHOSEN, _SEEN = "sweep", "sweep:url"
_EXTENDED = "extend"


def choose_sweep(rows: Sequence[SweepRow]) -> SweepRow | None:
    """A select box of sweeps, whose choice is the query parameter `sweep`, an id; None if there is no sweep."""
    by_id = {row.id: row for row in rows}
    check_link_value(_CHOSEN, "Sweep")
    asked = st.query_params.get(_CHOSEN, "")
    if not by_id:
        return None
    if asked and asked != st.session_state.get(_SEEN):
        if asked not in by_id:
            st.warning("The sweep in this address is not here: it may have been deleted. This is the newest sweep.")
        st.session_state[_CHOSEN] = asked
    if st.session_state.get(_CHOSEN) not in by_id:
        st.session_state[_CHOSEN] = rows[0].id
    # Assigned at every run, because Streamlit drops a value that was set on another page.
    st.session_state[_CHOSEN] = st.session_state[_CHOSEN]
    chosen = st.selectbox(
        "Sweep",
        list(by_id),
        format_func=lambda sweep_id: sweep_label(by_id[sweep_id]) if sweep_id in by_id else sweep_id,
        key=_CHOSEN,
        on_change=stop_extending,
        help="The newest sweep is first. Type to search.",
    )
    _to_url(chosen)
    return by_id[chosen]


def select_sweep(sweep_id: str) -> None:
    """Choose this sweep. To be called from a callback, before the page is drawn."""
    st.session_state[_CHOSEN] = sweep_id
    # The address has been read, so it does not override this choice.
    st.session_state[_SEEN] = st.query_params.get(_CHOSEN, "")
    stop_extending()


def sweep_label(row: SweepRow) -> str:
    """A sweep's name and the time of its start, because names need not be unique."""
    zone = ZoneInfo(st.context.timezone) if st.context.timezone else None
    return f"{row.name} · {datetime.fromtimestamp(row.created, zone):%-d %b, %H:%M}"


def is_extending() -> bool:
    """Whether the form extends the chosen sweep instead of starting a new one."""
    return bool(st.session_state.get(_EXTENDED))


def start_extending() -> None:
    """Let the form extend the chosen sweep. To be called from a callback."""
    st.session_state[_EXTENDED] = True


def stop_extending() -> None:
    """Let the form start a new sweep. To be called from a callback."""
    st.session_state[_EXTENDED] = False


def _to_url(sweep_id: str) -> None:
    st.session_state[_SEEN] = sweep_id
    if st.query_params.get(_CHOSEN) != sweep_id:
        st.query_params[_CHOSEN] = sweep_id
