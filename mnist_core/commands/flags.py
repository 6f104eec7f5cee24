"""Flags of the command line made from the fields of RunConfig."""

import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import typer

from mnist_core.config import FieldInfo, fields


def with_config_flags(function: Callable[..., None], own: Sequence[tuple[str, Any, Any]]) -> Callable[..., None]:
    """A command with flags of its own (name, default, annotation), then one for each field of RunConfig."""
    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, default, annotation in own
    ]
    function.__signature__ = inspect.Signature([*parameters, *map(_parameter, fields())])  # pyright: ignore
    function.__annotations__ = {"return": None}
    return function


def _parameter(field: FieldInfo) -> inspect.Parameter:
    kinds: dict[str, Any] = {"bool": bool, "int": int, "float": float, "text": str}
    kind = Literal[field.choices] if field.choices else kinds[field.kind]
    flag = f"--{field.name.replace('_', '-')}"
    option = typer.Option(f"{flag}/--no-{flag[2:]}" if field.kind == "bool" else flag, help=field.help)
    annotation = Annotated[kind | None if field.optional else kind, option]
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=annotation)
