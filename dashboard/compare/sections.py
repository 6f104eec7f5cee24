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
    first_sentences,
    learning_curves,
    robustness,
    run_results,
    verdict,
)
from dashboard.compare.meanings import Meaning, show_meaning
from dashboard.components import explained
from dashboard.frame import choose_option, errors_as_messages, number_ranges, open_store
from mnist_core.analysis import measures
from mnist_core.config import dataset
from mnist_core.store import Run
from mnist_core.text import in_markdown


@dataclass(frozen=True)
class Section:
    """What a section answers, the function that draws it, the sentence that it begins with, and what it means."""

    about: str
    draw: Callable[[Sequence[Run]], None]
    # Plain text, computed from the runs.
    sentence: Callable[[Sequence[Run]], str]
    meaning: Meaning
    # Terms of the glossary that the mark beside the sentence explains.
    terms: tuple[str, ...]
    # Whether its figures are of runs that answered the same images: then it shows one data set at a time.
    needs_one_data_set: bool


SECTIONS: Mapping[str, Section] = {
    "Results": Section(
        "What the runs achieved, and which settings differ.",
        run_results.show_results,
        first_sentences.on_results,
        Meaning(
            "compare",
            "Results",
            "accuracy = images right / images. Its 95 % interval is Wilson's: with p the accuracy, n the images and "
            "z = 1.96, (p + z²/2n ± z·√(p(1 − p)/n + z²/4n²)) / (1 + z²/n).",
            "Two networks differ by 0.1 percentage points on 10,000 images. How many images is that, and would you bet "
            "on the same order with other images?",
        ),
        ("Run", "Chance, luck"),
        False,
    ),
    "Curves": Section(
        "Loss and accuracy over the course of training.",
        learning_curves.show_learning_curves,
        first_sentences.on_curves,
        Meaning(
            "compare",
            "Curves",
            "loss = −(1/n) · Σ ln p(true class), the mean over the images of a step or of an epoch (cross-entropy).",
            "The training curve still falls, but the validation curve rises. What does it learn from there on?",
        ),
        ("Overfitting",),
        False,
    ),
    "Is it real?": Section(
        "Whether one run or one architecture is really better than another.",
        verdict.show_verdict,
        first_sentences.on_results,
        Meaning(
            "comparing-fairly",
            "These trained models",
            "p = 2 · P(X ≤ the smaller count), at most 1, where X ~ Binomial(n, ½) and n is the number of images that "
            "exactly one of the two has right (McNemar's exact test).",
            "A coin falls 34 times on heads and 28 times on tails. Is it a fair coin? And at 340 to 280?",
        ),
        ("p", "Selection bias"),
        True,
    ),
    "Disagreements": Section(
        "Images that some runs get right and others wrong, and images that a run forgot again.",
        disagreements.show_disagreements,
        first_sentences.on_disagreements,
        Meaning(
            "disagreements",
            "Disagreements: by who is right",
            "For R runs there are 2ᴿ patterns of right and wrong; each image belongs to exactly one of them.",
            "Two networks are equally accurate. Can they be wrong on different images, and would a vote of both help?",
        ),
        ("Test images",),
        True,
    ),
    "Classes": Section(
        "Which digits each run is better at, and which digits two runs mix up.",
        class_differences.show_class_comparison,
        first_sentences.on_classes,
        Meaning(
            "disagreements",
            "Classes",
            "accuracy of class k = images of class k that are called k / images of class k.",
            "Which two digits does a network mix up most, before you look? Which two do you mix up?",
        ),
        ("Label",),
        True,
    ),
    "Cost": Section(
        "Accuracy against parameters, work, time and size.",
        costs.show_costs,
        first_sentences.on_cost,
        Meaning(
            "beyond-accuracy",
            "Cost",
            "A run is on the Pareto front if no other run is at least as accurate and at least as cheap, and better in "
            "one of the two.",
            "Which network would you put into a wrist watch, and which into a data centre?",
        ),
        ("MACs",),
        True,
    ),
    "Calibration": Section(
        "Whether a run is right as often as it says it is.",
        calibration.show_calibration,
        first_sentences.on_calibration,
        Meaning(
            "beyond-accuracy",
            "Calibration",
            "calibration error = Σ (images of a range / all images) · |accuracy − mean confidence| over the ranges of "
            "confidence.",
            "A network says “99 % sure” a hundred times and is right 90 times. What would you change about it?",
        ),
        ("Calibration", "Confidence"),
        True,
    ),
    "Robustness": Section(
        "Accuracy when images are turned, moved, blurred or covered.",
        robustness.show_robustness,
        first_sentences.on_robustness,
        Meaning(
            "beyond-accuracy",
            "Robustness",
            "mean accuracy = (1/5) · Σ accuracy over the five steps of a kind of change.",
            "Which change would harm a network most that never saw a moved digit, and why?",
        ),
        ("Accuracy",),
        True,
    ),
    "Labels": Section(
        "Test images whose label may be wrong.",
        doubtful_labels.show_doubtful_labels,
        first_sentences.on_labels,
        Meaning(
            "disagreements",
            "Labels",
            "doubt = ln (p(the other class) / p(the label)), where p is the mean of the runs' probabilities, weighted "
            "by 1 / loss⁴.",
            "If every network says 5 and the label says 3, who is right? How would you find out?",
        ),
        ("Label",),
        True,
    ),
    "Take away": Section(
        "Scripts, weights, curves and reports as files.",
        downloads.show_downloads,
        first_sentences.on_files,
        Meaning(
            "take-away",
            "The script",
            "The same seed, images, order and processor give the same weights, bit for bit: their SHA-256 is equal.",
            "Which line of the script would you change to make the network better, and what do you expect?",
        ),
        ("Checkpoint",),
        False,
    ),
}


