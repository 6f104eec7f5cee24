"""Studies: five published studies of MNIST, to be predicted, trained live, and compared with what they reported."""

import streamlit as st

from dashboard.controls import IMAGE_STYLES
from dashboard.frame import choose_option, navigation
from dashboard.studies import (
    STYLES,
    ChosenExperiment,
    choose_experiment,
    choose_extent,
    is_answered,
    is_study_chosen,
    show_lesson,
    show_luck_of_network,
    show_networks,
    show_question,
    show_study_cards,
    show_study_curves,
    show_study_figures,
    show_study_weights,
    show_training,
    show_way_back,
)

_VIEWS = {
    "Reported and measured": show_study_figures,
    "Curves": show_study_curves,
    "Weights": show_study_weights,
    "Luck": show_luck_of_network,
    "The lesson": show_lesson,
}


def page() -> None:
    is_chosen = is_study_chosen()
    with st.container(horizontal=True, vertical_alignment="center", key="studies-head"):
        st.title("Studies", width="content")
        if is_chosen:
            show_way_back()
    st.caption(
        "Published studies of handwritten digits. Predict a result, train the networks, and compare with the report."
        + " Choose a question; the times are estimates for this machine." * (not is_chosen)
    )
    if is_chosen:
        show_chosen_study()
    else:
        show_study_cards()
        st.html(STYLES)


def show_chosen_study() -> None:
    """The study and the experiment that the address names: aim, networks, question, training and results."""
    chosen = choose_experiment()
    for styles in (IMAGE_STYLES, STYLES):
        st.html(styles)
    show_aim(chosen)
    show_networks(chosen)
    show_question(chosen.study)
    revealed = is_answered(chosen.study)
    chosen = choose_extent(chosen)
    show_training(chosen, revealed)
    if revealed:
        show_chosen_view(chosen)


def show_chosen_view(chosen: ChosenExperiment) -> None:
    """Figures, curves, weights or the lesson of the experiment, one view at a time."""
    st.header("Results")
    view = choose_option(
        "Results",
        list(_VIEWS),
        default=next(iter(_VIEWS)),
        key="results",
        label_visibility="collapsed",
        help="Figures, curves, learned weights, what many seeds tell about luck, or the lesson of the study.",
    )
    _VIEWS[view](chosen)


def show_aim(chosen: ChosenExperiment) -> None:
    """What the study asked, and how it measured."""
    study, experiment = chosen.study, chosen.experiment
    st.markdown(f"## {study.asks}")
    if experiment.asks != study.asks:
        st.markdown(f"**This experiment:** {experiment.asks}")
    st.caption(f"{study.source[0].upper()}{study.source[1:]}. {study.protocol}")


navigation.enter()
page()
