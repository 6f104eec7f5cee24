"""How figures look: one colour and dash a run, and a layout that can be projected and adapts to its page."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import plotly.graph_objects as go

from mnist_core.text import cut_middle, in_plotly, one_line

# Backgrounds of Streamlit's light and dark themes.
LIGHT, DARK = "#ffffff", "#0e1117"

# At least 3:1 contrast against both backgrounds, and distinguishable with red-, green- and blue-blindness; a test
# computes both.
PALETTE = ("#3078cf", "#d76808", "#00a778", "#b73897", "#c70010", "#007050", "#5838ff", "#878fcf")
# Line styles by plotly's names: lengths of dashes and gaps in dots, as plotly draws them.
DASHES: Mapping[str, tuple[int, ...]] = {"solid": (), "dash": (3, 3), "dot": (1, 1), "dashdot": (3, 1, 1, 1)}
# Colours of "more with A" and "more with B" where two runs are compared.
A_COLOUR, B_COLOUR = PALETTE[0], PALETTE[1]
SYMBOLS = ("circle", "square", "diamond", "triangle-up")
# A grey that is readable on white and on near-black.
GREY = "#808080"
# Grid lines and neutral fills on any background.
FAINT = "rgba(128, 128, 128, 0.22)"
MISTAKE = "#c70010"

_ERROR_TICKS = [100.0, *(digit * 10.0**power for power in (1, 0, -1, -2) for digit in (5, 2, 1))]
# Errors (per cent) are at least this large, because a logarithmic axis has no 0.
LEAST_ERROR = 0.005

# Grey text is readable on any background when a figure stands alone; on a page Streamlit's theme replaces it.
_TEMPLATE = go.layout.Template(layout={"font": {"color": GREY, "family": "system-ui, sans-serif"}})
_CLEAR = "rgba(0, 0, 0, 0)"
# What `polish` sets of a layout, and of each of its axes.
_LAYOUT: dict[str, Any] = {
    "template": _TEMPLATE,
    "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
    "paper_bgcolor": _CLEAR,
    "plot_bgcolor": _CLEAR,
    "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "font": {"size": 16}},
    "hoverlabel": {"font": {"size": 16}, "align": "left"},
    "hovermode": "closest",
    "separators": ".,",
}
_AXIS: dict[str, Any] = {
    "automargin": True,
    "gridcolor": FAINT,
    "zeroline": False,
    "title": {"font": {"size": 19}, "standoff": 12},
    "tickfont": {"size": 16},
    "ticks": "outside",
    "ticklen": 5,
    "tickcolor": _CLEAR,
}


@dataclass(frozen=True)
class RunStyle:
    """What tells one run from another on every chart; `symbol` goes with `dash` where points are drawn."""

    colour: str
    dash: str
    symbol: str


class NamedRun(Protocol):
    """What a chart needs of a run to name and colour it."""

    @property
    def number(self) -> int: ...
    @property
    def name(self) -> str: ...


def run_style(number: int) -> RunStyle:
    """Colour, dash and symbol of run `number` (from 1); they repeat after 32 runs.

    Neighbours differ in both, so that a chart of two runs can be read without colours.
    """
    cycle, index = divmod(number - 1, len(PALETTE))
    group = (index + cycle) % len(DASHES)
    return RunStyle(PALETTE[index], tuple(DASHES)[group], SYMBOLS[group])


def run_styles(runs: Iterable[NamedRun]) -> dict[int, RunStyle]:
    """By number, the styles of runs that one chart shows: `run_style`, but no two alike among up to 32 of them.

    Of runs that are alike by their numbers the first keeps its style, the others take the next ones that are free.
    """
    many = len(PALETTE) * len(DASHES)
    places: dict[int, int] = {}
    late: list[int] = []
    for number in sorted({run.number for run in runs}):
        slot = (number - 1) % many
        if slot in places.values():
            late.append(number)
        else:
            places[number] = slot
    used = Counter(places.values())
    for number in late:
        places[number] = min(range(many), key=lambda slot: (used[slot], (slot - number + 1) % many))
        used[places[number]] += 1
    return {number: run_style(slot + 1) for number, slot in places.items()}


def dash_lengths(dash: str, dot: float = 3) -> list[float]:
    """Lengths of dashes and gaps of a line style in pixels; none for a solid line.

    `dot` is the length of a dot; in plotly's own charts the line's width, and at least 3.
    """
    return [dot * length for length in DASHES[dash]]


def dash_background(colour: str, dash: str) -> str:
    """A sample of a line as the value of a CSS background, for texts in which no SVG may stand."""
    stops, start = [], 0.0
    for position, length in enumerate(dash_lengths(dash) or [1]):
        stops.append(f"{colour if position % 2 == 0 else 'transparent'} {start:g}px {start + length:g}px")
        start += length
    return f"repeating-linear-gradient(90deg,{','.join(stops)})"


def run_label(run: NamedRun, length: int = 44) -> str:
    """The run's number and name, the name cut in its middle to `length` characters: "3 · lenet-5"."""
    name = cut_middle(one_line(run.name), length)
    return f"{run.number} · {name}" if name else f"run {run.number}"


def plot_label(run: NamedRun, length: int = 44) -> str:
    """`run_label` for a text in a figure, where plotly reads some HTML."""
    return in_plotly(run_label(run, length))


