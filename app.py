"""MNIST Lab in the browser: server, page settings and navigation, nothing else. Run it with `streamlit run app.py`."""

from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.access import ask_for_name, gate_middleware, host_middleware
from dashboard.controls import uploads
from dashboard.draw import answering
from dashboard.frame import (
    address,
    class_mode,
    compression,
    errors_as_messages,
    links,
    navigation,
    run_after_an_outage,
    sent_view,
    serving,
    show_uncaught_error,
    titles,
    troubles,
)
from dashboard.train import renewing


def draw() -> None:
    """Draw the page that the browser asks for, with the frame around it."""
    about = "**MNIST Lab**: train small networks, watch them learn, and compare them honestly."
    # Without an entry Streamlit hides the menu, and with it the switch between light and dark.
    title = titles.begin_title()
    st.set_page_config(page_title=title, page_icon=navigation.LOGO, layout="wide", menu_items={"About": about})
    st.logo(navigation.LOGO, size="large")
    page = navigation.current_page()
    with class_mode.begin_class_mode():
        sent_view.show_send_button()
    sent_view.follow_sent_view()
    shown = troubles.show_troubles()
    with errors_as_messages():
        if ask_for_name():
            page.run()
    titles.end_title()
    links.show_refused_values()
    address.complete_address()
    troubles.rerun_when_changed(shown)
    run_after_an_outage()


# Streamlit runs this file for every visitor. The server imports it once, and needs an `st.App` in it.
if get_script_run_ctx(suppress_warning=True):
    draw()
else:
    # Train and Compare keep places for what comes late, which their styles do only from the first drawing on.
    train, compare = (
        (Path(__file__).parent / "dashboard" / name).read_text(encoding="utf-8")
        for name in ("train/train.css", "compare/rail.css")
    )
    app = st.App(
        __file__,
        routes=[
            *serving.routes([*navigation.PAGES, navigation.GLOSSARY], {"": train, "train": train, "compare": compare}),
            *troubles.routes(),
            *answering.routes(),
            *renewing.routes(),
        ],
        middleware=[
            *host_middleware(),
            *gate_middleware(),
            *compression.compression_middleware(),
            *uploads.upload_middleware(),
        ],
        lifespan=serving.lifespan,
        on_script_error=show_uncaught_error,
    )
