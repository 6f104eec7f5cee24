"""What a form, a flag and the documentation know about each field of RunConfig."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

from mnist_core.config.run_config import RunConfig
from mnist_core.text import all_digits


@dataclass(frozen=True)
class FieldInfo:
    """What a form, a flag or a table of documentation needs to know about one field of RunConfig."""

    name: str
    # What its values are called, without their unit.
    title: str
    # What its values count or mean; "" if the title says it all.
    unit: str
    help: str
    group: str
    kind: Literal["choice", "bool", "int", "float", "text"]
    default: Any
    # Whether None is a valid value.
    optional: bool
    choices: tuple[str, ...]
    low: float | None
    high: float | None
    # The field has an effect only while each of these other fields has one of the values listed for it.
    when: dict[str, tuple[Any, ...]]

    @property
    def label(self) -> str:
        """The title with its unit in brackets: "Rotate (degrees)"."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def matters(self, values: Mapping[str, Any]) -> bool:
        """Whether the field has an effect, given these values of the other fields."""
        return all(values.get(name) in allowed for name, allowed in self.when.items())


@cache
def list_config_fields() -> tuple[FieldInfo, ...]:
    """All fields of RunConfig in the order of declaration."""
    return tuple(_describe(name) for name in RunConfig.model_fields)


def format_value(value: Any) -> str:
    """A value in short form, as a person would type it: 1e-05, 300, yes."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    return all_digits(value) if isinstance(value, float) else str(value)


def _describe(name: str) -> FieldInfo:
    info = RunConfig.model_fields[name]
    extra = info.json_schema_extra
    assert isinstance(extra, dict)
    limits = {
        kind: value
        for item in info.metadata
        for kind in ("ge", "gt", "le", "lt")
        if (value := getattr(item, kind, None)) is not None
    }
    plain = tuple(part for part in get_args(info.annotation) if part is not type(None))
    optional = type(None) in get_args(info.annotation)
    base = plain[0] if optional else info.annotation
    choices: tuple[str, ...] = () if optional else plain
    kinds = {bool: "bool", int: "int", float: "float", str: "text"}
    when: Any = extra["when"]
    return FieldInfo(
        name=name,
        title=info.title or name,
        unit=str(extra["unit"]),
        help=info.description or "",
        group=str(extra["group"]),
        kind="choice" if choices else kinds[base],  # pyright: ignore[reportArgumentType]
        default=info.default,
        optional=optional,
        choices=choices,
        low=limits.get("ge", limits.get("gt")),
        high=limits.get("le", limits.get("lt")),
        when={other: tuple(values) for other, values in when.items()},
    )
