"""The results of an experiment: reported beside measured, and the charts that the study drew."""

import pandas as pd
import streamlit as st

from dashboard.components import data_table, table_rows
from dashboard.frame import choose_option, errors_as_messages, navigation, open_store
from dashboard.studies.chosen_experiment import ChosenExperiment
from dashboard.studies.evidence import METRICS, Evidence, accuracy_table, load_evidence, short_labels
from mnist_core import studies
from mnist_core.plots import Metric, accuracy_by_model, accuracy_dots, epoch_curves, learning_curves
from mnist_core.store import Run
from mnist_core.text import in_markdown

_CHART = {"displayModeBar": False}
# of single steps
_SMOOTHING = 0.95
# epochs: up to here curves are drawn step by step, as there is little to see of so few epochs
_STEPWISE = 3
_METRICS: list[Metric] = ["loss", "accuracy"]
_OWN = "Measured by your own runs."
_SOURCES = {
    "committed": "Nothing of this experiment has been trained here yet. These figures were **measured when this "
    "version was made**; train it live and your own take their place.",
    "none": "Nothing of this experiment has been trained here with so many epochs. Press **Train it live** above: its "
    "figures appear here beside the reported ones.",
}


def show_figures(chosen: ChosenExperiment) -> None:
    """Reported beside measured, as a table and against the number of the model."""
    found = load_evidence(chosen)
    if found.source == "own":
        st.caption(_OWN + _fewer(chosen))
    else:
        st.info(_SOURCES[found.source])
    _table(chosen, found)
    for network in found.scattered:
        st.warning(in_markdown(studies.scatter_sentence(network)))
    _reasons(chosen, found)
    if len(chosen.experiment.variants) > 1:
        _by_model(chosen, found)


def show_curves(chosen: ChosenExperiment) -> None:
    """How the finished networks learned, and how far training and test accuracy lie apart."""
    found = chosen.trained()
    if not found:
        st.info("Train these networks live: their curves are kept here when they have finished.")
        return
    runs = [run for _, run in found]
    _curves(chosen, runs)
    _overfitting(runs)
    _links(runs)


def _fewer(chosen: ChosenExperiment) -> str:
    """What is to be said of runs that trained for fewer epochs than the study's."""
    if chosen.scale >= 1:
        return ""
    share = {"one": "only one"}.get(chosen.epochs, chosen.epochs)
    return f" They trained for **{share}** of the study's epochs, so expect less than was reported."


