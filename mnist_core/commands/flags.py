"""Flags of the command line: numbers in plain digits, and one flag for each field of RunConfig."""

import inspect
import math
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import typer

from mnist_core.config import FieldInfo, list_config_fields
from mnist_core.text import brief

# Python's int and float would also accept digits of other scripts, and 1_000.
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_KINDS_SHOWN = {"int": "<int>", "float": "<float>"}

Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Replace the file, whatever is in it. Without this flag only an earlier export is replaced."
    ),
]


def whole_number_option(help: str, *names: str, low: int | None = None, high: int | None = None) -> Any:
    """An option that takes a whole number from `low` to `high` (both included), written in plain digits."""

    def parse(value: str | int) -> int:
        text = str(value).strip()
        if not _WHOLE.fullmatch(text):
            raise typer.BadParameter(f"{brief(text)!r} is not a whole number; write it in digits, such as 10.")
        _check_range(int(text), low, high)
        return int(text)

    return typer.Option(*names, parser=parse, metavar=_shown_kind("int", low, high), help=help)


def number_option(help: str, *names: str, low: float | None = None) -> Any:
    """An option that takes a finite number from `low` on, written in plain digits."""

    def parse(value: str | float) -> float:
        text = str(value).strip()
        if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
            raise typer.BadParameter(f"{brief(text)!r} is not a number; write it in digits, such as 0.5 or 1e-3.")
        _check_range(float(text), low, None)
        return float(text)

    return typer.Option(*names, parser=parse, metavar=_shown_kind("float", low, None), help=help)


def with_config_flags(function: Callable[..., None], options: Sequence[tuple[str, Any, Any]]) -> Callable[..., None]:
    """A command with `options` (name, default, annotation), followed by one flag for each field of RunConfig."""
    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, default, annotation in options
    ]
    function.__signature__ = inspect.Signature([*parameters, *map(_parameter, list_config_fields())])  # pyright: ignore
    function.__annotations__ = {"return": None}
    return function


def _parameter(field: FieldInfo) -> inspect.Parameter:
    """The flag of a field. Numbers are handed on as they were typed: RunConfig reads them by the rule of links."""
    kinds: dict[str, Any] = {"bool": bool, "int": str, "float": str, "text": str}
    kind = Literal[field.choices] if field.choices else kinds[field.kind]
    flag = f"--{field.name.replace('_', '-')}"
    option = typer.Option(
        f"{flag}/--no-{flag[2:]}" if field.kind == "bool" else flag,
        help=field.help,
        metavar=_KINDS_SHOWN.get(field.kind),
    )
    annotation = Annotated[kind | None if field.optional else kind, option]
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=annotation)


def _check_range(value: float, low: float | None, high: float | None) -> None:
    if (low is not None and value < low) or (high is not None and value > high):
        limits = f"from {low} to {high}" if None not in (low, high) else f"of at least {low}"
        raise typer.BadParameter(f"{value:g} is out of range; give a number {limits}.")


def _shown_kind(kind: str, low: float | None, high: float | None) -> str:
    """How the help names the value of a flag: <int>, <int from 0>, <int 1 to 20>."""
    if low is None:
        return f"<{kind}>"
    return f"<{kind} from {low}>" if high is None else f"<{kind} {low} to {high}>"
