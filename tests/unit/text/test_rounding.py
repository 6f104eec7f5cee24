"""Figures have as many digits as their uncertainty supports; the expected digits are worked out by hand."""

import math

import pytest

from mnist_core.text.rounding import all_digits, decimals, fixed_decimals


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
