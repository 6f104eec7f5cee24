"""compare."""

import streamlit as st

from dashboard import navigation

navigation.enter()
st.title("compare")
