"""The pages and their order, and the way from any page's own URL into the app's frame."""

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page

from dashboard.frame.links import check_links

check_links()

LOGO = str(Path(__file__).with_name("logo.svg"))
_FOLDER = Path(__file__).resolve().parents[2] / "pages"
PAGES = {
    "train": ("Train", "Choose a network, start it and watch it learn."),
    "sweeps": ("Sweeps", "Try many settings, and see which serve best."),
    "inspect": ("Inspect", "What one run gets wrong, and what its weights look like."),
    "draw": ("Draw", "Draw a digit; every chosen network answers."),
    "compare": ("Compare", "All runs in a table, and several side by side."),
    "studies": ("Studies", "Published studies: predict, train, and compare with what they reported."),
    "data": ("Data", "What the networks learn from."),
}


# Keys of widgets that a page sets by itself, and that another page has as well. Streamlit forgets what a person chose
# on the page that is left, but not what was set: the other page would take it for its own.
_SET_BY_PAGES = ("view", "dataset")


def current_page() -> Page:
    """Show the navigation and return the page that the URL asks for."""
    st.session_state["framed"] = True
    home = st.Page(_home, title="MNIST Lab", default=True, visibility="hidden")
    page = st.navigation([home, *map(page_named, PAGES)], position="top")
    if st.session_state.get("page:open") not in (None, page.url_path):
        for key in _SET_BY_PAGES:
            st.session_state.pop(key, None)
    st.session_state["page:open"] = page.url_path
    return page


def page_named(name: str) -> Page:
    """The page whose file has this name, for a link to it."""
    title, help = PAGES[name]
    return st.Page(_FOLDER / f"{name}.py", title=title, help=help)


def enter() -> None:
    """To be called first by every page: makes sure that app.py's frame is around it.

    Streamlit discovers the folder `pages/` by itself and runs a page on its own for the first visitor after a start
    who opens the page's own URL; from the first call of `st.navigation` on it runs app.py.
    """
    if not st.session_state.get("framed"):
        current_page()
        st.rerun()


def _home() -> None:
    st.switch_page(page_named("train"), query_params={key: st.query_params.get_all(key) for key in st.query_params})
