"""MNIST Lab in the browser: page settings and navigation, nothing else. Run it with `streamlit run app.py`."""

import streamlit as st

from dashboard import navigation, state

st.set_page_config(page_title="MNIST Lab", page_icon=state.LOGO, layout="wide")
st.logo(state.LOGO, size="large")
page = navigation.current_page()
with state.errors_as_messages():
    page.run()
