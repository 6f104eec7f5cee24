"""Axes: what a sweep varies - a list of values or a range, of a field of RunConfig or of a slot in the architecture."""

import math
import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

from mnist_core.config import MAX_WHOLE, FieldInfo, format_value, list_config_fields
from mnist_core.errors import ConfigError
from mnist_core.text import brief, one_line

Scale = Literal["linear", "log"]
MAX_VALUES = 1000
EXAMPLES = "0.1, 0.01, 0.001 or 1e-5..1 log 6 or 10..100 linear 4"

_RANGE = re.compile(r"\s*(\S+?)\s*\.\.\s*(\S+?)(?:\s+(linear|lin|log)\w*)?(?:\s+([0-9]+))?\s*", re.IGNORECASE)
_COUNT_DIGITS = 9
# Longest name of a slot, in letters.
_NAME_LETTERS = 60
_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


@dataclass(frozen=True)
class SweepAxis:
    """One thing that varies: `values`, or `count` of them from `low` to `high` (both included).

    `count` may be 0 for a random search, which draws from the whole range. Whole-number ranges give whole numbers.
    """

    # A field of RunConfig, or the name of a slot in the architecture.
    field: str
    values: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    count: int = 0
    scale: Scale = "linear"

    def grid(self) -> tuple[Any, ...]:
        """The values in their order, none twice; raises ConfigError for a range without a count."""
        if self.low is None or self.high is None:
            return tuple(dict.fromkeys(self.values))
        if self.count < 2:
            raise ConfigError(self.field, f"a grid needs to know how many values; write {self.text()} 5")
        places = (np.geomspace if self.scale == "log" else np.linspace)(self.low, self.high, self.count)
        if self.whole:
            return tuple(dict.fromkeys(round(float(value)) for value in places))
        # The ends are what was typed; between them six digits tell the values apart.
        return float(self.low), *(float(f"{value:.6g}") for value in places[1:-1]), float(self.high)

    def draw(self, generator: np.random.Generator) -> Any:
        """One random value: any of the list, or uniform (on its scale) in the range, to 4 digits."""
        if self.low is None or self.high is None:
            values = self.grid()
            return values[int(generator.integers(len(values)))]
        # Widen the range by a half on both sides, so that its ends are as likely as the whole numbers between them.
        room = 0.5 if self.whole else 0.0
        low, high, share = self.low - room, self.high + room, float(generator.random())
        value = low * (high / low) ** share if self.scale == "log" else low + share * (high - low)
        value = min(max(round(value) if self.whole else float(f"{value:.4g}"), self.low), self.high)
        return int(value) if self.whole else value

    @property
    def whole(self) -> bool:
        """Whether a range gives whole numbers: by the field's kind, or for a slot because its ends are written so."""
        info = field_info(self.field)
        return info.kind == "int" if info else isinstance(self.low, int) and isinstance(self.high, int)

    def text(self) -> str:
        """The axis as `parse_values` reads it."""
        if self.low is not None and self.high is not None:
            return f"{format_value(self.low)}..{format_value(self.high)} {self.scale}" + (
                f" {self.count}" if self.count else ""
            )
        return (", " if _separator(self.field) == "," else "; ").join(format_value(value) for value in self.values)


def parse_values(field: str, text: str) -> SweepAxis:
    """An axis from "0.1, 0.01", "1e-5..1 log 6" or "10..100 linear 4"; raises ConfigError with the remedy.

    Texts, such as architectures, are separated by semicolons or new lines, as they hold commas themselves.
    """
    info = field_info(field)
    if field == "seed":
        raise ConfigError("seed", "is not varied as a value; set the number of seeds of each setting instead")
    if info is None and not re.fullmatch(rf"[A-Za-z]\w{{0,{_NAME_LETTERS}}}", field):
        raise ConfigError(
            one_line(brief(field)) or "axis",
            "is not the name of a setting; write field=values, such as learning_rate=0.1,0.01",
        )
    if (match := _RANGE.fullmatch(text)) and (info is None or info.kind in ("int", "float")):
        return _range(field, info, *match.groups())
    parts = re.split(rf"[{_separator(field)}\n]", text)
    values = tuple(dict.fromkeys(_value(field, info, part.strip()) for part in parts if part.strip()))
    if not values:
        raise ConfigError(field, f"has no values; write for example {_example(info)}")
    if len(values) > MAX_VALUES:
        raise ConfigError(field, f"has {len(values):,} values; give at most {MAX_VALUES:,}")
    return SweepAxis(field, values)


