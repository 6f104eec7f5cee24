"""The cards of the network picker: each preset with its diagram, the accuracy to expect and the time of an epoch."""

from functools import cache

import streamlit as st

from dashboard.components import NetworkCard
from dashboard.frame import open_store
from mnist_core.analysis import OwnRuns, expectations
from mnist_core.architectures import WELL_KNOWN, Preset, describe_architecture, presets, small_diagram
from mnist_core.config import DATASET_CATALOGUE, RunConfig
from mnist_core.store import RunQuery, Scope, Store, read_page
from mnist_core.sweeps import TrainingTime, training_seconds

# The data set that the shipped figures are for.
_SHIPPED_FOR = "mnist"
# Networks are drawn as they are for its images.
_SHAPE, _CLASSES = (1, 28, 28), 10


def network_cards() -> list[NetworkCard]:
    """A card for each preset, by family, the well-known ones first; the figures are for the form's data set."""
    dataset = str(st.session_state.get("dataset") or st.query_params.get("dataset"))
    if dataset not in DATASET_CATALOGUE:
        dataset = RunConfig().dataset
    store = open_store()
    return _cards(store, store.scope, store.finished_stamp(), dataset)


@st.cache_resource(max_entries=40, show_spinner=False)
def _cards(_store: Store, scope: Scope, stamp: tuple[int, int, float], dataset: str) -> list[NetworkCard]:
    """The cards for the newest finished runs of this scope of the store, which are others with another stamp."""
    # Two folders of images may hold anything, so runs on one tell nothing about another.
    runs = [] if dataset == "folder" else read_page(_store, RunQuery(states=["finished"])).runs
    by_name = presets()
    families = list(dict.fromkeys(preset.family for preset in by_name.values()))
    ordered = sorted(by_name.values(), key=lambda preset: (families.index(preset.family), _fame(preset.name)))
    own_runs = expectations.own_accuracies(runs, dataset)
    times: dict[str, TrainingTime] = {}
    if dataset != "folder":
        configs = [RunConfig(architecture=name, dataset=dataset, epochs=1) for name in by_name]
        times = dict(zip(by_name, training_seconds(runs, configs), strict=True))
    return [_card(preset, dataset, own_runs.get(preset.name), times.get(preset.name)) for preset in ordered]


def _fame(name: str) -> int:
    return WELL_KNOWN.index(name) if name in WELL_KNOWN else len(WELL_KNOWN)


def _card(preset: Preset, dataset: str, own: OwnRuns | None, time: TrainingTime | None) -> NetworkCard:
    accuracy, accuracy_help = _accuracy(preset.name, dataset, own)
    duration, duration_help = _duration(time) if time else ("", "")
    return NetworkCard(
        name=preset.name,
        family=preset.family,
        explanation=preset.explanation,
        source=preset.source,
        layers=preset.text,
        diagram=_diagram(preset.text),
        is_well_known=preset.name in WELL_KNOWN,
        accuracy=accuracy,
        accuracy_help=accuracy_help,
        duration=duration,
        duration_help=duration_help,
    )


def _accuracy(name: str, dataset: str, own: OwnRuns | None) -> tuple[str, str]:
    """The accuracy to expect in few words, and what it is; empty if there is no figure."""
    shipped = expectations.shipped_figures().get(name) if dataset == _SHIPPED_FOR else None
    what = ""
    if shipped:
        seeds = f"mean of {len(shipped.accuracies)} seeds" if len(shipped.accuracies) > 1 else "one seed"
        what = f"Expect {shipped.accuracy:.1%} of MNIST's test images right after {shipped.epochs} epochs ({seeds})."
    if own is None:
        return (f"expect {100 * shipped.accuracy:.1f} %" if shipped else ""), what
    low, high = own.epochs
    epochs = f"{low} to {high} epochs" if low < high else f"{low} epoch{'s' * (low != 1)}"
    runs = "Your run" if own.runs == 1 else f"Your {own.runs} runs (median)"
    return (
        f"your runs {100 * own.accuracy:.1f} %",
        f"{runs} of {epochs}: test accuracy {own.accuracy:.1%}. {what}".strip(),
    )


def _duration(time: TrainingTime) -> tuple[str, str]:
    """The time of an epoch in few words, and where it is from."""
    seconds = time.seconds
    about = f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s" if seconds >= 1.5 else "1 s"
    origin = "from your runs" if time.own_runs else "estimated from its layers"
    return f"~{about}", f"About {about} an epoch on this machine, {origin}, with the usual settings."


@cache
def _diagram(line: str) -> str:
    return small_diagram(describe_architecture(line, _SHAPE, _CLASSES))
