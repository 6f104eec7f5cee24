"""A page that shows hostile texts in every kind of element that reads Markdown."""

import streamlit as st

from mnist_core.text.escapes import in_markdown
from tests.security.hostile_texts import TEXTS

st.markdown("ready")
for offset, text in enumerate(TEXTS):
    with st.container(key=f"text-{offset}"):
        shown = in_markdown(text)
        st.markdown(shown)
        st.markdown(f"Inside of **{shown}** and *{shown}*, twice.")
        st.markdown(f"- {shown}")
        st.caption(shown)
        st.warning(shown)
        st.subheader(shown, anchor=False)
        st.checkbox(shown, key=f"checkbox-{offset}", help=shown)
        st.button(shown, key=f"button-{offset}")
        st.metric(shown, 1)
        st.progress(0.5, text=shown)
        st.expander(shown)
        st.markdown(f"<b>{shown}</b>", unsafe_allow_html=True)
    # These show their options as they are, without Markdown.
    with st.container(key=f"options-{offset}"):
        st.selectbox("One", [text], key=f"selectbox-{offset}")
        st.multiselect("Some", [text], [text], key=f"multiselect-{offset}")
