"""What a run came to: its six surest mistakes as pictures, and three ways on."""

import numpy as np
import streamlit as st

from dashboard.controls import image_tag, split_predictions
from dashboard.frame import cached_by_run, navigation
from mnist_core.errors import MnistLabError
from mnist_core.plots import channels_last
from mnist_core.store import Run
from mnist_core.text import in_html

_MISTAKES = 6
# About how many pixels of the screen a picture is wide.
_WIDTH = 56


@cached_by_run(max_entries=200)
def mistakes_html(run: Run) -> str:
    """The test images that the network gets wrong although it is sure; "" where there are none or they are not here."""
    try:
        answers = split_predictions(run, "test")
        if answers.table.empty:
            return ""
        wrong = np.flatnonzero(answers.table["label"].to_numpy() != answers.table["predicted"].to_numpy())
        order = np.argsort(-answers.table["confidence"].to_numpy()[wrong], kind="stable")
        surest = answers.table.iloc[wrong[order[:_MISTAKES]]]
        if surest.empty:
            return ""
        pictures = channels_last(answers.images(surest))
    except MnistLabError as error:
        if error.passes:
            raise
        # The page Inspect says what is wrong with the predictions or the data.
        return ""
    shown = [
        _mistake_html(picture, answers.classes[label], answers.classes[predicted])
        for picture, label, predicted in zip(pictures, surest["label"], surest["predicted"], strict=True)
    ]
    title = "Its mistakes" if len(wrong) <= _MISTAKES else f"The surest of its {len(wrong):,} mistakes"
    return f"<p>{title}: what it is → what the network reads</p><div>{''.join(shown)}</div>"


def show_ways_on(run: Run) -> None:
    """Links to what one does next with a trained network."""
    for page, label, query, help in (
        ("inspect", "See its mistakes", {"run": str(run.number)}, "All images that it gets wrong, and its weights."),
        ("draw", "Draw for it", {"runs": str(run.number)}, "Draw a digit with the mouse or a finger; it answers."),
    ):
        st.page_link(navigation.page_named(page), label=label, query_params=query, help=help)


def _mistake_html(picture: np.ndarray, label: str, predicted: str) -> str:
    words = f"{label}, read as {predicted}"
    return (
        f"<figure>{image_tag(picture, _WIDTH, words)}"
        f"<figcaption><b>{in_html(label)}</b> → {in_html(predicted)}</figcaption></figure>"
    )
