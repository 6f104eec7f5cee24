"""The sections of the Compare page: each shows one question about the chosen runs, one at a time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.compare import (
    calibration,
    classes,
    costs,
    curves,
    disagreements,
    labels,
    results,
    robustness,
    takeaway,
    verdict,
)
from dashboard.frame import one_of, state
from mnist_core.analysis import measures
from mnist_core.store import Run


@dataclass(frozen=True)
class Section:
    """What it answers, in a few words, and what draws it."""

    about: str
    show: Callable[[Sequence[Run]], None]


SECTIONS: Mapping[str, Section] = {
    "Results": Section("What the runs achieved, and which settings differ.", results.show),
    "Curves": Section("Loss and accuracy over the course of training.", curves.show),
    "Is it real?": Section("Whether one run or one architecture is really better than another.", verdict.show),
    "Disagreements": Section(
        "Images that some runs get right and others wrong; images that were forgotten.", disagreements.show
    ),
    "Classes": Section("Which digits each run is better at, and what two runs mistake for what.", classes.show),
    "Cost": Section("Accuracy against parameters, work, time and size.", costs.show),
    "Calibration": Section("Whether a run knows how sure it may be.", calibration.show),
    "Robustness": Section("Accuracy when images are turned, moved, blurred, covered.", robustness.show),
    "Labels": Section("Test images whose label may be wrong.", labels.show),
    "Take away": Section("Scripts, weights, curves and reports as files.", takeaway.show),
}


def show(runs: Sequence[Run]) -> None:
    """The choice of a section, and that section."""
    if note := measures.changed_note(state.store().changed_runs(runs)):
        st.error(note)
    chosen = one_of(
        "Look at",
        list(SECTIONS),
        default=next(iter(SECTIONS)),
        key="look",
        label_visibility="collapsed",
        help="One question about the chosen runs at a time.",
    )
    section = SECTIONS[chosen]
    st.caption(section.about)
    with state.errors_as_messages():
        section.show(runs)
