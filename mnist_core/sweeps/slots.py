"""Slots: places in an architecture's text that an axis fills, such as {width} in linear({width}).

`{name}` becomes the axis' value, `{name*0.3}` that share of it as a whole number (rounded down). `width` and `dropout`
need no braces where the network has exactly one linear(number) or dropout(number): width of mlp-300 is its 300.
"""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from mnist_core.architectures import architecture_line
from mnist_core.config import list_config_fields
from mnist_core.errors import ArchitectureError, ConfigError

_SLOT = re.compile(r"\{\s*([A-Za-z]\w*)\s*(?:\*\s*([0-9]*\.?[0-9]+)\s*)?\}")
_NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
# The layer that a name without braces stands for.
_LAYERS = {"width": "linear", "dropout": "dropout"}
# Columns of a sweep's tables; a slot cannot have their names.
_TAKEN = {
    "run",
    "number",
    "state",
    "seconds",
    "epoch",
    "note",
    "seed",
    "mean",
    "low",
    "high",
    "n",
    "chosen_on",
    "loss_label",
    "validation_accuracy",
    "test_accuracy",
    "train_loss",
}


def slots_of(architecture: str) -> tuple[str, ...]:
    """Names of the slots in an architecture's text, in order of appearance."""
    return tuple(dict.fromkeys(name for name, _ in _SLOT.findall(architecture)))


def template(architecture: str, names: Iterable[str]) -> str:
    """The architecture with a slot for each of these names; raises ConfigError that says how to write one."""
    for name in names:
        if name in _TAKEN or name in {field.name for field in list_config_fields()}:
            raise ConfigError(name, "cannot be the name of a place in the architecture; choose another, such as units")
        if name not in slots_of(architecture):
            architecture = _with_slot(architecture, name)
    return architecture


def fill_slots(text: str, values: Mapping[str, Any]) -> str:
    """A template with its values in place. A slot without a value raises ConfigError."""

    def put(match: re.Match[str]) -> str:
        name, share = match.groups()
        if name not in values:
            raise ConfigError("architecture", f"has {match[0]}, but nothing fills it; add an axis {name}")
        return _written(values[name] if share is None else int(round(float(share) * values[name], 9)))

    return _SLOT.sub(put, text)


def read_slots(text: str, architecture: str) -> dict[str, float] | None:
    """The values that make `architecture` of this template, or None if none do."""
    pattern, end = "", 0
    plain: set[str] = set()
    for match in _SLOT.finditer(text):
        pattern += re.escape(text[end : match.start()])
        name, share = match.groups()
        if share is not None:
            pattern += _NUMBER
        elif name in plain:
            pattern += f"(?P={name})"
        else:
            plain.add(name)
            pattern += f"(?P<{name}>{_NUMBER})"
        end = match.end()
    whole = re.fullmatch(pattern + re.escape(text[end:]), architecture)
    return None if whole is None else {name: _number(value) for name, value in whole.groupdict().items()}


def _with_slot(architecture: str, name: str) -> str:
    layer = _LAYERS.get(name)
    try:
        line = architecture_line(architecture) if not slots_of(architecture) else architecture
    except ArchitectureError as error:
        raise ConfigError("architecture", str(error)) from None
    matches = list(re.finditer(rf"\b{layer}\(\s*({_NUMBER})", line)) if layer else []
    if len(matches) != 1:
        close = get_close_matches(name, [field.name for field in list_config_fields()], n=1)
        if close:
            raise ConfigError(name, f"is not a setting; did you mean {close[0]}?")
        raise ConfigError(
            name,
            f"is neither a setting nor a place in the architecture; write {{{name}}} where it belongs, "
            f"such as flatten linear({{{name}}}) relu linear(classes)"
            + (f" (there are {len(matches)} places {layer}(number) in it now)" if layer else ""),
        )
    return f"{line[: matches[0].start(1)]}{{{name}}}{line[matches[0].end(1) :]}"


def _written(value: Any) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _number(text: str) -> float:
    return int(text) if re.fullmatch(r"[-+]?[0-9]+", text) else float(text)
