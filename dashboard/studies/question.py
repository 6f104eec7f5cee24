"""Predict first: the class answers a question before it sees what was measured."""

import streamlit as st

from mnist_core.studies import Study
from mnist_core.text import in_markdown

# in the session: study -> place of the option; -1 for "show it"
_ANSWERS = "studies:answers"
_UNANSWERED = -1


def is_answered(study: Study) -> bool:
    """Whether the class has answered this study's question, or has asked to see the results without."""
    return study.name in st.session_state.get(_ANSWERS, {})


def show_question(study: Study) -> None:
    """The question with a button for each answer; once answered, what is right and why."""
    with st.container(border=True, key="question"):
        st.subheader("Predict first")
        st.markdown(f"#### {study.question.text}")
        if is_answered(study):
            _verdict(study)
        else:
            _options(study)


def _options(study: Study) -> None:
    with st.container(horizontal=True, key="answers"):
        for place, option in enumerate(study.question.options):
            st.button(
                option,
                key=f"answer-{place}",
                on_click=_answer,
                args=(study.name, place),
                help="Your prediction. The results are shown once you have given one.",
            )
        st.button(
            "Show without answering",
            key="answer-none",
            type="tertiary",
            on_click=_answer,
            args=(study.name, _UNANSWERED),
            help="Shows curves and results at once.",
        )


def _verdict(study: Study) -> None:
    question, given = study.question, st.session_state[_ANSWERS][study.name]
    right = f"**{in_markdown(question.options[question.answer])}**"
    if given == question.answer:
        st.success(f"You predicted {right}, and that is what was found.")
    elif given == _UNANSWERED:
        st.info(f"What was found: {right}.")
    else:
        st.warning(f"You predicted **{in_markdown(question.options[given])}**. What was found: {right}.")
    st.markdown(question.why)
    st.button(
        "Ask again",
        key="ask-again",
        type="tertiary",
        on_click=_forget,
        args=(study.name,),
        help="Hides the results for the next class.",
    )


def _answer(study: str, place: int) -> None:
    st.session_state[_ANSWERS] = {**st.session_state.get(_ANSWERS, {}), study: place}


def _forget(study: str) -> None:
    st.session_state[_ANSWERS] = {name: place for name, place in st.session_state[_ANSWERS].items() if name != study}
