"""Predictions for a drawing as HTML: who disagrees, many classes, hostile names, and different input images."""

import re
from types import SimpleNamespace

import numpy as np

from dashboard.controls.class_bars import MOST_BARS
from dashboard.draw.prediction_cards import DrawingPrediction, dissenting, predictions_html
from mnist_core.store.run import Run


def numbered(number: int) -> Run:
    """A stand-in for a run, with the fields that a card shows."""
    fields = {
        "number": number,
        "name": f"net {number}",
        "test_accuracy": 0.9,
        "active": False,
        "dataset": "mnist",
        "optimistic": False,
    }
    return SimpleNamespace(**fields)  # pyright: ignore[reportReturnType]


def prediction(number: int, predicted: int, classes: tuple[str, ...] = tuple("0123456789")) -> DrawingPrediction:
    values = np.full(len(classes), 0.5 / len(classes), dtype=np.float32)
    values[predicted] += 0.5
    image = np.zeros((1, 28, 28), dtype=np.uint8)
    return DrawingPrediction(numbered(number), classes, image, "placed", values)


def verdict(html: str) -> str:
    match = re.search("<div class='verdict[^>]*>(.*?)</div>", html)
    assert match
    return match[1]


def test_networks_disagree_only_if_they_choose_between_the_same_classes() -> None:
    clothes = ("shirt", "shoe")
    agreed = [prediction(1, 7), prediction(2, 7), prediction(9, 1, clothes)]
    assert dissenting(agreed) == set()
    assert "<b>7</b>" in verdict(predictions_html(agreed, 0, True))
    divided = [*agreed, prediction(3, 1)]
    assert dissenting(divided) == {3}
    html = predictions_html(divided, 0, True)
    assert re.findall(r"<b>(\d)</b> \(runs? ([^)]*)\)", verdict(html)) == [("7", "1, 2"), ("1", "3")]
    assert html.count("card differ") == 1
    assert dissenting([prediction(1, 7), prediction(2, 1)]) == {1, 2}, "there is no majority"


def test_names_are_shown_as_text_and_of_many_classes_the_most_probable() -> None:
    classes = tuple(f"<b>class {number}</b>" for number in range(30))
    html = predictions_html([prediction(1, 17, classes)], 0, True)
    assert "<b>class" not in html
    names = re.findall(r"<span class='class[^']*' title='([^']*)'", html)
    assert names[0] == "&lt;b&gt;class 17&lt;/b&gt;"
    assert len(names) == MOST_BARS
    assert re.search(rf"\b{30 - MOST_BARS} classes\b", html)


def test_each_kind_of_network_is_given_its_own_image() -> None:
    small = prediction(1, 7)
    large = DrawingPrediction(numbered(2), tuple("ab"), np.zeros((3, 32, 32), dtype=np.uint8), "resized")
    html = predictions_html([small, large], 0, True)
    assert re.search(r"\b1\b[^<]* 28 × 28 [^<]*\bplaced\b", html)
    assert re.search(r"\b2\b[^<]* 32 × 32 colour [^<]*\bresized\b", html)
