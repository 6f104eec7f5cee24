"""The plain sentence of a verdict claims what the tests of the verdict claim."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mnist_core.analysis.plainly import likelihood_of_luck, plain_summary, spoken_names
from mnist_core.analysis.predictions import Predictions
from mnist_core.analysis.verdict import judge

IMAGES = 1000


def runs(*names: str) -> list[Any]:
    return [SimpleNamespace(number=number, id=str(number), name=name) for number, name in enumerate(names, start=1)]


def predictions(named: list[Any], wrong: list[range]) -> Predictions:
    """Two classes, all labels 0; run by run the images that it gets wrong."""
    probabilities = {}
    for run, places in zip(named, wrong, strict=True):
        one = np.zeros(IMAGES)
        one[list(places)] = 1
        probabilities[run.id] = np.stack([1 - one, one], axis=1)
    return Predictions(tuple(named), np.zeros(IMAGES, dtype=np.int64), probabilities, "test")


def summary(names: list[str], wrong: list[range], baseline: int | None = None) -> str:
    named = runs(*names)
    verdict = judge(predictions(named, wrong))
    return plain_summary(verdict, None if baseline is None else named[baseline])


def test_of_two_the_better_one_comes_first_and_luck_is_named_by_its_p():
    assert summary(["worse", "lenet-5"], [range(100), range(20)]).startswith("lenet-5 is better than worse; luck alone")
    assert "less than 1 time in 1,000 (p < 0.001)" in summary(["worse", "lenet-5"], [range(100), range(20)])
    close = summary(["a", "b"], [range(10), range(5, 16)])
    assert "better" not in close
    assert close.startswith("a is right more often than b, but luck alone may explain it (p = ")
    assert "equally often" in summary(["a", "b"], [range(10), range(10, 20)])


def test_one_run_has_its_errors_and_its_interval():
    text = summary(["alone"], [range(30)])
    assert text.startswith("alone is wrong on 30 of 1,000 test images")
    assert "97.00%" in text


def test_of_several_the_best_is_named_with_those_that_may_be_as_good():
    clear = summary(["a", "b", "c"], [range(5), range(100), range(200)])
    assert clear.startswith("a is better than each of the other 2")
    assert "corrected for 3 pairs" in clear
    mixed = summary(["a", "b", "c"], [range(40), range(41), range(200)])
    assert mixed.startswith("a is right most often, but b may be as good")
    assert mixed.endswith("c is worse.")
    assert "None of these 3" in summary(["a", "b", "c"], [range(40), range(41), range(39)])


def test_with_a_baseline_every_other_run_is_set_against_it():
    text = summary(["a", "b", "c", "d"], [range(40), range(41), range(200), range(2)], baseline=0)
    assert text.startswith("Against the baseline a: d is better; c is worse; b cannot be told apart from it")


def test_runs_of_one_name_are_called_by_their_numbers_and_a_name_with_a_comma_is_quoted():
    assert spoken_names(runs("same", "same", "", "mlp, seed 1", "x" * 99)) == [
        "run 1",
        "run 2",
        "run 3",
        "“mlp, seed 1”",
        f"{'x' * 14}…{'x' * 13}",
    ]
    assert summary(["", ""], [range(100), range(20)]).startswith("Run 2 is better than run 1;")


@pytest.mark.parametrize(
    ("p", "words"), [(0.0001, "in 1,000"), (0.005, "in 100"), (0.03, "in 20"), (0.2, "may explain")]
)
def test_how_likely_luck_is(p: float, words: str):
    assert words in likelihood_of_luck(p)
