"""The values in the figures of classes, confusion and comparison."""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
# plotly has no types for the traces of a figure.

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mnist_core import plots
from tests.long_tables import as_curves

MATRIX = np.array([[90, 3, 0], [0, 50, 30], [0, 0, 0]])
NAMES = ["cat", "dog", "emu"]


def _run(number: int, **values: Any) -> Any:
    defaults: dict[str, Any] = {
        "id": f"r{number}",
        "number": number,
        "name": f"net-{number}",
        "train_accuracy": 0.99,
        "validation_accuracy": 0.97,
        "test_accuracy": 0.965,
    }
    return SimpleNamespace(**defaults | values)


def test_every_cell_can_be_clicked_and_says_what_it_is() -> None:
    cells = plots.confusion_matrix(MATRIX, NAMES).data[-1]
    assert len(cells.x) == 9
    clickable = {
        (int(row), int(column)): details
        for row, column, details in zip(cells.y, cells.x, cells.customdata, strict=True)
    }
    assert list(clickable[1, 2]) == [1, 2, "dog", "emu", 30, 80, 30 / 80]
    # A class without images.
    assert list(clickable[2, 0]) == [2, 0, "emu", "cat", 0, 0, 0]
    assert cells.marker.opacity == 0
    assert cells.selected.marker.opacity == 1


def test_mistakes_are_coloured_and_the_diagonal_is_not() -> None:
    figure = plots.confusion_matrix(MATRIX, NAMES)
    mistakes, right = (np.array(trace.z) for trace in figure.data[:2])
    assert np.isnan(np.diag(mistakes)).all()
    assert np.isfinite(mistakes).sum() == 2
    assert mistakes[1, 2] == 1
    assert 0.1 < mistakes[0, 1] < mistakes[1, 2]
    assert np.isfinite(np.diag(right)).all()
    assert np.isfinite(right).sum() == 3
    assert {(note.y, note.x): note.text for note in figure.layout.annotations} == {
        (0, 0): "<b>90</b>",
        (0, 1): "3",
        (1, 1): "<b>50</b>",
        (1, 2): "30",
    }
    top, bottom = figure.layout.yaxis.range
    assert top > bottom, "the first class stands at the top"


def test_a_matrix_without_mistakes_and_one_of_many_classes() -> None:
    assert np.isnan(np.array(plots.confusion_matrix(np.eye(3, dtype=int), NAMES).data[0].z)).all()
    many = plots.confusion_matrix(np.ones((47, 47), dtype=int), [str(label) for label in range(47)])
    assert not many.layout.annotations
    assert len(many.data[-1].x) == 47 * 47


def test_class_scores_and_counts() -> None:
    scores = pd.DataFrame(
        {"precision": [0.9, np.nan], "recall": [0.8, 0.0], "f1": [0.85, np.nan], "support": [10, 20]}, index=["a", "b"]
    )
    figure = plots.class_scores(scores)
    assert {trace.name: trace.y[0] for trace in figure.data} == pytest.approx({"Recall": 80, "Precision": 90, "F1": 85})
    counts = plots.class_counts(pd.DataFrame({"train": [5, 6], "test": [1, 2]}, index=["a", "b"]))
    assert [list(trace.y) for trace in counts.data] == [[5, 6], [1, 2]]
    assert counts.layout.yaxis.range[1] > 6


def test_accuracies_line_up_by_run() -> None:
    figure = plots.accuracy_dots([_run(1), _run(2, test_accuracy=None, validation_accuracy=None, train_accuracy=None)])
    points = [trace for trace in figure.data if trace.mode == "markers" and trace.x[0] is not None]
    assert [trace.customdata[0][1] for trace in points] == pytest.approx([99, 97, 96.5])
    assert [note.text for note in figure.layout.annotations] == ["1 · net-1", "2 · net-2"]
    assert plots.accuracy_dots([]).layout.xaxis.title.text


def test_the_histogram_accounts_for_every_pixel() -> None:
    counts = np.random.default_rng(0).integers(0, 2100, (3, 256))
    counts[1, 1:] = 0
    figure = plots.pixel_histogram(counts)
    assert [trace.name for trace in figure.data] == ["red", "green", "blue"]
    for trace in figure.data:
        assert sum(trace.y) == pytest.approx(100)


@pytest.mark.parametrize(("count", "cut"), [(12, False), (13, True)])
def test_of_many_lines_the_legend_holds_names_that_fit_its_columns(count: int, cut: bool) -> None:
    rows = pd.DataFrame({"step": [1, 2], "epoch": 1, "name": "train_loss", "value": [1.0, 0.5], "seconds": 1.0})
    runs = [
        _run(number, name="<conv> " * 5 + "relu", steps_per_epoch=2, train_images=9) for number in range(1, count + 1)
    ]
    figure = plots.learning_curves({run.id: as_curves(rows) for run in runs}, runs)
    named = [trace for trace in figure.data if trace.showlegend]
    assert len(named) == count
    assert all(
        trace.meta == plots.run_label(run).replace("<", "&lt;").replace(">", "&gt;")
        for trace, run in zip(named, runs, strict=True)
    )
    assert named[0].name == ("1 · &lt;conv&gt;…nv&gt; &lt;conv&gt; relu" if cut else named[0].meta)
