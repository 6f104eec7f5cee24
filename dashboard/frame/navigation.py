"""The pages in their order, and the frame around a page that is opened by its own address."""

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page

from dashboard.frame.address import keep_chosen_values
from dashboard.frame.glossary_page import show_glossary_page
from dashboard.frame.links import report_refused_values

report_refused_values()
keep_chosen_values()

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
    "class": ("Class", "What a class does together: a league, votes on races, and who is here."),
}

# The address of the glossary, which stands in no menu: the marks beside terms lead there.
GLOSSARY = "glossary"

# Keys of widgets that two pages have and whose value a page sets in a callback. Streamlit forgets what a person chose
# when the page is left, but keeps what a callback has set: the other page would start with that value.
_SET_BY_PAGES = ("view", "dataset")


def current_page() -> Page:
    """Show the navigation and return the page that the URL asks for."""
    st.session_state["framed"] = True
    home = st.Page(_home, title="MNIST Lab", default=True, visibility="hidden")
    words = st.Page(show_glossary_page, title="Glossary", url_path=GLOSSARY, visibility="hidden")
    page = st.navigation([home, *map(page_named, PAGES), words], position="top")
    if st.session_state.get("page:open") not in (None, page.url_path):
        for key in _SET_BY_PAGES:
            st.session_state.pop(key, None)
    st.session_state["page:open"] = page.url_path
    return page


def page_named(name: str) -> Page:
    """The page whose file has this name, for a link to it."""
    title, help = PAGES[name]
    return st.Page(_FOLDER / f"{name}.py", title=title, help=help)


def title_of(address: str) -> str:
    """What the page at this address is called; "" at none."""
    return "Glossary" if address == GLOSSARY else PAGES.get(address, ("", ""))[0]


def enter() -> None:
    """Make sure that the page runs inside the frame of app.py; every page calls this first.

    Streamlit finds the folder `pages/` by itself. After a start it runs a page alone for the first visitor who opens
    the page's own URL. Once `st.navigation` has been called, it runs app.py instead.
    """
    if not st.session_state.get("framed"):
        current_page()
        st.rerun()


def _home() -> None:
    st.switch_page(page_named("train"), query_params={key: st.query_params.get_all(key) for key in st.query_params})
