"""Where the values of a swept setting lie on an axis and on the scale of colours, zero and words included."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

from mnist_core.config import format_value
from mnist_core.plots.style import PALETTE, mixed

# From low to high. Readable on white and near-black, and quarters of the scale are distinguishable with red-, green-
# and blue-blindness; a test computes both.
COLOURS = ("#424fdb", "#808ee6", "#bf8a70", "#be1d11")
# Values that span a larger factor are placed by their logarithms.
_LOG_FACTOR = 30
_MOST_TICKS = 12


@dataclass(frozen=True)
class SweptScale:
    """The distinct values in their order, and the place of each on a linear axis."""

    values: tuple[Any, ...]
    places: tuple[float, ...]
    # False for words, which lie one unit apart.
    numeric: bool
    log: bool

    def place(self, value: Any) -> float:
        """Where a value lies."""
        return self.places[self.values.index(value)]

    def ticks(self) -> dict[str, Any]:
        """Ticks for an axis or a colour bar: at every value, or at round numbers where there are many."""
        if len(self.values) <= _MOST_TICKS or not self.numeric:
            return {
                "tickmode": "array",
                "tickvals": list(self.places),
                "ticktext": [format_value(v) for v in self.values],
            }
        if not self.log:
            return {"tickmode": "auto", "nticks": 8}
        ends = range(floor(self.places[0]), ceil(self.places[-1]) + 1)
        zero = [(self.places[0], "0")] if self.values[0] == 0 else []
        ticks = zero + [(float(power), f"{10.0**power:g}") for power in ends if power > self.places[0] or not zero]
        return {"tickmode": "array", "tickvals": [tick[0] for tick in ticks], "ticktext": [tick[1] for tick in ticks]}

    def colour(self, value: Any) -> str:
        """The colour of a value: on the scale for numbers, of the palette for words."""
        if not self.numeric:
            return PALETTE[self.values.index(value) % len(PALETTE)]
        low, high = self.places[0], self.places[-1]
        return scale_colour((self.place(value) - low) / (high - low) if high > low else 0.0)


def swept_scale(values: Sequence[Any]) -> SweptScale:
    """The scale of these values: logarithmic where positive numbers span more than a factor of 30.

    A zero among them then lies one step below the smallest.
    """
    distinct = tuple(dict.fromkeys(_plain(value) for value in values))
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in distinct):
        return SweptScale(distinct, tuple(float(index) for index in range(len(distinct))), False, False)
    distinct = tuple(sorted(distinct))
    positive = [value for value in distinct if value > 0]
    if len(positive) < 2 or distinct[0] < 0 or positive[-1] / positive[0] <= _LOG_FACTOR:
        return SweptScale(distinct, tuple(float(value) for value in distinct), True, False)
    places = [log10(value) for value in positive]
    if distinct[0] == 0:
        places.insert(0, places[0] - max(places[1] - places[0], 0.1 * (places[-1] - places[0])))
    return SweptScale(distinct, tuple(places), True, True)


def scale_colour(share: float, colours: Sequence[str] = COLOURS) -> str:
    """The colour at a share from 0 (low) to 1 (high) of a scale."""
    position = min(max(share, 0.0), 1.0) * (len(colours) - 1)
    below = min(int(position), len(colours) - 2)
    return mixed(colours[below + 1], colours[below], position - below)


def _plain(value: Any) -> Any:
    """A number of numpy as one of Python, so that equal values are one."""
    return value.item() if hasattr(value, "item") else value
