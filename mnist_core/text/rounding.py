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


def fixed_decimals(value: float, places: int, sign: bool = False) -> str:
    """A number with this many decimals, its thousands grouped; `sign` writes + before a positive one too.

    What rounds to zero has no minus.
    """
    return f"{value:{'+' if sign else ''}z,.{places}f}".replace("-", "−")


def all_digits(value: float) -> str:
    """A number as a person would type it, with all digits that tell it from others: 0.1, 1e-05, 300, 0.12345678."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value).removesuffix(".0")


def share_text(share: float, places: int = 1) -> str:
    """A share (0 to 1) in per cent: "97.4%". Only exactly 1 reads as 100 %."""
    percent = 100 * share
    return f"{percent if share >= 1 else min(percent, 100 - 10.0**-places):.{places}f}%"


def counted(number: int, thing: str, things: str = "") -> str:
    """How many of a thing there are: "1 run", "1,000 runs"; `things` where an s does not make the plural."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def size_in_words(count: int) -> str:
    """A number of bytes with its unit, in steps of 1,000: 999 bytes, 1.2 kB, 35 MB."""
    if abs(count) < 1000:
        return f"{count} byte{'s' * (count != 1)}"
    power = 1
    while abs(count) >= 999.5 * 1000**power and power < 4:
        power += 1
    value, unit = count / 1000**power, ("kB", "MB", "GB", "TB")[power - 1]
    return f"{value:.1f} {unit}" if abs(value) < 9.95 else f"{value:,.0f} {unit}"


def clock_text(seconds: float) -> str:
    """A duration as a clock shows it: "0:07", "12:30", "1:02:03"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
