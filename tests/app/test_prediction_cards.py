"""The answers as HTML: who disagrees, and what is shown of many classes, long names and different images."""

import re
from types import SimpleNamespace

import numpy as np

from dashboard.draw import prediction_cards
from dashboard.draw.prediction_cards import DrawingPrediction, dissenting, predictions_html
from mnist_core.store.run import Run


def numbered(number: int) -> Run:
    """A run of which only what a card shows matters."""
    fields = {
        "number": number,
        "name": f"net {number}",
        "test_accuracy": 0.9,
        "active": False,
        "dataset": "mnist",
        "optimistic": False,
    }
    return SimpleNamespace(**fields)  # pyright: ignore[reportReturnType]


def an_answer(number: int, best: int, classes: tuple[str, ...] = tuple("0123456789")) -> DrawingPrediction:
    values = np.full(len(classes), 0.5 / len(classes), dtype=np.float32)
    values[best] += 0.5
    image = np.zeros((1, 28, 28), dtype=np.uint8)
    return DrawingPrediction(numbered(number), classes, image, "placed", values)


def test_disagreement_is_said_among_networks_that_choose_between_the_same_classes() -> None:
    clothes = ("shirt", "shoe")
    agreed = [an_answer(1, 7), an_answer(2, 7), an_answer(9, 1, clothes)]
    assert dissenting(agreed) == set()
    assert "Both networks read <b>7</b>" in predictions_html(agreed, 0, True)
    divided = [*agreed, an_answer(3, 1)]
    assert dissenting(divided) == {3}
    html = predictions_html(divided, 0, True)
    assert "They disagree: <b>7</b> (runs 1, 2) against <b>1</b> (run 3)" in html
    assert html.count("card differ") == 1
    assert dissenting([an_answer(1, 7), an_answer(2, 1)]) == {1, 2}, "nobody is in the majority"


def test_names_are_shown_as_text_and_of_many_classes_the_most_probable() -> None:
    classes = tuple(f"<b>class {number}</b>" for number in range(30))
    html = predictions_html([an_answer(1, 17, classes)], 0, True)
    assert "<b>class" not in html
    names = re.findall(r"<span title='([^']*)'", html)
    assert names[0] == "&lt;b&gt;class 17&lt;/b&gt;"
    assert len(names) == prediction_cards._MOST_ROWS
    assert f"and {30 - prediction_cards._MOST_ROWS} classes that are less probable" in html


def test_each_kind_of_network_is_given_its_own_image() -> None:
    small = an_answer(1, 7)
    large = DrawingPrediction(numbered(2), tuple("ab"), np.zeros((3, 32, 32), dtype=np.uint8), "resized")
    html = predictions_html([small, large], 0, True)
    assert "Run 1: 28 × 28 pixels, placed" in html
    assert "Run 2: 32 × 32 colour pixels, resized" in html
