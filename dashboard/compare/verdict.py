"""Whether one run or one architecture is really better than another: first of all, which of the two is asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.compare import verdict_architectures, verdict_models
from dashboard.controls import compared_runs
from dashboard.frame import choose_option
from mnist_core.analysis import Predictions, measures
from mnist_core.store import Run


@dataclass(frozen=True)
class VerdictQuestion:
    """What is asked, and what chance it is about."""

    text: str
    draw: Callable[[Predictions], None]


QUESTIONS: Mapping[str, VerdictQuestion] = {
    "These trained models": VerdictQuestion(
        "**The question: would these very networks come out in the same order on other test images?** "
        "The chance is in which images the test set happens to hold. What another seed would give is not asked.",
        verdict_models.show_models,
    ),
    "These architectures": VerdictQuestion(
        "**The question: would these architectures come out in the same order if they were trained again?** "
        "The chance is in the seed: initial weights, order of images. Runs that differ only in the seed are one group.",
        verdict_architectures.show_architectures,
    ),
}


def show_verdict(runs: Sequence[Run]) -> None:
    """The choice of a question, and its answer for the chosen runs."""
    asked = choose_option(
        "Compare",
        list(QUESTIONS),
        default=next(iter(QUESTIONS)),
        key="verdict_about",
        help="Models: these trained networks, as they are; other test images could turn the result round. "
        "Architectures: what they give on average over seeds; other seeds could turn it round. One does not answer "
        "the other.",
    )
    question = QUESTIONS[asked]
    st.markdown(question.text)
    found = compared_runs.gather_predictions(runs)
    if found is not None:
        question.draw(found)
        if note := measures.optimistic_note(found.runs):
            st.caption(note)
