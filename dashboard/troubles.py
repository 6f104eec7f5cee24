"""What keeps runs from being trained, on every page for as long as it lasts."""

import streamlit as st

from mnist_core import jobs
from mnist_core.text import in_markdown, in_terminal

_LOOK_SECONDS = 3.0
_SHOWN = "troubles:shown"


@st.fragment(run_every=_LOOK_SECONDS)
def banner() -> None:
    """Say what is wrong now; when it has passed, draw the page anew, which may have been held up by it."""
    troubles = jobs.troubles_now()
    for trouble in troubles:
        st.error(in_markdown(trouble.text[:1].upper() + trouble.text[1:]))
        if trouble.lines:
            st.code(in_terminal(trouble.lines), language=None, wrap_lines=True)
    shown = st.session_state.get(_SHOWN, False)
    st.session_state[_SHOWN] = bool(troubles)
    if shown and not troubles:
        st.rerun()
