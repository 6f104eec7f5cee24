"""The palette is readable on light and dark and without colour vision; figures have titles, units and tooltips."""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
# plotly has no types for the traces of a figure.

import json
import re
from collections import Counter
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.offline
import pytest

from mnist_core import plots
from mnist_core.analysis import scores
from mnist_core.plots.costs import CostPoint
from mnist_core.plots.style import (
    DARK,
    DASHES,
    LIGHT,
    MISTAKE,
    PALETTE,
    SYMBOLS,
    accuracy_axis,
    contrast,
    log_axis,
    mixed,
)
from tests.long_tables import as_curves

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
# Ottosson (2020): linear RGB to cone responses, and their cube roots to OKLab.
TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def _oklab(colour: str, blindness: np.ndarray) -> np.ndarray:
    values = np.array([int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return TO_LAB @ np.cbrt(TO_CONES @ np.clip(blindness @ linear, 0, 1))


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    # WCAG's example of a contrast that is just too low.
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#abcdef", "#abcdef") == 1


@pytest.mark.parametrize("colour", PALETTE)
@pytest.mark.parametrize("ground", [LIGHT, DARK])
def test_every_colour_reads_on_both_grounds(colour: str, ground: str) -> None:
    assert contrast(colour, ground) >= 3


@pytest.mark.parametrize(
    ("kind", "least"), [("none", 0.12), ("protanopia", 0.085), ("deuteranopia", 0.09), ("tritanopia", 0.07)]
)
def test_colours_are_told_apart(kind: str, least: float) -> None:
    for first, other in combinations(PALETTE, 2):
        distance = np.linalg.norm(_oklab(first, BLINDNESS[kind]) - _oklab(other, BLINDNESS[kind]))
        # About 0.02 is the least visible difference.
        assert distance >= least, f"{first} and {other}"


def test_styles_stay_and_differ_for_32_runs() -> None:
    styles = [plots.run_style(number) for number in range(1, 33)]
    assert len({(style.colour, style.dash) for style in styles}) == len(PALETTE) * len(DASHES) == 32
    assert [style.dash for style in styles[:5]] == [*DASHES, "solid"], "the second line differs already"
    assert len({(style.colour, style.symbol) for style in styles}) == 32 == len(PALETTE) * len(SYMBOLS)
    assert plots.run_style(33) == styles[0]


def test_lengths_of_dashes_are_those_that_plotly_draws() -> None:
    # plotly.js computes them in `drawing.dashStyle`, where the unit `dot` is one letter of its minified script.
    branches = dict(re.findall(r'==="(dot|dash|dashdot)"\?\w+=([\w*+",]+):', plotly.offline.get_plotlyjs()))
    drawn = {
        dash: tuple(int(factor or 1) for factor in re.findall(r'(?:(\d)\*)?\w\+"px', code))
        for dash, code in branches.items()
    }
    assert drawn == {dash: lengths for dash, lengths in DASHES.items() if lengths}
    assert plots.dash_lengths("dashdot") == [9, 3, 3, 3]
    assert plots.dash_lengths("dash", 4) == [12, 12]
    assert plots.dash_lengths("solid") == []


def test_a_sample_of_a_line_repeats_its_dashes() -> None:
    assert plots.dash_background("#3078cf", "solid") == "repeating-linear-gradient(90deg,#3078cf 0px 1px)"
    assert plots.dash_background("#3078cf", "dashdot") == (
        "repeating-linear-gradient(90deg,#3078cf 0px 9px,transparent 9px 12px,#3078cf 12px 15px,transparent 15px 18px)"
    )


def test_no_two_of_up_to_32_runs_on_a_chart_are_alike() -> None:
    random = np.random.default_rng(0)
    for count in (2, 5, 32):
        numbers = random.choice(np.arange(1, 500), count, replace=False).tolist()
        styles = plots.run_styles(SimpleNamespace(number=number, name="") for number in numbers)
        assert len(set(styles.values())) == count
        first = {(number - 1) % 32: number for number in sorted(numbers, reverse=True)}
        assert all(styles[number] == plots.run_style(number) for number in first.values())
    same = plots.run_styles(SimpleNamespace(number=number, name="") for number in (65, 33, 1, 2))
    assert [plots.run_style(number) for number in (1, 2, 3, 4)] == [same[number] for number in (1, 2, 33, 65)]
    many = plots.run_styles(SimpleNamespace(number=number, name="") for number in range(1, 600, 8))
    # 75 runs share the styles evenly.
    assert max(Counter(many.values()).values()) == 3


def test_two_runs_with_numbers_32_apart_differ_on_a_chart() -> None:
    runs = [
        SimpleNamespace(number=number, name="", test_accuracy=0.9, train_accuracy=0.9, validation_accuracy=0.8)
        for number in (2, 34)
    ]
    figure = plots.accuracy_dots(runs)
    lines = [trace.line.color for trace in figure.data if trace.mode == "lines"]
    assert lines == [plots.run_style(2).colour, plots.run_style(3).colour]


def test_labels() -> None:
    assert plots.run_label(SimpleNamespace(number=3, name="lenet-5")) == "3 · lenet-5"
    assert plots.run_label(SimpleNamespace(number=3, name="")) == "run 3"
    long = plots.run_label(SimpleNamespace(number=3, name="conv(150, 5) " * 9))
    assert len(long) <= 4 + 44
    assert "…" in long[4:-4]


def test_counts_read_on_every_shade_of_both_grounds() -> None:
    matrix = np.arange(1, 401).reshape(20, 20)
    for dark, ground in ((False, LIGHT), (True, DARK)):
        figure = plots.confusion_matrix(matrix, [str(label) for label in range(20)], dark)
        shares = figure.data[0].z
        assert len(figure.layout.annotations) == 400
        for note in figure.layout.annotations:
            share = shares[note.y][note.x]
            cell = mixed("#808080", ground, 0.22) if np.isnan(share) else mixed(MISTAKE, ground, share)
            assert contrast(note.font.color, cell) >= 4.3


def test_axes_of_accuracy_and_logarithms() -> None:
    axis = accuracy_axis([0.4, 8.0])
    ticks = dict(zip(axis["tickvals"], axis["ticktext"], strict=True))
    assert ticks[100] == "0"
    assert ticks[1] == "99"
    assert ticks[0.5] == "99.5"
    # More errors are further down.
    assert axis["range"][0] > np.log10(8.0) > np.log10(0.4) > axis["range"][1]
    near = accuracy_axis([1.45, 2.65])
    shown = [text for text in near["ticktext"] if near["range"][1] < np.log10(100 - float(text)) < near["range"][0]]
    assert shown == ["98.5", "98", "97.5", "97"]
    ticks = dict(zip(log_axis(1, 100)["tickvals"], log_axis(1, 100)["ticktext"], strict=True))
    assert (ticks[0.05], ticks[20.0], ticks[5000.0], ticks[2e6]) == ("0.05", "20", "5k", "2M")


def _figures() -> dict[str, go.Figure]:
    random = np.random.default_rng(0)
    names = [str(index) for index in range(10)]
    runs: list[Any] = [
        SimpleNamespace(
            id=f"r{number}",
            number=number,
            name=f"run <b>{number}</b>",
            steps_per_epoch=5,
            parameters=1000 * number,
            macs=900,
            seconds=3.0,
            train_accuracy=0.99,
            validation_accuracy=0.9 + number / 100,
            test_accuracy=None,
        )
        for number in (1, 2)
    ]
    rows = [
        (step, (step + 4) // 5, name, 1 / step, float(step))
        for step in range(1, 21)
        for name in (
            "train_loss",
            "train_accuracy",
            *(("validation_loss", "validation_accuracy") if step % 5 == 0 else ()),
        )
    ]
    table = pd.DataFrame(rows, columns=["step", "epoch", "name", "value", "seconds"])
    probabilities = random.dirichlet(np.ones(10), 200).astype(np.float32)
    frame = pd.DataFrame(probabilities, columns=[f"p{index}" for index in range(10)]).assign(
        split="test", index=range(200), label=random.integers(0, 10, 200)
    )
    metrics = {run.id: as_curves(table) for run in runs}
    matrix = scores.confusion_matrix(frame["label"].to_numpy(), scores.predicted_classes(frame), 10)
    return {
        "loss": plots.learning_curves(metrics, runs),
        "accuracy": plots.learning_curves(metrics, runs, "accuracy", "seconds", log_x=True, log_y=True),
        "alone": plots.learning_curves(metrics, runs[:1], "accuracy", "epoch", smoothing=0),
        "confusion": plots.confusion_matrix(matrix, names),
        "scores": plots.class_scores(scores.class_scores(matrix, names)),
        "counts": plots.class_counts(pd.DataFrame({"train": [5] * 10, "test": [2] * 10}, index=names)),
        "against": plots.accuracy_against_cost(
            [CostPoint(run, run.parameters, run.validation_accuracy, 0.85, 0.95) for run in runs],
            "Parameters",
            "validation accuracy",
            front=[0, 1],
        ),
        "accuracies": plots.accuracy_dots(runs),
        "pixels": plots.pixel_histogram(random.integers(0, 100, (3, 256))),
    }


FIGURES = _figures()


@pytest.mark.parametrize("name", FIGURES)
def test_figures_can_be_projected(name: str) -> None:
    figure = FIGURES[name]
    layout = figure.to_plotly_json()["layout"]
    titles = [axis["title"].get("text") for key, axis in layout.items() if key.startswith(("xaxis", "yaxis"))]
    assert any(titles)
    assert layout["xaxis"]["title"]["text"]
    assert layout["yaxis"]["title"]["text"]
    for key, axis in layout.items():
        if key.startswith(("xaxis", "yaxis")):
            assert axis["tickfont"]["size"] >= 15
            assert axis["title"]["font"]["size"] >= 18
    assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == "rgba(0, 0, 0, 0)"
    assert "color" not in layout.get("font", {}), "text takes the page's colour"
    drawn = [trace for trace in figure.data if trace.x is not None and len(trace.x) and trace.x[0] is not None]
    hovers = [trace.hovertemplate for trace in drawn if trace.hoverinfo != "skip"]
    assert hovers
    assert all(hover and hover.endswith("<extra></extra>") for hover in hovers)


# The counts of the confusion matrix lie on cells of known colour, not on the page.
@pytest.mark.parametrize("name", sorted(FIGURES.keys() - {"confusion"}))
def test_figures_are_not_made_for_one_ground(name: str) -> None:
    text = json.dumps(FIGURES[name].to_plotly_json(), default=str).lower()
    for colour in ("#000000", "#ffffff", '"black"', '"white"', '#000"', '#fff"'):
        assert colour not in text


@pytest.mark.parametrize("name", ["loss", "against", "accuracies"])
def test_names_of_runs_are_no_html(name: str) -> None:
    text = FIGURES[name].to_json() or ""
    assert "&lt;b&gt;" in text or "\\u0026lt;b" in text
    assert "run <b>" not in text
    assert "run \\u003cb" not in text
