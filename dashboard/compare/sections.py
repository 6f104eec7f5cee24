"""The sections of the Compare page: each answers one question about the chosen runs; one is shown at a time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.compare import (
    calibration,
    class_differences,
    costs,
    disagreements,
    doubtful_labels,
    downloads,
    learning_curves,
    robustness,
    run_results,
    verdict,
)
from dashboard.frame import choose_option, errors_as_messages, open_store
from mnist_core.analysis import measures
from mnist_core.store import Run


@dataclass(frozen=True)
class Section:
    """A caption that says what the section answers, and the function that draws it."""

    about: str
    draw: Callable[[Sequence[Run]], None]


SECTIONS: Mapping[str, Section] = {
    "Results": Section("What the runs achieved, and which settings differ.", run_results.show_results),
    "Curves": Section("Loss and accuracy over the course of training.", learning_curves.show_learning_curves),
    "Is it real?": Section("Whether one run or one architecture is really better than another.", verdict.show_verdict),
    "Disagreements": Section(
        "Images that some runs get right and others wrong, and images that a run forgot again.",
        disagreements.show_disagreements,
    ),
    "Classes": Section(
        "Which digits each run is better at, and which digits two runs mix up.", class_differences.show_class_comparison
    ),
    "Cost": Section("Accuracy against parameters, work, time and size.", costs.show_costs),
    "Calibration": Section("Whether a run is right as often as it says it is.", calibration.show_calibration),
    "Robustness": Section("Accuracy when images are turned, moved, blurred or covered.", robustness.show_robustness),
    "Labels": Section("Test images whose label may be wrong.", doubtful_labels.show_doubtful_labels),
    "Take away": Section("Scripts, weights, curves and reports as files.", downloads.show_downloads),
}


def show_chosen_section(runs: Sequence[Run]) -> None:
    """Buttons that choose a section, and the chosen one."""
    if note := measures.changed_note(open_store().changed_runs(runs)):
        st.error(note)
    chosen = choose_option(
        "Look at",
        list(SECTIONS),
        default=next(iter(SECTIONS)),
        key="look",
        label_visibility="collapsed",
        help="One question about the chosen runs at a time.",
    )
    section = SECTIONS[chosen]
    st.caption(section.about)
    with errors_as_messages():
        section.draw(runs)
