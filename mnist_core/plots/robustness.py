"""Accuracy as images are changed more and more: one panel a kind of change, with an example under each amount."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from mnist_core.plots.images import channels_last, png, png_address
from mnist_core.plots.style import NamedRun, plot_label, polish, run_styles

# Share of a panel's height for the examples.
_STRIP = 0.3
# Approximate side of an example in pixels; browsers blur images that they enlarge.
_PIXELS = 84


def corruption_panel(
    accuracies: Mapping[int, np.ndarray],
    runs: Sequence[NamedRun],
    labels: Sequence[str],
    examples: np.ndarray | None = None,
) -> go.Figure:
    """Accuracy (%) over severity, a line a run, for one kind of change.

    `accuracies` holds float (severities,) fractions by run number, `labels` the amount at each severity, `examples`,
    uint8 (severities, C, H, W), one image changed as much.
    """
    figure = go.Figure()
    severities, styles = list(range(len(labels))), run_styles(runs)
    for run in runs:
        if run.number in accuracies:
            style = styles[run.number]
            figure.add_scatter(
                x=severities,
                y=100 * accuracies[run.number],
                mode="lines+markers",
                name=plot_label(run, 26),
                line={"color": style.colour, "width": 3, "dash": style.dash},
                marker={"symbol": style.symbol, "size": 9},
                customdata=list(labels),
                meta=plot_label(run, 60),
                cliponaxis=False,
                hovertemplate="<b>%{meta}</b><br>%{customdata}: %{y:.2f}%<extra></extra>",
            )
    polish(figure, height=300 if examples is None else 350)
    if examples is not None:
        _add_examples(figure, examples)
    figure.update_layout(showlegend=False, margin={"t": 12})
    figure.update_xaxes(
        title_text="",
        tickvals=severities,
        ticktext=list(labels),
        range=[-0.5, len(labels) - 0.5],
        tickfont={"size": 15},
        tickangle=0,
    )
    figure.update_yaxes(title_text="", range=[-2, 103], dtick=20, domain=[0 if examples is None else _STRIP, 1])
    return figure


def _add_examples(figure: go.Figure, examples: np.ndarray) -> None:
    scale = max(1, round(_PIXELS / examples.shape[3]))
    for severity, image in enumerate(channels_last(examples)):
        large = image.repeat(scale, axis=0).repeat(scale, axis=1)
        figure.add_layout_image(
            source=png_address(png(large)),
            xref="x",
            yref="paper",
            x=severity,
            y=0,
            sizex=0.92,
            sizey=_STRIP - 0.1,
            xanchor="center",
            yanchor="bottom",
            sizing="contain",
            layer="above",
        )
