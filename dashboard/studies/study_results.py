"""The results of an experiment: figures reported and measured, and the charts that the study drew."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.components import curve_chart, data_table, table_rows
from dashboard.controls import compared_runs
from dashboard.frame import choose_option, errors_as_messages, navigation, open_store, show_figure
from dashboard.studies.chosen_experiment import ChosenExperiment
from dashboard.studies.evidence import Evidence, accuracy_table, load_evidence, short_labels
from mnist_core import studies
from mnist_core.analysis import measures
from mnist_core.plots import Metric, accuracy_by_model, accuracy_dots, epoch_curves, learning_chart
from mnist_core.store import Run
from mnist_core.studies import METRICS
from mnist_core.text import in_markdown

# Smoothing of curves that are drawn step by step.
_SMOOTHING = 0.95
# Up to this number of epochs, curves are drawn step by step: so few values after each epoch would show little.
_MOST_STEPWISE_EPOCHS = 3
_METRICS: list[Metric] = ["loss", "accuracy"]
_CHOSEN = "An epoch or a setting that is chosen by this curve looks better than it is (optimistic)."
_MEASURED_HERE = "Measured by your own runs."
_SOURCES = {
    "committed": "No network of this experiment has been trained here yet. These figures were **measured when this "
    "version was made**. Train it live, and your own figures replace them.",
    "none": "No network of this experiment has been trained here with this number of epochs. Press **Train it live** "
    "above: then its figures appear here beside the reported ones.",
}


def show_study_figures(chosen: ChosenExperiment) -> None:
    """Reported and measured figures as a table, why some differ, and the accuracy of each network as a chart."""
    evidence = load_evidence(chosen)
    if evidence.source == "own":
        st.caption(_MEASURED_HERE + _fewer_epochs_note(chosen))
        if changed := measures.changed_note(open_store().changed_runs(evidence.runs)):
            st.warning(changed)
    else:
        st.info(_SOURCES[evidence.source])
    _show_table(chosen, evidence)
    for network in evidence.scattered:
        st.warning(in_markdown(studies.scatter_sentence(network)))
    _reasons(chosen, evidence)
    if len(chosen.experiment.variants) > 1:
        _by_model(chosen, evidence)


def show_study_curves(chosen: ChosenExperiment) -> None:
    """Learning curves of the finished networks, and how far their training and test accuracy lie apart."""
    trained_runs = chosen.trained()
    if not trained_runs:
        st.info("Train these networks live: when they have finished, their curves are shown here.")
        return
    runs = [run for _, run in trained_runs]
    _curves(chosen, runs)
    _overfitting(runs)
    _links(runs)


def _fewer_epochs_note(chosen: ChosenExperiment) -> str:
    """A remark on runs that trained for fewer epochs than the study's; empty if they did not."""
    if chosen.scale >= 1:
        return ""
    share = {"one": "only one"}.get(chosen.epochs, chosen.epochs)
    return f" They trained for **{share}** of the study's epochs, so expect lower accuracies than the study reports."


def _show_table(chosen: ChosenExperiment, evidence: Evidence) -> None:
    """Figures reported and measured, one row for each, with as many digits as their spread supports."""
    swept = chosen.experiment.swept
    values = {variant.label: variant.values for variant in chosen.experiment.variants}
    order = list(METRICS)
    rows = sorted(evidence.rows, key=lambda row: order.index(row.metric))
    lead = {_heading(name): [values.get(row.variant, {}).get(name) for row in rows] for name in swept}
    lead = lead or {"Network": [row.variant for row in rows]}
    shown = pd.DataFrame(
        {
            **lead,
            "Figure": [_figure_name(row.metric) for row in rows],
            "Reported": [row.reported for row in rows],
            "Measured": [row.mean for row in rows],
            "± sd": [row.std for row in rows],
            "n": [row.n for row in rows],
            "Difference": [row.difference for row in rows],
            "Honest": [row.honest_mean for row in rows],
            "Honest ± sd": [row.honest_std for row in rows],
        }
    )
    digits = [row.digits for row in rows]
    decimals = {
        "Reported": [count.reported for count in digits],
        **{name: [count.measured for count in digits] for name in ("Measured", "± sd")},
        "Difference": [count.difference for count in digits],
        **{name: [count.honest for count in digits] for name in ("Honest", "Honest ± sd")},
    }
    # Rounded here, so that the saved file has the same digits.
    for name, counts in decimals.items():
        shown[name] = [round(value, count) for value, count in zip(shown[name].tolist(), counts, strict=True)]
    data_table("reported", table_rows(shown, _columns(swept), decimals), "Reported and measured figures")
    st.caption("**Optimistic**: chosen on the same images that it is tested on. **Honest**: chosen on held-out images.")