def axis_label(field: str) -> str:
    """What a person calls the axis: the field's label, or the slot's name."""
    info = field_info(field)
    return info.label if info else field.replace("_", " ").capitalize()


@cache
def field_info(field: str) -> FieldInfo | None:
    """The field of RunConfig of this name, or None: then it is a slot."""
    return next((info for info in list_config_fields() if info.name == field), None)


def _separator(field: str) -> str:
    info = field_info(field)
    return ";" if info and info.kind == "text" else ","


def _range(field: str, info: FieldInfo | None, low: str, high: str, scale: str | None, count: str | None) -> SweepAxis:
    ends = _value(field, info, low), _value(field, info, high)
    if info is None and field.rstrip("0123456789") == "dropout":
        ends = float(ends[0]), float(ends[1])
    if None in ends or any(isinstance(end, bool) for end in ends):
        raise ConfigError(field, f"{brief(low)}..{brief(high)} is not a range of numbers; write for example {EXAMPLES}")
    if not ends[0] < ends[1]:
        raise ConfigError(field, f"the range {brief(low)}..{brief(high)} does not rise; put the smaller number first")
    logarithmic = (scale or "linear").lower() == "log"
    if logarithmic and ends[0] <= 0:
        raise ConfigError(field, f"a logarithmic range cannot begin at {brief(low)}; begin above 0, or use linear")
    # The values between the ends are computed from their difference or their ratio, which must be finite.
    if not math.isfinite(float(ends[1]) / ends[0] if logarithmic else float(ends[1]) - ends[0]):
        raise ConfigError(field, f"the range {brief(low)}..{brief(high)} is too wide; move its ends closer together")
    number = int((count or "0")[:_COUNT_DIGITS])
    if count is not None and not 2 <= number <= MAX_VALUES:
        raise ConfigError(field, f"{brief(count)} values make no range; use 2 to {MAX_VALUES:,}")
    return SweepAxis(field, (), ends[0], ends[1], number, "log" if logarithmic else "linear")


def _value(field: str, info: FieldInfo | None, text: str) -> Any:
    kind = info.kind if info else "number"
    if info and info.optional and text.lower() in ("none", "all", "empty", "-"):
        return None
    if info and kind == "choice":
        if text not in info.choices:
            raise ConfigError(field, f"{brief(text)!r} is none of its values; choose from {', '.join(info.choices)}")
        return text
    if kind == "text":
        return text
    if kind == "bool":
        if text.lower() not in _WORDS:
            raise ConfigError(field, f"{brief(text)!r} is neither yes nor no; write yes, no")
        return _WORDS[text.lower()]
    try:
        # Python also reads digits of other scripts, and 1_000: a person may take them for something else.
        number = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or (kind == "int" and not number.is_integer()):
        wanted = "a whole number" if kind == "int" else "a number"
        raise ConfigError(field, f"{brief(text)!r} is not {wanted}; write for example {_example(info)}")
    if kind == "float" or not number.is_integer():
        return number
    if abs(number) > MAX_WHOLE:
        raise ConfigError(field, f"{brief(text)!r} is too large; use at most {MAX_WHOLE:,}")
    return int(number)


def _example(info: FieldInfo | None) -> str:
    if info is None or info.kind == "int":
        return "10, 50, 100 or 10..100 linear 4"
    if info.kind == "float":
        return EXAMPLES
    if info.kind == "choice":
        return ", ".join(info.choices)
    return "yes, no" if info.kind == "bool" else "mlp-100; mlp-300; flatten linear(50) tanh linear(classes)"
