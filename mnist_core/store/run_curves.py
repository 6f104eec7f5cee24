"""The curves of a run: for each series, arrays of what was measured, as charts and analysis use them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np


class MetricSeries(NamedTuple):
    """Values of one series of one run, oldest first: each array (N,). A value is a mean over the steps up to `step`."""

    step: "np.ndarray"
    epoch: "np.ndarray"
    # Seconds of training, without pauses.
    seconds: "np.ndarray"
    # NaN and infinities are kept.
    value: "np.ndarray"


# The curves of one run, by the name of the series.
RunCurves = Mapping[str, MetricSeries]


def joined_curves(before: RunCurves, more: RunCurves) -> RunCurves:
    """The curves of a run and what was recorded after them.

    A run that was resumed repeats some steps; then the later report counts.
    """
    import numpy as np

    curves = dict(before)
    for name, series in more.items():
        if not len(series.step):
            continue
        # Split where steps go back.
        back = np.flatnonzero(np.diff(series.step) <= 0) + 1
        for part in zip(*(np.split(column, back) for column in series), strict=True):
            later = MetricSeries(*part)
            curves[name] = _joined(curves[name], later) if name in curves else later
    return curves


def _joined(before: MetricSeries, more: MetricSeries) -> MetricSeries:
    import numpy as np

    kept = int(np.searchsorted(before.step, more.step[0]))
    return MetricSeries(*(np.concatenate((old[:kept], new)) for old, new in zip(before, more, strict=True)))
