"""The style sheet of the page Train, which puts it on the page with st.html."""

from pathlib import Path

TRAIN_STYLES = Path(__file__).with_name("train.css")