def _table(chosen: ChosenExperiment, found: Evidence) -> None:
    swept = chosen.experiment.swept
    values = {variant.label: variant.values for variant in chosen.experiment.variants}
    order = list(METRICS)
    rows = sorted(found.rows, key=lambda row: order.index(row.metric))
    lead = {_heading(name): [values.get(row.variant, {}).get(name) for row in rows] for name in swept}
    lead = lead or {"Network": [row.variant for row in rows]}
    shown = pd.DataFrame(
        {
            **lead,
            "Figure": [METRICS.get(row.metric, row.metric) for row in rows],
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
        "Reported": [places.reported for places in digits],
        **{name: [places.measured for places in digits] for name in ("Measured", "± sd")},
        "Difference": [places.difference for places in digits],
        **{name: [places.honest for places in digits] for name in ("Honest", "Honest ± sd")},
    }
    # in the saved file, too
    for name, places in decimals.items():
        shown[name] = [round(value, digits) for value, digits in zip(shown[name].tolist(), places, strict=True)]
    number = st.column_config.NumberColumn
    columns = {
        **{_heading(name): number(format="%g") for name in swept},
        "Reported": number(help="What the study says."),
        "Measured": number(
            "Measured (optimistic)",
            help="Mean over the seeds, measured as the study did: the test "
            "images chose the epoch or the settings, which flatters.",
        ),
        "± sd": number(help="Standard deviation between the seeds; needs two. It says how many digits the mean has."),
        "n": number(format="%d", width="small", help="Seeds that have been trained."),
        "Difference": number(format="%+g", help="Measured minus reported."),
        "Honest": number(
            help="The same network, its epoch chosen on 10,000 images held out of training, and tested once."
        ),
        "Honest ± sd": number(help="Standard deviation of the honest figure between the seeds."),
    }
    data_table("reported", table_rows(shown, columns, decimals), "Reported and measured figures")
    st.caption("**Optimistic**: chosen on the very images that it is tested on. **Honest**: chosen on held-out images.")


def _heading(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _reasons(chosen: ChosenExperiment, found: Evidence) -> None:
    """What is known of the differences between measured and reported figures, each note once."""
    reasons: dict[str, list[str]] = {}
    for row in found.rows:
        if row.n and (because := chosen.study.because.get(row.key)):
            reasons.setdefault(because, []).append(f"{row.variant}, {METRICS.get(row.metric, row.metric)}")
    if reasons:
        with st.expander("Why some figures differ", expanded=bool(found.scattered)):
            if found.source == "own":
                st.caption("These notes are about the runs that came with this version, not about yours.")
            for because, show_figures in reasons.items():
                st.markdown(f"**{in_markdown('; '.join(show_figures))}**  \n{because}")


def _by_model(chosen: ChosenExperiment, found: Evidence) -> None:
    st.markdown("#### Accuracy of each setting" if chosen.experiment.swept else "#### Accuracy against model number")
    table = accuracy_table(chosen, found.table)
    title = _heading(chosen.experiment.swept[0]) if len(chosen.experiment.swept) == 1 else "Model"
    left, right = st.columns(2, gap="medium")
    with left:
        st.caption("From 0 to 100: the differences all but vanish.")
        st.plotly_chart(accuracy_by_model(table, title=title), key="full-scale", config=_CHART)
    with right:
        st.caption("Zoomed in on the best; a triangle at the foot is far below.")
        st.plotly_chart(accuracy_by_model(table, zoomed=True, title=title), key="zoomed", config=_CHART)


def _curves(chosen: ChosenExperiment, runs: list[Run]) -> None:
    metric: Metric = choose_option(
        "Of",
        _METRICS,
        default="loss",
        key="metric",
        help="Loss is what training lowers; accuracy is the share of right answers.",
    )
    stepwise = max(run.epoch for run in runs) <= _STEPWISE
    kinds = ("train", "validation") if stepwise else ("epoch_train", "validation")
    wanted = tuple(f"{kind}_{metric}" for kind in kinds)
    tables = {}
    for run in runs:
        with errors_as_messages():
            tables[run.id] = _metrics(run.id, wanted, run.step)
    runs = [run for run in runs if run.id in tables]
    if stepwise:
        figure = learning_curves(tables, runs, metric, smoothing=_SMOOTHING)
    else:
        short = short_labels(chosen)
        figure = epoch_curves(tables, runs, metric, {run.id: short.get(run.name, run.name) for run in runs})
    st.plotly_chart(figure, key="study-curves", config=_CHART)
    st.caption(
        f"{'Training step by step, smoothed' if stepwise else 'Solid: training'}; dotted: the test images after each "
        "epoch. The study held no images out and chose its epoch on these, which it called validation: that is "
        "optimistic."
    )


def _overfitting(runs: list[Run]) -> None:
    st.markdown("#### Training and test")
    st.plotly_chart(accuracy_dots(runs), key="overfitting", config=_CHART)
    st.caption(
        "Accuracy on the training images is not the goal. Where it lies far above that on the test images, the "
        "network has learned its images by heart."
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


@st.cache_data(show_spinner=False, max_entries=200)
def _metrics(run_id: str, names: tuple[str, ...], step: int) -> pd.DataFrame:
    """Metrics of a run; its step is there to read them again once it has gone on."""
    return open_store().metrics(run_id, names=names)