def tint(colour: str, opacity: float) -> str:
    """A "#rrggbb" colour with an opacity from 0 to 1, as plotly reads it."""
    red, green, blue = _channels(colour)
    return f"rgba({red}, {green}, {blue}, {opacity:.3g})"


def mixed(colour: str, ground: str, share: float) -> str:
    """What a colour looks like that lies with an opacity of `share` on an opaque ground; all "#rrggbb"."""
    pairs = zip(_channels(colour), _channels(ground), strict=True)
    return "#" + "".join(f"{round(share * above + (1 - share) * below):02x}" for above, below in pairs)


def contrast(first: str, second: str) -> float:
    """Contrast of two "#rrggbb" colours from 1 to 21 (WCAG 2.2, relative luminance)."""
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def errors_of(accuracies: np.ndarray) -> np.ndarray:
    """Errors (%) of accuracies (fractions), as `accuracy_axis` places them: never quite 0."""
    return np.maximum(100 - 100 * np.asarray(accuracies, dtype=np.float64), LEAST_ERROR)


def accuracy_axis(errors: Iterable[float]) -> dict[str, Any]:
    """A logarithmic axis of errors (%) that reads as accuracy (%): 99 and 99.5 lie as far apart as 90 and 95.

    It leaves some room around these errors.
    """
    high, low = _error_range([math.log10(error) for error in errors] or [0.0, 2.0])
    ticks = _error_ticks(10**low, 10**high)
    return {
        "type": "log",
        "range": [high, low],
        "tickmode": "array",
        "tickvals": ticks,
        "ticktext": [f"{100 - error:.10g}" for error in ticks],
    }


def accuracy_ends(low: float, high: float) -> tuple[float, float]:
    """Lowest and highest accuracy (%) of an axis of errors that shows accuracies (%) from `low` to `high`."""
    most, least = _error_range([math.log10(max(100 - accuracy, LEAST_ERROR)) for accuracy in (low, high)])
    return 100 - 10**most, 100 - 10**least


def log_axis(low: float, high: float, *, is_short: bool = False) -> dict[str, Any]:
    """A logarithmic axis from `low` to `high`, its ticks written out where plotly writes only their first digits.

    One that is short on the screen names powers of ten alone.
    """
    digits = (1,) if is_short or high / low >= 1e4 else (1, 2, 5)
    ticks = [digit * 10.0**power for power in range(-9, 15) for digit in digits]
    return {
        "type": "log",
        "range": [math.log10(low), math.log10(high)],
        "tickmode": "array",
        "tickvals": ticks,
        "ticktext": [_short(tick) for tick in ticks],
    }


def polish(figure: go.Figure, height: int = 460) -> go.Figure:
    """Large type, transparent ground, quiet grid; text takes the page's colour. Returns the same figure."""
    layout = figure.layout.to_plotly_json()
    axes = {"xaxis", "yaxis", *(name for name in layout if name.startswith(("xaxis", "yaxis")))}
    # Set at once: plotly checks all of a figure at each of its own updates, which takes eight times as long.
    figure.layout = _merged(layout, {**_LAYOUT, "height": height, **dict.fromkeys(axes, _AXIS)})
    return figure


def name_lines(figure: go.Figure, names: Sequence[str], rows: Sequence[float], lift: float, width: float = 1) -> None:
    """Faint lines with a name above each, at the left edge; all at once, for speed.

    Beside the plot, names would take a phone's whole width; as labels of an axis that lie in the plot, plotly would
    hide the other axis's labels under them.
    """
    figure.update_layout(
        annotations=[
            {
                "x": 0,
                "xref": "paper",
                "xanchor": "left",
                "y": row - lift,
                "text": name,
                "showarrow": False,
                "font": {"size": 16},
            }
            for name, row in zip(names, rows, strict=True)
        ],
        shapes=[
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": width,
                "y0": row,
                "y1": row,
                "layer": "below",
                "line": {"color": FAINT, "width": 1},
            }
            for row in rows
        ],
    )


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Both, at every depth; the second wins."""
    both = dict(first)
    for name, value in second.items():
        before = both.get(name)
        both[name] = _merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return both


def _error_range(places: list[float]) -> tuple[float, float]:
    """Logarithms of the largest and the smallest error of an axis that shows errors with these logarithms."""
    room = max(0.1 * (max(places) - min(places)), 0.12)
    return min(2.03, max(places) + room), min(places) - room


def _error_ticks(low: float, high: float) -> list[float]:
    """Round errors (%) to be named on an axis from `low` to `high`; at equal distances where it is short."""
    if sum(low <= tick <= high for tick in _ERROR_TICKS) > 3:
        return _ERROR_TICKS
    power = 10.0 ** math.floor(math.log10((high - low) / 3))
    step = max(digit * power for digit in (1, 2, 5) if digit * power <= (high - low) / 3)
    return [round(multiple * step, 9) for multiple in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _short(value: float) -> str:
    """A round number in few letters: 0.05, 20, 5k, 2M."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _channels(colour: str) -> list[int]:
    return [int(colour[start : start + 2], 16) for start in (1, 3, 5)]


def _luminance(colour: str) -> float:
    shares = [channel / 255 for channel in _channels(colour)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
