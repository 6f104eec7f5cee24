"""Studies: five published studies of MNIST, to be predicted, trained live, and compared with what they reported."""

from pathlib import Path

import streamlit as st

from dashboard.controls import STYLES
from dashboard.frame import navigation, one_of
from dashboard.studies import (
    lesson,
    networks,
    question,
    training,
    weights,
)
from dashboard.studies import (
    results as studying_results,
)
from dashboard.studies import (
    subject as studying,
)

_VIEWS = {
    "Reported and measured": studying_results.figures,
    "Curves": studying_results.curves,
    "Weights": weights.weights,
    "The lesson": lesson.lesson,
}
_BOARD_STYLES = Path(studying.__file__).with_name("subject.css")


def page() -> None:
    st.title("Studies")
    st.caption("Published studies of handwritten digits: predict, train, and compare with what they reported.")
    subject = studying.choose()
    for styles in (STYLES, _BOARD_STYLES):
        st.html(styles)
    asked(subject)
    networks.networks(subject)
    question.ask(subject.study)
    revealed = question.answered(subject.study)
    subject = training.settings(subject)
    training.train(subject, revealed)
    if revealed:
        results(subject)


def results(subject: studying.Subject) -> None:
    """What was measured and what there is to learn from it, one view at a time."""
    st.subheader("Results")
    view = one_of(
        "Results",
        list(_VIEWS),
        default=next(iter(_VIEWS)),
        key="results",
        label_visibility="collapsed",
        help="Figures, curves, learned weights, or what there is to learn from it.",
    )
    _VIEWS[view](subject)


def asked(subject: studying.Subject) -> None:
    """What the study wanted to know, and how it measured."""
    study, experiment = subject.study, subject.experiment
    st.markdown(f"#### {study.asks}")
    if experiment.asks != study.asks:
        st.markdown(f"**This experiment:** {experiment.asks}")
    st.caption(f"{study.source[0].upper()}{study.source[1:]}. {study.protocol}")


navigation.enter()
page()
