"""Figures have as many digits as their uncertainty supports; the expected digits are worked out by hand."""

import math

import pytest

from mnist_core.text.rounding import decimals, fixed_decimals, with_spread


@pytest.mark.parametrize(
    ("mean", "spread", "most", "expected"),
    [
        (92.5667, 0.0493, 2, "92.57 ± 0.05"),
        (92.3033, 0.1332, 2, "92.30 ± 0.13"),
        (89.3533, 0.3616, 2, "89.4 ± 0.4"),
        (71.1233, 24.8755, 2, "71 ± 25"),
        (0.266566, 0.000233, 4, "0.2666 ± 0.0002"),
        (1.15272, 0.02793, 4, "1.153 ± 0.028"),
        (98.1767, 0.0951, 2, "98.18 ± 0.10"),
        (39_760, 0.0, 0, "39,760 ± 0"),
        (869.67, 10.97, 0, "870 ± 11"),
        (96.2, 0.00004, 2, "96.20 ± 0.00"),
        (97.84, math.nan, 2, "97.84"),
    ],
)
def test_a_mean_has_the_digits_of_its_spread(mean: float, spread: float, most: int, expected: str) -> None:
    assert with_spread(mean, spread, most) == expected


@pytest.mark.parametrize(
    ("uncertainty", "expected"), [(0.1, 2), (0.354, 2), (0.356, 1), (0.949, 1), (1.0, 1), (3.6, 0), (250.0, 0)]
)
def test_two_digits_of_an_uncertainty_from_10_to_35_else_one(uncertainty: float, expected: int) -> None:
    assert decimals(uncertainty, 6) == expected


def test_what_rounds_to_zero_has_no_minus() -> None:
    assert fixed_decimals(-0.00004, 4, sign=True) == "+0.0000"
    assert fixed_decimals(-0.004, 2) == "0.00"
    assert fixed_decimals(-1234.5, 1) == "−1,234.5"
