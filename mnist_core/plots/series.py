"""Values along training, and what is made of them before they are drawn: smoothed, averaged over seeds, thinned."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnist_core.analysis import LEVEL, SpreadBand

# Points in one trace, so that ten runs stay quick to send and draw.
POINTS = 500


@dataclass(frozen=True)
class Average:
    """Several curves as one: each array (N,). Where only one curve is left, the band's ends are NaN."""

    step: np.ndarray
    x: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    # Number of curves that each mean is taken over.
    count: np.ndarray


def smoothed(values: np.ndarray, smoothing: float, places: np.ndarray | None = None) -> np.ndarray:
    """Time-weighted, de-biased exponential moving average of (N,) values; NaN where one is not finite.

    `places` (N,), ascending, say where the values lie along the axis; None: at equal distances. With d the median
    distance and D_n the distance from the value before, value n counts for the stretch that ends with it:

        a_n = smoothing ** (D_n / d),   m_n = a_n m_(n-1) + (1 - a_n) v_n,   w_n = a_n w_(n-1) + (1 - a_n)

    and the result is m_n / w_n, with m and w from 0 and D_0 = d. This is EMA_next of Eckner, "Algorithms for unevenly
    spaced time series: moving averages and other rolling operators" (2012), de-biased as Adam's moments are (Kingma and
    Ba 2015, section 3): a hundred values within one stretch weigh as much as one value that stands for all of it. At
    equal distances it is the ordinary de-biased average, each value weighing `smoothing` times the next. Values at the
    same place share their mean.
    """
    result = np.full(len(values), np.nan)
    finite = np.isfinite(values)
    if not smoothing or not finite.any():
        return np.where(finite, values, np.nan)
    kept = np.asarray(values[finite], dtype=np.float64)
    at = np.flatnonzero(finite) if places is None else np.asarray(places, dtype=np.float64)[finite]
    first = np.concatenate(([True], np.diff(at) > 0))
    group = np.cumsum(first) - 1
    kept = np.bincount(group, kept) / np.bincount(group)
    distances = np.diff(at[first])
    typical = float(np.median(distances)) if len(distances) else 1.0
    exponents = np.concatenate(([1.0], distances / typical)) * np.log(smoothing)
    new = -np.expm1(exponents)
    mean, weight = _recursion(np.exp(exponents), np.stack([new * kept, new]))
    result[finite] = (mean / weight)[group]
    return result


def thinned(
    x: np.ndarray, y: np.ndarray, points: int = POINTS, log: bool = False, window: tuple[float, float] | None = None
) -> np.ndarray:
    """Indices of at most `points` (6 or more) of the points, x ascending: lowest and highest of each part of the axis.

    The first and the last point stay; parts are equally wide on a linear or, with `log`, logarithmic axis. They are a
    power of two wide and begin at the first point, so that what is kept of the past stays the same while points are
    added; only when they become too many do the parts double. Within `window`, a part of the axis that is looked at,
    as many points again are kept, and the neighbour on either side, so that lines run off the edge. Points without a
    position on the axis are left out.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = np.log(x) if log else np.asarray(x, dtype=np.float64)
    shown = np.flatnonzero(np.isfinite(scaled) & np.isfinite(y))
    kept = shown[_of_stretches(scaled[shown], y[shown], points)]
    if window is None:
        return kept
    first, last = np.searchsorted(x[shown], window[0], "left"), np.searchsorted(x[shown], window[1], "right")
    inside = shown[max(first - 1, 0) : last + 1]
    return np.union1d(kept, inside[_of_stretches(scaled[inside], y[inside], points)])


def averaged(
    curves: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], band: SpreadBand = "standard deviation"
) -> Average:
    """Mean and band, step by step, of curves (step, x, y), each array (N,) with ascending steps.

    A curve whose own steps are others is read off between them; where it has ended or is not finite, the mean is of
    those that are left. Band around the mean of k curves: one sample standard deviation s, s / √k, or Student's
    t(95 %, k - 1) · s / √k. x is averaged too: seeds reach the same step at different seconds.
    """
    steps = np.unique(np.concatenate([step for step, _, _ in curves]))
    across, up = (np.stack([_read_off(curve[0], curve[side], steps) for curve in curves]) for side in (1, 2))
    defined = np.isfinite(up) & np.isfinite(across)
    count = defined.sum(0)
    kept = count > 0
    up, across, defined, count = up[:, kept], across[:, kept], defined[:, kept], count[kept]
    mean = np.where(defined, up, 0).sum(0) / count
    x = np.maximum.accumulate(np.where(defined, across, 0).sum(0) / count)
    squares = np.where(defined, (up - mean) ** 2, 0).sum(0)
    spread = np.sqrt(np.where(count > 1, squares, np.nan) / np.maximum(count - 1, 1))
    half = spread * _factors(band, count)
    return Average(steps[kept], x, mean, mean - half, mean + half, count)


def _of_stretches(x: np.ndarray, y: np.ndarray, points: int) -> np.ndarray:
    """Indices of the extremes of stretches that are a power of two wide, ascending; all if they are few."""
    if len(x) <= points:
        return np.arange(len(x))
    span = x[-1] - x[0]
    if not span:
        return _extremes(np.zeros(len(x), dtype=int), y)
    # One interval fewer than there is room for, because the last one may hold a single point.
    width = 2.0 ** np.ceil(np.log2(span / ((points - 2) // 2 - 1)))
    return _extremes(((x - x[0]) / width).astype(int), y)


def _extremes(bins: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Indices of the lowest and the highest y of each bin, and of both ends; `bins` (N,) ascend."""
    # Sort by bin, then by height.
    order = np.lexsort((y, bins))
    starts = np.flatnonzero(np.diff(bins[order], prepend=-1))
    ends = np.append(starts[1:], len(y)) - 1
    return np.unique(np.concatenate(([0, len(y) - 1], order[starts], order[ends])))


def _recursion(keep: np.ndarray, new: np.ndarray) -> np.ndarray:
    """s_n = keep_n s_(n-1) + new_n from s = 0, along the last axis: a scan over pairs twice as far apart each time."""
    keep, state, reach = keep.copy(), new.copy(), 1
    while reach < len(keep):
        # The right side is computed completely before it is added, so values of this round do not mix.
        state[..., reach:] += keep[reach:] * state[..., :-reach]
        keep[reach:] = keep[reach:] * keep[:-reach]
        reach *= 2
    return state


def _read_off(step: np.ndarray, values: np.ndarray, steps: np.ndarray) -> np.ndarray:
    if len(step) == len(steps):
        # All steps of this curve are among these, so the two are equal.
        return values
    return np.interp(steps, step, values, left=np.nan, right=np.nan)


def _factors(band: SpreadBand, count: np.ndarray) -> np.ndarray:
    """What the standard deviation of `count` values is multiplied with."""
    if band == "standard deviation":
        return np.ones(len(count))
    if band == "standard error":
        return 1 / np.sqrt(count)
    # Not scipy.stats: its import takes two seconds and fails while torch is being imported in another thread.
    from scipy.special import stdtrit

    return stdtrit(np.maximum(count - 1, 1), (1 + LEVEL) / 2) / np.sqrt(count)
