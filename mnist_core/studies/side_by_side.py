"""Reported beside measured: one table for the page and the report."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
import pandas as pd

from mnist_core.store import Store
from mnist_core.studies.catalogue import find_experiment, find_study, reported_of
from mnist_core.studies.measurements import SEEDS_LOOKED_FOR, Measurement, is_moment, load_measurements
from mnist_core.studies.planning import PROTOCOLS
from mnist_core.studies.study import Experiment, Study
from mnist_core.text import decimals

# Beside a number that was reported with the epoch chosen on the test images: what the honest run has instead.
_HONEST = {"test_accuracy": "test_accuracy", "best_test_accuracy": "test_accuracy", "test_loss": "test_loss"}
_TIME = "wall_seconds"
# of our own seeds, from which on a difference gets a note
_DEVIATIONS = 3
# seeds that give a standard deviation
_FEWEST = 3
# percentage points: a difference or a spread of seeds that gets a note in any case
_LARGE = 2.0
# by the end of the metric's name; the others are counted
_MOST_DECIMALS = {"accuracy": 2, "loss": 4}
# of a batch of 50 images, in steps of two per cent
_WHOLE = "train_batch_accuracy"


@dataclass(frozen=True)
class ReportedRow:
    """A reported number beside the measured one; NaN where there is none. Units as in reported.csv."""

    experiment: str
    variant: str
    metric: str
    reported: float
    # of the published protocol
    mean: float
    # sample standard deviation, NaN below 2 seeds
    std: float
    n: int
    # mean - reported
    difference: float
    # test figures only
    honest_mean: float
    honest_std: float
    honest_n: int
    # of training one run; of the variant `all`: of one run of each variant together
    seconds: float
    reported_seconds: float

    @property
    def key(self) -> tuple[str, str, str]:
        return self.experiment, self.variant, self.metric

    @property
    def differs(self) -> bool:
        """Whether the difference is to have a note.

        It is more than three standard deviations of at least three seeds, or, of an accuracy, more than two points:
        where the seeds end far apart, even the largest difference is within three deviations.
        """
        if self.metric.endswith("accuracy") and abs(self.difference) > _LARGE:
            return True
        return self.n >= _FEWEST and abs(self.difference) > _DEVIATIONS * self.std

    @property
    def digits(self) -> "Digits":
        """With how many decimals its figures are written."""
        most = 0 if self.metric == _WHOLE else _MOST_DECIMALS.get(self.metric.rpartition("_")[2], 0)
        # An accuracy that a study prints as a whole number is known no better than that.
        rough = self.metric.endswith("accuracy") and float(self.reported).is_integer()
        reported, measured = 0 if rough else most, decimals(self.std, most)
        return Digits(reported, measured, min(reported, measured), decimals(self.honest_std, most))


@dataclass(frozen=True)
class Digits:
    """Decimals of the figures of a row: of means and their deviations as many as the spread of the seeds supports."""

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
    # published protocol, per cent
    by_seed: dict[int, float]


def comparison_table(
    store: Store, study: str | Study, experiment: str = "", seeds: int = SEEDS_LOOKED_FOR, epochs_scale: float = 1.0
) -> pd.DataFrame:
    """What a study reports beside what the store's finished runs measured, as a table.

    Columns as in ReportedRow, rows as in `comparison_rows`.
    """
    return table_of_rows(
        comparison_rows(study, load_measurements(store, study, experiment, seeds, epochs_scale), experiment)
    )


def comparison_rows(study: str | Study, measurements: Sequence[Measurement], experiment: str = "") -> list[ReportedRow]:
    """One row a reported number, and one for each variant of which the study reports nothing."""
    found = find_study(study) if isinstance(study, str) else study
    chosen = [find_experiment(found, experiment)] if experiment else found.experiments
    rows = []
    for one in chosen:
        own = [entry for entry in measurements if (entry.study, entry.experiment) == (found.name, one.name)]
        numbers = reported_of(found.name, one.name)
        rows += [_row(one, own, *key, numbers.get(key, math.nan)) for key in _keys(one, list(numbers))]
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
    found = []
    for row in comparison_rows(study, measurements, experiment):
        if row.metric.endswith("accuracy") and row.std > _LARGE and not is_moment(row.variant):
            by_seed = {
                entry.seed: entry.metrics[row.metric]
                for entry in measurements
                if (entry.experiment, entry.variant, entry.protocol) == (row.experiment, row.variant, PROTOCOLS[0])
                and row.metric in entry.metrics
            }
            found.append(ScatteredSeeds(*row.key, by_seed))
    return found


def _keys(experiment: Experiment, known: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """(variant, metric) of each row: the variants in their order, then moments, then the whole experiment."""
    found: list[tuple[str, str]] = []
    for variant in experiment.variants:
        mine = [key for key in known if key[0] == variant.label]
        found += mine or [(variant.label, "best_test_accuracy" if experiment.measure == "best" else "test_accuracy")]
    return found + [key for key in known if key not in found]


def _row(experiment: Experiment, own: Sequence[Measurement], variant: str, metric: str, value: float) -> ReportedRow:
    published = [entry for entry in own if entry.protocol == PROTOCOLS[0]]
    figures, times, given = [], [], math.nan
    if variant == "all":
        figures = times = _times_together(experiment, published)
        given = value if metric == _TIME else given
    elif is_moment(variant):
        # of the only variant
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
