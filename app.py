"""MNIST Lab in the browser: server, page settings and navigation, nothing else. Run it with `streamlit run app.py`."""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.controls import uploads
from dashboard.frame import access, errors_as_messages, links, navigation, serving, show_uncaught_error, troubles


def draw() -> None:
    """The page that the browser asks for, with the frame around it."""
    about = "**MNIST Lab**: train small networks, watch them learn, and compare them honestly."
    # With an entry of its own the menu is shown, and in it the switch between light and dark.
    st.set_page_config(page_title="MNIST Lab", page_icon=navigation.LOGO, layout="wide", menu_items={"About": about})
    st.logo(navigation.LOGO, size="large")
    page = navigation.current_page()
    shown = troubles.banner()
    with errors_as_messages():
        page.run()
    links.show_refused_values()
    troubles.follow(shown)


# for a visitor
if get_script_run_ctx(suppress_warning=True):
    draw()
else:
    # for the server, which runs this file for every visitor
    app = st.App(
        __file__,
        routes=[*serving.routes(navigation.PAGES), *troubles.routes()],
        middleware=[*access.middleware(), *uploads.middleware()],
        lifespan=serving.lifespan,
        on_script_error=show_uncaught_error,
    )
