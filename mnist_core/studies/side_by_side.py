"""Reported and measured values side by side, for the page Studies and the report."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
import pandas as pd

from mnist_core.studies.catalogue import Moment, moments_of, reported_of, select_experiments
from mnist_core.studies.measurements import Measurement
from mnist_core.studies.planning import PROTOCOLS
from mnist_core.studies.study import Experiment, Study
from mnist_core.studies.study_metrics import METRICS
from mnist_core.text import decimals

# Which metric of an honest run stands beside a figure that the study reported.
_HONEST = {"test_accuracy": "test_accuracy", "best_test_accuracy": "test_accuracy", "test_loss": "test_loss"}
# A difference of this many standard deviations gets a note.
_DEVIATIONS = 3
# A standard deviation of fewer seeds is too uncertain to judge by.
_FEWEST = 3
# A difference, or a spread of seeds, of more percentage points than this gets a note in any case.
_LARGE = 2.0


@dataclass(frozen=True)
class ReportedRow:
    """A reported number beside the measured one; NaN where there is none. Units as in reported.csv."""

    experiment: str
    variant: str
    metric: str
    reported: float
    # Mean over the seeds of the published protocol.
    mean: float
    # Sample standard deviation; NaN for fewer than two seeds.
    std: float
    n: int
    # mean - reported.
    difference: float
    # Only for figures of the test images.
    honest_mean: float
    honest_std: float
    honest_n: int
    # Seconds to train one run; for the variant `all`, one run of each variant together.
    seconds: float
    reported_seconds: float

    @property
    def key(self) -> tuple[str, str, str]:
        return self.experiment, self.variant, self.metric

    @property
    def differs(self) -> bool:
        """Whether the difference needs a note.

        It is more than three standard deviations of at least three seeds, or, of an accuracy, more than two points:
        where the seeds end far apart, even the largest difference is within three deviations.
        """
        if METRICS[self.metric].kind == "accuracy" and abs(self.difference) > _LARGE:
            return True
        return self.n >= _FEWEST and abs(self.difference) > _DEVIATIONS * self.std

    @property
    def digits(self) -> "Digits":
        """Number of decimals of each of its figures."""
        metric = METRICS[self.metric]
        # An accuracy that a study prints as a whole number has no more digits than that.
        rough = metric.kind == "accuracy" and float(self.reported).is_integer()
        reported = 0 if rough else metric.decimals
        measured = decimals(self.std, metric.decimals)
        return Digits(reported, measured, min(reported, measured), decimals(self.honest_std, metric.decimals))


@dataclass(frozen=True)
class Digits:
    """Number of decimals of each figure of a row; means and deviations get as many as the seeds' spread supports."""

    reported: int
    measured: int
    difference: int
    honest: int


@dataclass(frozen=True)
class ScatteredSeeds:
    """A network whose seeds end far apart, so that its mean describes none of them."""

    experiment: str
    variant: str
    metric: str
    # By seed of the published protocol, in per cent.
    by_seed: dict[int, float]


def comparison_rows(study: str | Study, measurements: Sequence[Measurement], experiment: str = "") -> list[ReportedRow]:
    """One row a reported number, and one for each variant of which the study reports nothing."""
    study, experiments = select_experiments(study, experiment)
    rows = []
    for current in experiments:
        of_experiment = [
            entry for entry in measurements if (entry.study, entry.experiment) == (study.name, current.name)
        ]
        numbers = reported_of(study.name, current.name)
        moments = moments_of(study.name, current.name)
        rows += [
            _row(current, of_experiment, *key, numbers.get(key, math.nan), moments)
            for key in _keys(current, list(numbers))
        ]
    return rows


def table_of_rows(rows: Sequence[ReportedRow]) -> pd.DataFrame:
    """The rows as a table with the columns of ReportedRow."""
    kinds = {entry.name: entry.type for entry in fields(ReportedRow)}
    return pd.DataFrame([asdict(row) for row in rows], columns=list(kinds)).astype(kinds)  # pyright: ignore


def unexplained_rows(study: Study, measurements: Sequence[Measurement]) -> list[tuple[str, str, str]]:
    """(experiment, variant, metric) of what differs and for which the study gives no reason."""
    return [row.key for row in comparison_rows(study, measurements) if row.differs and row.key not in study.because]


def scattered_seeds(
    study: str | Study, measurements: Sequence[Measurement], experiment: str = ""
) -> list[ScatteredSeeds]:
    """The accuracies whose standard deviation over the seeds is above two percentage points."""
    study, experiments = select_experiments(study, experiment)
    moments = {(current.name, label) for current in experiments for label in moments_of(study.name, current.name)}
    scattered = []
    for row in comparison_rows(study, measurements, experiment):
        at_a_moment = (row.experiment, row.variant) in moments
        if METRICS[row.metric].kind == "accuracy" and row.std > _LARGE and not at_a_moment:
            by_seed = {
                entry.seed: entry.metrics[row.metric]
                for entry in measurements
                if (entry.experiment, entry.variant, entry.protocol) == (row.experiment, row.variant, PROTOCOLS[0])
                and row.metric in entry.metrics
            }
            scattered.append(ScatteredSeeds(*row.key, by_seed))
    return scattered


def _keys(experiment: Experiment, reported: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """(variant, metric) of each row: the variants in their order, then moments, then the whole experiment."""
    keys: list[tuple[str, str]] = []
    for variant in experiment.variants:
        mine = [key for key in reported if key[0] == variant.label]
        keys += mine or [(variant.label, "best_test_accuracy" if experiment.measure == "best" else "test_accuracy")]
    return keys + [key for key in reported if key not in keys]


def _row(
    experiment: Experiment,
    measurements: Sequence[Measurement],
    variant: str,
    metric: str,
    value: float,
    moments: Mapping[str, Moment],
) -> ReportedRow:
    published = [entry for entry in measurements if entry.protocol == PROTOCOLS[0]]
    figures, times, reported_seconds = [], [], math.nan
    if variant == "all":
        figures = times = _times_together(experiment, published)
        reported_seconds = value if METRICS[metric].kind == "seconds" else reported_seconds
    elif variant in moments:
        # A moment in training belongs to the only variant.
        name = f"{variant} {metric}"
        figures = [entry.metrics[name] for entry in published if name in entry.metrics]
    else:
        mine = [entry for entry in published if entry.variant == variant]
        figures = [entry.metrics[metric] for entry in mine if metric in entry.metrics]
        times = [entry.seconds for entry in mine]
        reported_seconds = experiment.reported_seconds or reported_seconds
    honest = [
        entry.metrics[name]
        for entry in measurements
        if entry.protocol != PROTOCOLS[0]
        and entry.variant == variant
        and (name := _HONEST.get(metric, "")) in entry.metrics
    ]
    mean, std = _mean(figures), _deviation(figures)
    return ReportedRow(
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
        reported_seconds=reported_seconds,
    )


def _times_together(experiment: Experiment, published: Sequence[Measurement]) -> list[float]:
    """Seconds of all variants together, for each seed that has them all."""
    labels = {variant.label for variant in experiment.variants}
    by_seed: dict[int, list[Measurement]] = {}
    for entry in published:
        by_seed.setdefault(entry.seed, []).append(entry)
    return [
        sum(entry.seconds for entry in entries)
        for entries in by_seed.values()
        if {e.variant for e in entries} == labels
    ]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def _deviation(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
