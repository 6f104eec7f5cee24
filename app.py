"""MNIST Lab in the browser: page settings and navigation, nothing else. Run it with `streamlit run app.py`."""

import streamlit as st

from dashboard import navigation, state

about = "**MNIST Lab**: train small networks, watch them learn, and compare them honestly."
# With an entry of its own the menu is shown, and in it the switch between light and dark.
st.set_page_config(page_title="MNIST Lab", page_icon=state.LOGO, layout="wide", menu_items={"About": about})
st.logo(state.LOGO, size="large")
page = navigation.current_page()
with state.errors_as_messages():
    page.run()
