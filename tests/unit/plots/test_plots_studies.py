"""The studies' charts, and what the lessons compute from a network's weights."""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
# plotly has no types for the traces of a figure.

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from mnist_core.analysis import explain, explain_linear
from mnist_core.architectures.building import build_network
from mnist_core.plots import studies
from mnist_core.plots.epoch_curves import epoch_curves
from mnist_core.plots.style import MISTAKE, PALETTE, run_style
from tests.long_tables import as_curves

NAN = float("nan")
TABLE = pd.DataFrame(
    {
        "variant": ["784-10", "784-5-10", "784-100-100-10"],
        "reported": [92.5, 90.1, 92.4],
        "mean": [92.4, 30.0, 92.3],
        "std": [0.1, 0.2, NAN],
        "honest_mean": [NAN, NAN, NAN],
        "honest_std": [NAN, NAN, NAN],
    }
)


def _run(number: int) -> Any:
    return SimpleNamespace(id=f"r{number}", number=number, name=f"net-{number}", steps_per_epoch=10)


def _metrics(scale: float = 1.0) -> pd.DataFrame:
    names = ("epoch_train_loss", "validation_loss", "epoch_train_accuracy", "validation_accuracy")
    rows = [
        {"id": 1, "step": 10 * epoch, "epoch": epoch, "name": name, "value": scale * (index + 1) / epoch / 4}
        for epoch in range(1, 6)
        for index, name in enumerate(names)
    ]
    return pd.DataFrame(rows)


def test_full_scale_is_0_to_100_and_every_model_has_its_place() -> None:
    figure = studies.accuracy_by_model(TABLE)
    assert figure.layout.yaxis.range[0] == 0
    assert figure.layout.yaxis.range[1] >= 100
    # Nothing was measured with the honest protocol, so there is no trace of it.
    reported, measured = figure.data
    assert list(reported.y) == [92.5, 90.1, 92.4]
    assert list(measured.y) == [92.4, 30.0, 92.3]
    assert list(measured.error_y.array) == [0.1, 0.2, 0.0]
    assert [round(x) for x in measured.x] == [0, 1, 2]
    assert list(figure.layout.xaxis.ticktext) == ["0", "1", "2"], "long labels are numbered as in the study"


def test_zoomed_shows_what_is_near_the_best_and_marks_what_lies_below() -> None:
    figure = studies.accuracy_by_model(TABLE, zoomed=True)
    low, high = figure.layout.yaxis.range
    assert 85 < low < 90.1
    assert 92.5 < high < 94
    measured = figure.data[1]
    assert list(measured.marker.symbol) == ["circle", "triangle-down", "circle"]
    assert measured.y[1] == low
    assert measured.customdata[1][1] == 30.0, "the tooltip still says how low it is"


def test_models_without_any_figure_make_an_empty_chart() -> None:
    empty = TABLE.assign(reported=NAN, mean=NAN)
    assert len(studies.accuracy_by_model(empty, zoomed=True).data) == 0


def test_short_labels_stand_below_their_points() -> None:
    swept = TABLE.assign(variant=["0.1", "0.01", "0.001"])
    figure = studies.accuracy_by_model(swept, title="Learning rate")
    assert list(figure.layout.xaxis.ticktext) == ["0.1", "0.01", "0.001"]
    assert figure.layout.xaxis.title.text == "Learning rate"


def test_a_single_run_is_drawn_as_the_course_did() -> None:
    chart = epoch_curves({"r3": as_curves(_metrics())}, [_run(3)])
    training, validation = chart.lines
    assert (training.colour, training.dash) == (PALETTE[0], "solid")
    assert (validation.colour, validation.dash) == (MISTAKE, "dash")
    assert training.x.tolist() == [1, 2, 3, 4, 5]
    assert training.y.tolist() == pytest.approx([1 / 4 / epoch for epoch in range(1, 6)])
    assert validation.y.tolist() == pytest.approx([2 / 4 / epoch for epoch in range(1, 6)])
    assert [entry.name for entry in chart.entries] == ["training", "validation"]


def test_several_runs_keep_their_colours_and_accuracy_is_in_per_cent() -> None:
    tables = {"r1": as_curves(_metrics()), "r2": as_curves(_metrics(0.5)), "r3": {}}
    runs = [_run(1), _run(2), _run(3)]
    chart = epoch_curves(tables, runs, "accuracy", {"r1": "small", "r2": "large", "r3": "nothing yet"})
    assert [entry.name for entry in chart.entries] == ["small", "large"]
    assert [(line.group, line.colour, line.dash, bool(line.symbol)) for line in chart.lines] == [
        ("r1", run_style(1).colour, "solid", False),
        ("r1", run_style(1).colour, "dash", True),
        ("r2", run_style(2).colour, run_style(2).dash, False),
        ("r2", run_style(2).colour, "dash", True),
    ]
    assert chart.lines[1].y[0] == 100


@pytest.mark.parametrize(("widths", "rank"), [((), 10), ((5,), 5), ((100, 100), 10), ((30, 3, 20), 3)])
def test_the_product_of_linear_layers_is_what_the_network_computes(widths: tuple[int, ...], rank: int) -> None:
    torch.manual_seed(1)
    line = " ".join(["flatten", *(f"linear({width})" for width in widths), "linear(10)", "logsoftmax"])
    model = build_network(line, (1, 28, 28), 10).eval()
    product = explain_linear.linear_product_of(model)
    assert product is not None
    assert (product.rank, product.narrowest, product.widths) == (rank, min(784, *widths, 10), (784, *widths, 10))
    assert product.matrix.shape == (10, 784)
    # The same by automatic differentiation.
    templates = explain.class_templates(model, (1, 28, 28))
    assert templates is not None
    np.testing.assert_allclose(product.matrix.reshape(10, 1, 28, 28), templates, atol=1e-6)


def test_a_network_with_an_activation_is_no_single_matrix() -> None:
    assert explain_linear.linear_product_of(build_network("flatten linear(5) relu linear(10)", (1, 28, 28), 10)) is None


def test_a_class_whose_logit_is_always_clipped_is_never_answered() -> None:
    labels = np.array([0, 0, 1, 1, 2, 2])
    outputs = np.array(
        [[3.0, 0, 0, 0], [0, 1, 0, 0], [0, 2, 0, 0], [0, 0.5, 0, 0], [1, 0, 0, 0], [0, 0.1, 0, 0]], dtype=np.float32
    )
    table = explain_linear.clipped_logits(outputs, labels)
    assert table["own"].tolist()[:3] == [0.5, 0.0, 1.0]
    assert table["right"].tolist()[:3] == [0.5, 1.0, 0.0]
    assert table["any"].tolist() == pytest.approx([4 / 6, 2 / 6, 1, 1])
    assert table["images"].tolist() == [2, 2, 2, 0]
    assert table.loc[3, ["own", "right"]].isna().all(), "no images of this class"
    bars = studies.clipped_logits(table.head(3), ["a", "b", "c"]).data
    assert list(bars[0].y) == [50, 0, 100]


def test_log_softmax_twice_is_log_softmax_once() -> None:
    values = np.array([[2.0, -1.0, 0.5], [1000.0, 0.0, -1000.0]])
    once = explain_linear.log_softmax(values)
    np.testing.assert_allclose(once, torch.from_numpy(values).log_softmax(1).numpy())
    np.testing.assert_allclose(explain_linear.log_softmax(once), once, atol=1e-12)
    assert not np.allclose(once, values)
