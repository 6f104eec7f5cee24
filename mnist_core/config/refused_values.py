"""What is said about a value that a field cannot have: the field, the value, and what it may be, in plain words."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from mnist_core.errors import ConfigError
from mnist_core.text import all_digits, brief

# A message repeats at most this many characters of a wrong value.
_LETTERS = 80


def _limit(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else all_digits(value)


# By pydantic's names of its errors (https://docs.pydantic.dev/latest/errors/validation_errors), with the values that
# it gives for their sentences.
_REASONS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "greater_than_equal": lambda of: f"it must be at least {_limit(of['ge'])}",
    "greater_than": lambda of: f"it must be above {_limit(of['gt'])}",
    "less_than_equal": lambda of: f"it must be at most {_limit(of['le'])}",
    "less_than": lambda of: f"it must be below {_limit(of['lt'])}",
    "string_too_short": lambda of: "it must not be empty",
    "string_too_long": lambda of: f"it may have at most {of['max_length']:,} letters",
    "literal_error": lambda of: f"choose {of['expected']}",
    "finite_number": lambda of: "it must be a finite number",
    "string_type": lambda of: "it must be a text",
} | {
    name: lambda of, kind=kind: f"it must be {kind}"
    for kind, names in {
        "a whole number": ("int_type", "int_parsing", "int_parsing_size", "int_from_float"),
        "a number": ("float_type", "float_parsing"),
        "yes or no": ("bool_type", "bool_parsing"),
    }.items()
    for name in names
}


class FieldError(ValueError):
    """What a validator finds wrong with a field: pydantic passes it on, and `config_error` makes it one of ours."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


def config_error(error: ValidationError, fields: Iterable[str]) -> ConfigError:
    """The first of a model's errors as one of ours; `fields` are the names that the model has."""
    first = error.errors()[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, FieldError):
        return ConfigError(cause.field, cause.message)
    # A name that is no text (a lone surrogate) has no place: it is the input itself.
    field = brief_repr(first["loc"][0] if first["loc"] else first["input"]).strip("'")
    if first["type"] == "extra_forbidden" or not first["loc"]:
        return ConfigError(field, f"there is no such field; choose from {', '.join(fields)}")
    say = _REASONS.get(first["type"])
    reason = say(first.get("ctx", {})) if say else first["msg"][:1].lower() + first["msg"][1:]
    return ConfigError(field, f"{brief_repr(first['input'])} cannot be used: {reason}", reason)


def brief_repr(value: Any) -> str:
    """A wrong value as it was given, shortened."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        # Python refuses to print an integer of more than 4,300 digits.
        return f"this {type(value).__name__}"
    return brief(text, _LETTERS)
