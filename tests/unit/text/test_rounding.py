"""Figures have as many digits as their uncertainty supports; the expected digits are worked out by hand."""

import math

import pytest

from mnist_core.text.rounding import all_digits, counted, decimals, fixed_decimals, share_text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.1, "0.1"),
        (1e-05, "1e-05"),
        (300.0, "300"),
        (0.12345678, "0.12345678"),
        (1234567.0, "1234567"),
        (1e300, "1e+300"),
    ],
)
def test_a_number_has_all_digits_that_tell_it_from_others(value: float, expected: str) -> None:
    assert all_digits(value) == expected
    assert float(all_digits(math.nextafter(value, 1.0))) != value


@pytest.mark.parametrize(
    ("uncertainty", "expected"), [(0.1, 2), (0.354, 2), (0.356, 1), (0.949, 1), (1.0, 1), (3.6, 0), (250.0, 0)]
)
def test_two_digits_of_an_uncertainty_from_10_to_35_else_one(uncertainty: float, expected: int) -> None:
    assert decimals(uncertainty, 6) == expected


def test_what_rounds_to_zero_has_no_minus() -> None:
    assert fixed_decimals(-0.00004, 4, sign=True) == "+0.0000"
    assert fixed_decimals(-0.004, 2) == "0.00"
    assert fixed_decimals(-1234.5, 1) == "−1,234.5"


@pytest.mark.parametrize(
    ("share", "places", "expected"),
    [(1.0, 1, "100.0%"), (0.9999, 1, "99.9%"), (0.996, 0, "99%"), (0.9742, 2, "97.42%"), (0.0, 1, "0.0%")],
)
def test_only_the_whole_reads_as_100_per_cent(share: float, places: int, expected: str) -> None:
    assert share_text(share, places) == expected


def test_one_thing_is_singular() -> None:
    assert [counted(number, "run") for number in (0, 1, 2, 1000)] == ["0 runs", "1 run", "2 runs", "1,000 runs"]
    assert counted(2, "class", "classes") == "2 classes"
