"""The part of the Sweeps form with the settings that vary, up to four, and the values of each."""

from collections.abc import Sequence

import streamlit as st

from mnist_core.architectures import presets
from mnist_core.config import NOT_STUDIED, FieldInfo, format_value, list_config_fields
from mnist_core.errors import MnistLabError
from mnist_core.sweeps import SweepAxis, axis_label, field_info, parse_values, slots_of
from mnist_core.text import fitted, in_markdown

# Most settings that vary: a chart of more cannot be read.
MOST_AXES = 4

_FIRST = ("learning_rate", "width", "dropout", "batch_size", "optimizer", "weight_decay", "epochs", "architecture")
_NEVER = (
    "seed",
    "folder",
    *NOT_STUDIED,
    "continue_from",
    "continue_epoch",
    "fresh_optimizer",
    "initial_weights",
)
_MOST_PREVIEWED, _PREVIEWED_LETTERS = 12, 40
_HELP = (
    "A list such as 0.1, 0.01, 0.001, or a range with a number of values. 0.0001..1 log 5: each value is the one "
    "before times a factor. 10..100 linear 4: equal steps. A random search draws from the whole range."
)


def choose_axes(architecture: str, random: bool) -> list[SweepAxis] | None:
    """Choose settings and their values; None while values are missing or wrong, with a message below them."""
    axes: list[SweepAxis | None] = []
    fields_so_far: list[str] = []
    for number in range(1, MOST_AXES + 1):
        field = _choose_field(number, [name for name in _fields_to_offer(architecture) if name not in fields_so_far])
        if field is None:
            break
        fields_so_far.append(field)
        axes.append(choose_values(field, random))
    complete = [axis for axis in axes if axis is not None]
    return complete if len(complete) == len(axes) else None


def choose_values(field: str, random: bool) -> SweepAxis | None:
    """Type or pick the values of one setting, with a preview; None while they are missing or wrong."""
    info = field_info(field)
    key, name = f"try_{field}", f"Values of {axis_label(field)}"
    if info and _has_options(info):
        is_architecture = field == "architecture"
        options = list(presets()) if is_architecture else list(info.choices) or ["yes", "no"]
        chosen = st.session_state.get(key) or []
        picked = st.multiselect(
            name,
            list(dict.fromkeys([*options, *chosen])),
            key=key,
            bind="query-params",
            accept_new_options=is_architecture,
            help="A run is trained with each of these. "
            + ("You can also type a line of layers. " if is_architecture else "")
            + info.help,
        )
        text = ("; " if is_architecture else ", ").join(picked)
    else:
        text = st.text_input(
            name,
            key=key,
            bind="query-params",
            placeholder=_example(field),
            help=_HELP + (f" {info.help}" if info else ""),
        )
    if not text.strip():
        return None
    try:
        axis = parse_values(field, text)
        st.caption(_preview(axis, random))
    except MnistLabError as error:
        st.error(in_markdown(str(error)))
        return None
    return axis


def fill_axes(axes: Sequence[SweepAxis]) -> None:
    """Fill the form with these axes. To be called from a callback."""
    for number in range(1, MOST_AXES + 1):
        st.session_state[f"vary{number}"] = axes[number - 1].field if number <= len(axes) else None
    for axis in axes:
        fill_values(axis)


def fill_values(axis: SweepAxis) -> None:
    """Fill the widget that holds the values of an axis. To be called from a callback."""
    info = field_info(axis.field)
    values = [format_value(value) for value in axis.values] if info and _has_options(info) else axis.text()
    st.session_state[f"try_{axis.field}"] = values


def _has_options(info: FieldInfo) -> bool:
    """Whether the values of this setting are picked from a list instead of typed."""
    return bool(info.choices) or info.kind == "bool" or info.name == "architecture"


def _choose_field(number: int, fields_offered: Sequence[str]) -> str | None:
    return st.selectbox(
        "Setting to vary" if number == 1 else "And another",
        fields_offered,
        index=None,
        format_func=axis_label,
        key=f"vary{number}",
        bind="query-params",
        placeholder="Choose a setting",
        help="Width is the number of units in the network's only hidden layer, dropout the share in its only "
        "dropout(...). In your own network, write {width} where the value belongs."
        if number == 1
        else "Each of its values is combined with each value of the settings above.",
    )


def _fields_to_offer(architecture: str) -> list[str]:
    rest = [info.name for info in list_config_fields() if info.name not in _NEVER]
    return list(dict.fromkeys([*slots_of(architecture), *_FIRST, *rest]))


def _preview(axis: SweepAxis, random: bool) -> str:
    if random and axis.low is not None and axis.high is not None:
        scale = "every power of ten equally likely" if axis.scale == "log" else "all values equally likely"
        return f"Drawn between {format_value(axis.low)} and {format_value(axis.high)}, {scale}."
    texts = [format_value(value) for value in axis.grid()]
    beginning = " · ".join(fitted(text, _PREVIEWED_LETTERS) for text in texts[:_MOST_PREVIEWED])
    count = f"{len(texts):,} values: " if len(texts) > 1 else "Only one value: "
    return in_markdown(count + beginning + (f" … {texts[-1]}" if len(texts) > _MOST_PREVIEWED else ""))


def _example(field: str) -> str:
    info = field_info(field)
    if field == "width":
        return "10, 50, 100, 300, 1000"
    if field == "dropout":
        return "0..0.8 linear 5"
    if info and field == "learning_rate":
        return "0.0001..1 log 5"
    return "0, 0.001, 0.01, 0.1" if info and info.kind == "float" else "1, 2, 5 or 1..9 linear 5"
