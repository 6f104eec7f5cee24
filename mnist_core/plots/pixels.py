"""Chart of the pixels of a data set: how bright they are."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from mnist_core.plots.style import GREY, log_axis, polish

_CHANNELS = {1: ("grey",), 3: ("red", "green", "blue")}
_COLOURS = {"grey": GREY, "red": "#c70010", "green": "#00a778", "blue": "#3078cf"}
# Each bin holds 8 grey levels.
_BINS = 32


def pixel_histogram(counts: np.ndarray) -> go.Figure:
    """Share of the pixels (%, logarithmic) at each brightness.

    `counts`, int (C, 256), says how many pixels of each channel have each value.
    """
    figure = go.Figure()
    step = 256 // _BINS
    starts = np.arange(0, 256, step)
    shares = counts.reshape(len(counts), _BINS, step).sum(axis=2) / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for name, share in zip(_names(counts), shares, strict=True):
        figure.add_bar(
            x=starts + (step - 1) / 2,
            y=share * 100,
            width=step * 0.92,
            name=name,
            marker={"color": _COLOURS[name]},
            opacity=1 if len(counts) == 1 else 0.5,
            showlegend=len(counts) > 1,
            customdata=starts + step - 1,
            hovertemplate=f"{name}, brightness up to %{{customdata}}<br>%{{y:.3g}}% of pixels<extra></extra>",
        )
    lowest = 100 * shares[shares > 0].min(initial=0.1)
    polish(figure, height=380)
    figure.update_layout(barmode="overlay")
    figure.update_xaxes(title_text="Brightness (0 black to 255 full)", range=[-2, 257], dtick=64)
    figure.update_yaxes(title_text="Share of pixels (%)", **log_axis(lowest / 2, 110))
    return figure


def _names(counts: np.ndarray) -> Sequence[str]:
    return _CHANNELS.get(len(counts), tuple(f"channel {channel + 1}" for channel in range(len(counts))))
