"""Reported beside measured: one table for the page and the report."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
import pandas as pd

from mnist_core.store import Store
from mnist_core.studies.catalogue import experiment_of, reported_of, study_of
from mnist_core.studies.measuring import MOST_SEEDS, Measurement, measured, moment
from mnist_core.studies.planning import PROTOCOLS
from mnist_core.studies.study import Experiment, Study

# Beside a number that was reported with the epoch chosen on the test images: what the honest run has instead.
_HONEST = {"test_accuracy": "test_accuracy", "best_test_accuracy": "test_accuracy", "test_loss": "test_loss"}
_TIME = "wall_seconds"
_DEVIATIONS = 3  # of our own seeds, from which on a difference must be explained
_FEWEST = 3  # seeds that give a standard deviation


@dataclass(frozen=True)
class Row:
    """A reported number beside the measured one; NaN where there is none. Units as in reported.csv."""

    experiment: str
    variant: str
    metric: str
    reported: float
    mean: float  # of the published protocol
    std: float  # sample standard deviation, NaN below 2 seeds
    n: int
    difference: float  # mean - reported
    honest_mean: float  # test figures only
    honest_std: float
    honest_n: int
    seconds: float  # of training one run; of the variant `all`: of one run of each variant together
    reported_seconds: float

    @property
    def key(self) -> tuple[str, str, str]:
        return self.experiment, self.variant, self.metric

    @property
    def differs(self) -> bool:
        """Whether it is more than three standard deviations of at least three seeds from what was reported."""
        return self.n >= _FEWEST and abs(self.difference) > _DEVIATIONS * self.std


def comparison(
    store: Store, study: str | Study, experiment: str = "", seeds: int = MOST_SEEDS, epochs_scale: float = 1.0
) -> pd.DataFrame:
    """What a study reports beside what the store's finished runs measured: columns as in Row, rows as in `rows_of`."""
    return frame(rows_of(study, measured(store, study, experiment, seeds, epochs_scale), experiment))


def rows_of(study: str | Study, measurements: Sequence[Measurement], experiment: str = "") -> list[Row]:
    """One row a reported number, and one for each variant of which the study reports nothing."""
    found = study_of(study) if isinstance(study, str) else study
    chosen = [experiment_of(found, experiment)] if experiment else found.experiments
    rows = []
    for one in chosen:
        own = [entry for entry in measurements if (entry.study, entry.experiment) == (found.name, one.name)]
        numbers = reported_of(found.name, one.name)
        rows += [_row(one, own, *key, numbers.get(key, math.nan)) for key in _keys(one, list(numbers))]
    return rows


def frame(rows: Sequence[Row]) -> pd.DataFrame:
    """The rows as a table with the columns of Row."""
    kinds = {entry.name: entry.type for entry in fields(Row)}
    return pd.DataFrame([asdict(row) for row in rows], columns=list(kinds)).astype(kinds)  # pyright: ignore


def unexplained(study: Study, measurements: Sequence[Measurement]) -> list[tuple[str, str, str]]:
    """(experiment, variant, metric) of what differs and for which the study gives no reason."""
    return [row.key for row in rows_of(study, measurements) if row.differs and row.key not in study.because]


def _keys(experiment: Experiment, known: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """(variant, metric) of each row: the variants in their order, then moments, then the whole experiment."""
    found: list[tuple[str, str]] = []
    for variant in experiment.variants:
        mine = [key for key in known if key[0] == variant.label]
        found += mine or [(variant.label, "best_test_accuracy" if experiment.measure == "best" else "test_accuracy")]
    return found + [key for key in known if key not in found]


def _row(experiment: Experiment, own: Sequence[Measurement], variant: str, metric: str, value: float) -> Row:
    published = [entry for entry in own if entry.protocol == PROTOCOLS[0]]
    figures, times, given = [], [], math.nan
    if variant == "all":
        figures = times = _times_together(experiment, published)
        given = value if metric == _TIME else given
    elif moment(variant):  # of the only variant
        name = f"{variant} {metric}"
        figures = [entry.metrics[name] for entry in published if name in entry.metrics]
    else:
        mine = [entry for entry in published if entry.variant == variant]
        figures = [entry.metrics[metric] for entry in mine if metric in entry.metrics]
        times = [entry.seconds for entry in mine]
        given = experiment.reported_seconds or given
    honest = [
        entry.metrics[name]
        for entry in own
        if entry.protocol != PROTOCOLS[0]
        and entry.variant == variant
        and (name := _HONEST.get(metric, "")) in entry.metrics
    ]
    mean, std = _mean(figures), _deviation(figures)
    return Row(
        experiment=experiment.name,
        variant=variant,
        metric=metric,
        reported=value,
        mean=mean,
        std=std,
        n=len(figures),
        difference=round(mean - value, 10),
        honest_mean=_mean(honest),
        honest_std=_deviation(honest),
        honest_n=len(honest),
        seconds=_mean(times),
        reported_seconds=given,
    )


def _times_together(experiment: Experiment, published: Sequence[Measurement]) -> list[float]:
    """Seconds of all variants together, for each seed that has them all."""
    labels = {variant.label for variant in experiment.variants}
    by_seed: dict[int, list[Measurement]] = {}
    for entry in published:
        by_seed.setdefault(entry.seed, []).append(entry)
    return [sum(entry.seconds for entry in one) for one in by_seed.values() if {e.variant for e in one} == labels]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def _deviation(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
