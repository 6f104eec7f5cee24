"""What a lab without runs shows first: what this is, and one button that teaches a network to read digits."""

import streamlit as st

from dashboard.controls import first_network, image_tag
from dashboard.frame import add_chosen_runs
from mnist_core import environment
from mnist_core.config import RunConfig
from mnist_core.data import load_arrays
from mnist_core.errors import MnistLabError

_WIDTH = 84


def show_greeting() -> None:
    """A sentence, real digits and the button."""
    st.html(
        "<div class='greeting'><p>MNIST Lab teaches small neural networks to read handwritten digits while you watch, "
        f"and shows honestly which network reads them best.</p><div class='pictures'>{_digits_html()}</div></div>"
    )
    st.button(
        "Teach a computer to read digits",
        type="primary",
        key="teach",
        on_click=_teach,
        help="Trains LeNet-5, a small convolutional network, in about half a minute on one core of a laptop.",
    )


def _teach() -> None:
    run = first_network.train()
    if run is not None:
        add_chosen_runs("runs", run.number)
        st.session_state.update(view="Training", form=False)


@st.cache_data(show_spinner=False)
def _digits_html() -> str:
    """One digit of each class of mnist-5k, which is part of the installation; "" if its file is damaged."""
    try:
        data = load_arrays(RunConfig(dataset="mnist-5k"), environment.data_dir())
    except MnistLabError:
        return ""
    pictures = [data.train_images[data.train_labels == digit][0] for digit in range(10)]
    # Dark on bright, as on paper.
    return "".join(image_tag(255 - picture[0], _WIDTH, "a handwritten digit") for picture in pictures)
