"""An open page goes on after an outage, when its app was started anew or another app has taken over.

outages.js keeps what a person presses until the app knows the page again.
"""

import streamlit as st

# A browser that has connected again asks for a run of its page only if a part of the page is to be run from time to
# time. Without a run the new app knows no part of the page, and drops what is pressed there. Once a day costs nothing.
_SECONDS = 24 * 3600.0


@st.fragment(run_every=_SECONDS)
def run_after_an_outage() -> None:
    """Make browsers ask for a run of this page once they have connected again; draws nothing."""
