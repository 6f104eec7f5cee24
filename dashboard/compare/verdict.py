"""Whether one run, or one architecture, is really better than another: the person first chooses the question."""

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
    """The question and its kind of chance as Markdown, and the function that answers it."""

    text: str
    draw: Callable[[Predictions], None]


QUESTIONS: Mapping[str, VerdictQuestion] = {
    "These trained models": VerdictQuestion(
        "**The question: would these networks come out in the same order on other test images?** "
        "Chance is in which images the test set happens to hold. Other seeds are not part of this question.",
        verdict_models.show_models,
    ),
    "These architectures": VerdictQuestion(
        "**The question: would these architectures come out in the same order if they were trained again?** "
        "Chance is in the seed: initial weights, order of images. Runs that differ only in the seed are one group.",
        verdict_architectures.show_architectures,
    ),
}


def show_verdict(runs: Sequence[Run]) -> None:
    """Buttons that choose a question, and its answer for the chosen runs."""
    chosen = choose_option(
        "Compare",
        list(QUESTIONS),
        default=next(iter(QUESTIONS)),
        key="verdict_about",
        help="Models: these trained networks; other test images could change the result. Architectures: their average "
        "over seeds; other seeds could change the result. An answer to one question does not answer the other.",
    )
    question = QUESTIONS[chosen]
    st.markdown(question.text)
    predictions = compared_runs.gather_predictions(runs)
    if predictions is not None:
        question.draw(predictions)
        if note := measures.optimistic_note(predictions.runs):
            st.caption(note)