def choose_section() -> str:
    """Buttons that choose a section; they stay at the top of the page while it scrolls."""
    with st.container(key="sections"):
        return choose_option(
            "Look at",
            list(SECTIONS),
            default=next(iter(SECTIONS)),
            key="look",
            label_visibility="collapsed",
            help="One question about the chosen runs at a time.",
        )


def show_section(name: str, runs: Sequence[Run]) -> None:
    """The section of this name: its sentence, what it means, and its figures."""
    section = SECTIONS[name]
    if note := measures.changed_note(open_store().changed_runs(runs)):
        st.error(note)
    if section.needs_one_data_set:
        runs = _of_one_data_set(runs)
    with errors_as_messages():
        with st.container(key="sentence"):
            sentence, meaning = st.columns([4, 1], vertical_alignment="top")
            lines = section.sentence(runs).split("\n")
            sentence.markdown("  \n".join(map(in_markdown, lines)), help=explained("", *section.terms) or None)
            with meaning:
                show_meaning(section.about, section.meaning)
        section.draw(runs)


def _of_one_data_set(runs: Sequence[Run]) -> list[Run]:
    """The runs on the data set that the person chooses, with a line on who is left out; all where there is only one."""
    names = list(dict.fromkeys(run.dataset for run in runs))
    if len(names) == 1:
        return list(runs)
    labels = {name: dataset(name).label for name in names}
    with st.container(horizontal=True, vertical_alignment="center", key="data-set"):
        chosen = choose_option(
            "Data set",
            names,
            default=names[0],
            key="compare_data",
            format_func=lambda name: labels.get(name, name),
            help="Only runs that answered the same images can be compared here, so it is one data set at a time.",
            label_visibility="collapsed",
        )
        others = [run.number for run in runs if run.dataset != chosen]
        many = f"runs {number_ranges(others)}" if len(others) > 1 else f"run {others[0]}"
        st.caption(f"Left out here: {many}, of another data set.", width="content")
    return [run for run in runs if run.dataset == chosen]