def _columns(swept: Sequence[str]) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        **{_heading(name): number(format="%g") for name in swept},
        "Reported": number(help="What the study says."),
        "Measured": number(
            help="Mean over the seeds, measured as the study did. Where the test images chose the epoch or the "
            "settings, the figure looks better than it is (optimistic).",
        ),
        "± sd": number(
            help="Standard deviation between the seeds; needs two seeds. It sets how many digits the mean has."
        ),
        "n": number(format="%d", width="small", help="Seeds that have been trained."),
        "Difference": number(format="%+g", help="Measured minus reported."),
        "Honest": number(
            help="The same network, but its epoch was chosen on images held out of training (10,000 of MNIST's "
            "60,000). Tested once."
        ),
        "Honest ± sd": number(help="Standard deviation of the honest figure between the seeds."),
    }


def _heading(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _figure_name(metric: str) -> str:
    """A metric as the table's row calls it; times are in seconds here."""
    label = METRICS[metric].label + (" (s)" if METRICS[metric].kind == "seconds" else "")
    # The test images have chosen the epoch.
    label += ", optimistic" * (metric == "best_test_accuracy")
    return label[:1].upper() + label[1:]


def _reasons(chosen: ChosenExperiment, evidence: Evidence) -> None:
    """Notes of the study on why measured and reported figures differ, each once with its figures."""
    reasons: dict[str, list[str]] = {}
    for row in evidence.rows:
        if row.n and (because := chosen.study.because.get(row.key)):
            reasons.setdefault(because, []).append(f"{row.variant}, {METRICS[row.metric].label}")
    if reasons:
        with st.expander("Why some figures differ", expanded=bool(evidence.scattered)):
            if evidence.source == "own":
                st.caption("These notes are about the runs that came with this version, not about yours.")
            for because, figures in reasons.items():
                st.markdown(f"**{in_markdown('; '.join(figures))}**  \n{because}")


def _by_model(chosen: ChosenExperiment, evidence: Evidence) -> None:
    st.markdown("### Accuracy of each setting" if chosen.experiment.swept else "### Accuracy against model number")
    table = accuracy_table(chosen, evidence.table)
    title = _heading(chosen.experiment.swept[0]) if len(chosen.experiment.swept) == 1 else "Model"
    left, right = st.columns(2, gap="medium")
    with left:
        st.caption("From 0 to 100: the differences almost vanish.")
        show_figure(accuracy_by_model(table, title=title), key="full-scale")
    with right:
        st.caption("Zoomed in on the best. A triangle at the bottom: far below.")
        show_figure(accuracy_by_model(table, zoomed=True, title=title), key="zoomed")


def _curves(chosen: ChosenExperiment, runs: list[Run]) -> None:
    metric: Metric = choose_option(
        "Of",
        _METRICS,
        default="loss",
        key="metric",
        help="Loss is what training lowers; accuracy is the share of right answers.",
    )
    stepwise = max(run.epoch for run in runs) <= _MOST_STEPWISE_EPOCHS
    kinds = ("train", "validation") if stepwise else ("epoch_train", "validation")
    wanted = tuple(f"{kind}_{metric}" for kind in kinds)
    curves = {}
    for run in runs:
        with errors_as_messages():
            curves[run.id] = compared_runs.load_curves(run, wanted)
    runs = [run for run in runs if run.id in curves]
    if stepwise:
        chart = learning_chart(curves, runs, [metric], smoothing=_SMOOTHING)
    else:
        short = short_labels(chosen)
        chart = epoch_curves(curves, runs, metric, {run.id: short.get(run.name, run.name) for run in runs})
    curve_chart("study-curves", chart, f"{metric} of training and of the test images")
    training = "Bold: training step by step, smoothed" if stepwise else "Bold: training"
    st.caption(
        f"{training}; dotted with marks: the test images after each epoch. The study held no images out. {_CHOSEN}"
    )


def _overfitting(runs: list[Run]) -> None:
    st.markdown("### Training and test")
    show_figure(accuracy_dots(runs), key="overfitting")
    st.caption(
        "High accuracy on training images is not the goal. Where it lies far above that on test images, the network "
        "has learned its images by heart (overfitting)."
    )


def _links(runs: list[Run]) -> None:
    numbers = [str(run.number) for run in runs]
    with st.container(horizontal=True):
        for name, label, query in (
            ("inspect", "Look at samples and mistakes", {"run": numbers[0]}),
            ("compare", "Compare these runs", {"runs": numbers[:20]}),
            ("draw", "Draw a digit for them", {"runs": numbers[:6]}),
        ):
            st.page_link(
                navigation.page_named(name),
                label=label,
                query_params=query,
                help="Opens the page with these networks chosen.",
            )
