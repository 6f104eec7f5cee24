"""Means over seeds with their intervals: how sure one can be of a result."""

from collections.abc import Sequence
from math import isnan, sqrt
from statistics import fmean, stdev

import pandas as pd

from mnist_core.analysis.stats.pairs import LEVEL


def mean_interval(values: Sequence[float], level: float = LEVEL) -> tuple[float, float, float]:
    """Mean, and the ends of its interval by Student's t: mean ± t(level, k - 1) · s / √k for k values (k >= 1).

    For one value the ends are NaN: it says nothing about its spread.
    """
    # Not scipy.stats: its import takes two seconds and fails while torch is being imported in another thread.
    from scipy.special import stdtrit

    mean, count = fmean(values), len(values)
    if count < 2:
        return mean, float("nan"), float("nan")
    half = float(stdtrit(count - 1, (1 + level) / 2)) * stdev(values) / sqrt(count)
    return mean, mean - half, mean + half


def mean_by_setting(table: pd.DataFrame, fields: Sequence[str], measure: str) -> pd.DataFrame:
    """One row for each combination of the fields' values, in order of appearance: fields, n, mean, low, high.

    `measure` is a column of fractions; rows in which it is NaN are left out. For n = 1, low and high are NaN.
    """
    groups: dict[tuple[object, ...], list[float]] = {}
    for *setting, value in zip(*(table[name].tolist() for name in (*fields, measure)), strict=True):
        if not isnan(value):
            groups.setdefault(tuple(setting), []).append(value)
    rows = [(*setting, len(values), *mean_interval(values)) for setting, values in groups.items()]
    return pd.DataFrame(rows, columns=pd.Index([*fields, "n", "mean", "low", "high"]))
