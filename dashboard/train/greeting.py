"""What a lab without runs shows first: what this is, and one button that teaches a network to read digits."""

import streamlit as st

from dashboard.controls import first_network, image_tag
from dashboard.frame import add_chosen_runs
from dashboard.train.sample_digits import sample_digits

_WIDTH = 84


def show_greeting() -> None:
    """A sentence, real digits and the button."""
    # Dark on bright, as on paper.
    pictures = "".join(image_tag(255 - digit, _WIDTH, "a handwritten digit") for digit in sample_digits())
    st.html(
        "<div class='greeting'><p>MNIST Lab teaches small neural networks to read handwritten digits while you watch, "
        f"and shows honestly which network reads them best.</p><div class='pictures'>{pictures}</div></div>"
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
