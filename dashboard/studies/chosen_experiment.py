"""The study and the experiment that the Studies page shows, and how much of the experiment is trained here."""

from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from dashboard.frame import choose_titled, open_store
from mnist_core import studies
from mnist_core.store import Run
from mnist_core.studies import PROTOCOLS, Experiment, PlannedRun, Study

# Styles of the page; to be put on it once, with st.html.
STYLES = Path(__file__).with_name("studies.css")
# Shares of the study's own epochs, by their labels; at least one epoch is trained.
EPOCHS = {"all": 1.0, "a tenth": 0.1, "one": 0.001}
# The most seeds of a network that the page trains, or looks for in the store.
SEEDS = 10


@dataclass(frozen=True)
class ChosenExperiment:
    """An experiment of a study, and how much of it is trained here."""

    study: Study
    experiment: Experiment
    # A key of EPOCHS.
    epochs: str = "all"
    # Seeds of each network.
    seeds: int = 1
    # Whether each network is also trained with its epoch chosen on held-out images.
    honest: bool = False

    @property
    def scale(self) -> float:
        return EPOCHS[self.epochs]

    def plan(self) -> tuple[PlannedRun, ...]:
        """The runs to be trained; before continuations, the runs that they continue."""
        planned = plan_experiment(self.study.name, self.experiment.name, self.seeds, self.scale, self.honest)
        return tuple(child.parent for child in planned if child.parent is not None) + planned

    def runs(self) -> list[tuple[PlannedRun, Run]]:
        """Runs of the published protocol that the store holds, in the study's order, seed after seed."""
        return studies.find_runs(
            open_store(), plan_experiment(self.study.name, self.experiment.name, SEEDS, self.scale, False)
        )

    def trained(self) -> list[tuple[PlannedRun, Run]]:
        """Finished runs that represent the networks, renamed to their labels.

        One run for each network, of the study's own seed; all seeds if the experiment takes several, because these end
        far apart.
        """
        default_seeds = {variant.label: variant.config.seed for variant in self.experiment.variants}
        several = self.experiment.seeds > 1
        return [
            (planned, replace(run, name=planned.variant.label + several * f", seed {planned.seed}"))
            for planned, run in self.runs()
            if run.state == "finished" and (several or planned.seed == default_seeds[planned.variant.label])
        ]


@st.cache_resource(max_entries=64, show_spinner=False)
def plan_experiment(study: str, experiment: str, seeds: int, scale: float, honest: bool) -> tuple[PlannedRun, ...]:
    """The planned runs of an experiment, published protocol first; cached, because there may be hundreds."""
    protocols = PROTOCOLS if honest else PROTOCOLS[:1]
    return tuple(studies.plan_runs(study, experiment, seeds, scale, protocols))


def choose_experiment() -> ChosenExperiment:
    """Select boxes for study and experiment; both choices are in the URL."""
    every = studies.all_studies()
    left, right = st.columns(2, gap="medium")
    with left:
        titles = {name: study.title for name, study in every.items()}
        study = every[choose_titled("study", "Study", titles, "One of five published studies of MNIST.")]
    experiments = {experiment.name: experiment for experiment in study.experiments}
    with right:
        titles = {name: experiment.title for name, experiment in experiments.items()}
        name = choose_titled("experiment", "Experiment", titles, "The experiments of this study, in its order.")
    return ChosenExperiment(study, experiments[name], seeds=experiments[name].seeds)
