"""How many digits a figure is written with: as many as its uncertainty supports."""

from math import floor, isfinite, log10


def decimals(uncertainty: float, most: int) -> int:
    """Decimals of a figure with this uncertainty: a standard deviation or half an interval, in the figure's unit.

    The uncertainty keeps two significant digits if they are 10 to 35, else one (Particle Data Group, Review of Particle
    Physics, section 5.3). The result is between 0 and `most`; it is `most` where the uncertainty is 0 or unknown (NaN).
    """
    if not isfinite(uncertainty) or uncertainty <= 0:
        return most
    exponent = floor(log10(uncertainty))
    digits = 2 if uncertainty / 10.0**exponent < 3.55 else 1
    return min(max(digits - 1 - exponent, 0), most)


def fixed(value: float, places: int, sign: bool = False) -> str:
    """A number with this many decimals, its thousands grouped; `sign` writes + before a positive one too.

    What rounds to zero has no minus.
    """
    return f"{value:{'+' if sign else ''}z,.{places}f}".replace("-", "−")


def with_spread(mean: float, spread: float, most: int) -> str:
    """A mean and its spread in the digits that the spread supports: "92.57 ± 0.05"; the mean alone if it is NaN."""
    places = decimals(spread, most)
    return fixed(mean, places) if not isfinite(spread) else f"{fixed(mean, places)} ± {fixed(spread, places)}"
