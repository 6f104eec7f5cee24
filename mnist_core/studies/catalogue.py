"""The studies by name and every number that they report. A file of this folder that declares STUDY is a study."""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Literal, cast

import pandas as pd

from mnist_core.errors import ConfigError
from mnist_core.studies.study import Experiment, Study

MomentUnit = Literal["epoch", "iteration", "step"]

_FOLDER = Path(__file__).parent
# In the order of publication.
_ORDER = ("linear-depth", "cnn", "mlp-course", "ffnn-tuning", "deep-mlp")


@cache
def all_studies() -> dict[str, Study]:
    """All studies by name. Adding a file with STUDY to this folder adds a study."""
    modules = sorted(module.name for module in iter_modules([str(_FOLDER)]))
    declared = (getattr(import_module(f"{__package__}.{name}"), "STUDY", None) for name in modules)
    declared_studies = [study for study in declared if study is not None]
    declared_studies.sort(key=lambda study: _ORDER.index(study.name) if study.name in _ORDER else len(_ORDER))
    return {study.name: study for study in declared_studies}


def find_study(name: str) -> Study:
    """The study of this name; raises ConfigError with the names that there are."""
    if name not in all_studies():
        raise ConfigError("name", f"there is no study {name!r}; choose from {', '.join(all_studies())}")
    return all_studies()[name]


def find_experiment(study: Study, name: str) -> Experiment:
    """The study's experiment of this name; raises ConfigError with the names that there are."""
    names = [experiment.name for experiment in study.experiments]
    if name not in names:
        raise ConfigError("experiment", f"{study.name} has no experiment {name!r}; choose from {', '.join(names)}")
    return study.experiment(name)


def select_experiments(study: str | Study, experiment: str = "") -> tuple[Study, tuple[Experiment, ...]]:
    """A study and its experiments, or only the one of this name; raises ConfigError with the names that there are."""
    chosen = find_study(study) if isinstance(study, str) else study
    return chosen, (find_experiment(chosen, experiment),) if experiment else chosen.experiments


@dataclass(frozen=True)
class Moment:
    """A moment in the training of an experiment's only network, counted as the study counts it."""

    unit: MomentUnit
    number: int

    @property
    def label(self) -> str:
        """What stands in place of a variant's label, such as "epoch 2"."""
        return f"{self.unit} {self.number}"


def reported_numbers() -> pd.DataFrame:
    """Every number that the studies report: columns study, experiment, variant, unit, number, metric, value.

    Accuracies in per cent, losses in nats, times in seconds. The variant `all` stands for the whole experiment. `unit`
    and `number` are those of a Moment, whose label is then the variant; elsewhere they are "" and 0.
    """
    return _reported_numbers().copy()


@cache
def _reported_numbers() -> pd.DataFrame:
    kinds: Any = {"variant": "str", "unit": "str", "number": "Int64", "value": "float64"}
    table = pd.read_csv(_FOLDER / "reported.csv", dtype=kinds).fillna({"variant": "", "unit": "", "number": 0})
    labels = [
        Moment(cast(MomentUnit, unit), number).label if unit else variant
        for variant, unit, number in zip(table["variant"], table["unit"], table["number"], strict=True)
    ]
    return table.assign(variant=labels)


def reported_of(study: str, experiment: str) -> dict[tuple[str, str], float]:
    """The numbers of one experiment by (variant, metric), in the order of the file."""
    table = _numbers_of(study, experiment)
    return {
        (variant, metric): value
        for variant, metric, value in zip(table["variant"], table["metric"], table["value"], strict=True)
    }


def moments_of(study: str, experiment: str) -> dict[str, Moment]:
    """The moments of training of which the study reports numbers of this experiment, by their labels."""
    table = _numbers_of(study, experiment)
    rows = zip(table["unit"], table["number"], strict=True)
    moments = [Moment(cast(MomentUnit, unit), int(number)) for unit, number in rows if unit]
    return {moment.label: moment for moment in moments}


def _numbers_of(study: str, experiment: str) -> pd.DataFrame:
    table = _reported_numbers()
    return table.loc[(table["study"] == study) & (table["experiment"] == experiment), :]
