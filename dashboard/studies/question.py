"""Predict first: a question that the class answers before the results are shown."""

import streamlit as st

from mnist_core.studies import Study
from mnist_core.text import in_markdown

# Session key of the answers: index of the chosen option by study, `_UNANSWERED` for "show without answering".
_ANSWERS = "studies:answers"
_UNANSWERED = -1


def is_answered(study: Study) -> bool:
    """Whether the class has answered this study's question, or asked for the results without answering."""
    return study.name in st.session_state.get(_ANSWERS, {})


def show_question(study: Study) -> None:
    """The question with a button for each answer; once answered, the right answer and its reason."""
    with st.container(border=True, key="question"):
        st.header("Predict first")
        st.markdown(f"### {study.question.text}")
        if is_answered(study):
            _verdict(study)
        else:
            _options(study)


def _options(study: Study) -> None:
    with st.container(horizontal=True, key="answers"):
        for index, option in enumerate(study.question.options):
            st.button(
                option,
                key=f"answer-{index}",
                on_click=_answer,
                args=(study.name, index),
                help="Your prediction. Then the results are shown.",
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
    question, prediction = study.question, st.session_state[_ANSWERS][study.name]
    right = f"**{in_markdown(question.options[question.answer])}**"
    if prediction == question.answer:
        st.success(f"You predicted {right}. That is right.")
    elif prediction == _UNANSWERED:
        st.info(f"The answer: {right}.")
    else:
        st.warning(f"You predicted **{in_markdown(question.options[prediction])}**. The answer: {right}.")
    st.markdown(question.why)
    st.button(
        "Ask again",
        key="ask-again",
        type="tertiary",
        on_click=_forget,
        args=(study.name,),
        help="Hides the results for the next class.",
    )


def _answer(study: str, index: int) -> None:
    st.session_state[_ANSWERS] = {**st.session_state.get(_ANSWERS, {}), study: index}


def _forget(study: str) -> None:
    st.session_state[_ANSWERS] = {name: index for name, index in st.session_state[_ANSWERS].items() if name != study}
