"""The part of the Sweeps form that says what varies: up to four settings and the values of each."""

from collections.abc import Sequence

import streamlit as st

from mnist_core.architectures import presets
from mnist_core.config import fields, shown
from mnist_core.errors import MnistLabError
from mnist_core.sweeps import SweepAxis, axis_label, field_info, parse_values, slots_of
from mnist_core.text import in_markdown

# axes: a chart of more cannot be read
MOST = 4

_FIRST = ("learning_rate", "width", "dropout", "batch_size", "optimizer", "weight_decay", "epochs", "architecture")
_NEVER = (
    "seed",
    "folder",
    "device",
    "threads",
    "checkpoint_every",
    "continue_from",
    "continue_epoch",
    "fresh_optimizer",
    "initial_weights",
)
_PREVIEWED = 12
_HELP = (
    "A list such as 0.1, 0.01, 0.001, or a range with the number of values: 0.0001..1 log 5 multiplies from value to "
    "value, 10..100 linear 4 adds. A random search draws anywhere in a range."
)


def choose_axes(architecture: str, random: bool) -> list[SweepAxis] | None:
    """Choose settings and their values; None while values are missing or wrong, which it says where they are."""
    found: list[SweepAxis | None] = []
    taken: list[str] = []
    for place in range(1, MOST + 1):
        field = _choose(place, [name for name in _offered(architecture) if name not in taken])
        if field is None:
            break
        taken.append(field)
        found.append(choose_values(field, random))
    complete = [axis for axis in found if axis is not None]
    return complete if len(complete) == len(found) else None


def choose_values(field: str, random: bool) -> SweepAxis | None:
    """Type or pick the values of one setting and see which come out; None while they are missing or wrong."""
    info = field_info(field)
    key, name = f"try_{field}", f"Values of {axis_label(field)}"
    if info and (info.choices or info.kind == "bool" or field == "architecture"):
        own = field == "architecture"
        options = list(presets()) if own else list(info.choices) or ["yes", "no"]
        known = st.session_state.get(key) or []
        picked = st.multiselect(
            name,
            list(dict.fromkeys([*options, *known])),
            key=key,
            bind="query-params",
            accept_new_options=own,
            help="Each of these is tried. " + ("A line of layers can be typed, too. " if own else "") + info.help,
        )
        text = ("; " if own else ", ").join(picked)
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


def fill_axes(chosen: Sequence[SweepAxis]) -> None:
    """Fill the form with these axes; to be called from a callback."""
    for place in range(1, MOST + 1):
        st.session_state[f"vary{place}"] = chosen[place - 1].field if place <= len(chosen) else None
    for axis in chosen:
        fill_values(axis)


def fill_values(axis: SweepAxis) -> None:
    """Fill the field of values of one axis; to be called from a callback."""
    info = field_info(axis.field)
    listed = info is not None and (bool(info.choices) or info.kind == "bool" or axis.field == "architecture")
    st.session_state[f"try_{axis.field}"] = [shown(value) for value in axis.values] if listed else axis.text()


def _choose(place: int, offered: Sequence[str]) -> str | None:
    return st.selectbox(
        "Setting to vary" if place == 1 else "And another",
        offered,
        index=None,
        format_func=axis_label,
        key=f"vary{place}",
        bind="query-params",
        placeholder="Choose a setting",
        help="Width and dropout stand for the number in the network's only linear(...) or dropout(...) layer; in a "
        "network of your own, write {width} where it belongs."
        if place == 1
        else "Every value is combined with every value of the settings above.",
    )


def _offered(architecture: str) -> list[str]:
    rest = [info.name for info in fields() if info.name not in _NEVER]
    return list(dict.fromkeys([*slots_of(architecture), *_FIRST, *rest]))


def _preview(axis: SweepAxis, random: bool) -> str:
    if random and axis.low is not None and axis.high is not None:
        scale = "each power of ten as likely" if axis.scale == "log" else "all as likely"
        return f"Drawn between {shown(axis.low)} and {shown(axis.high)}, {scale}."
    texts = [shown(value) for value in axis.grid()]
    some = " · ".join(text if len(text) < 40 else text[:39] + "…" for text in texts[:_PREVIEWED])
    many = f"{len(texts):,} values: " if len(texts) > 1 else "Only one value: "
    return in_markdown(many + some + (f" … {texts[-1]}" if len(texts) > _PREVIEWED else ""))


def _example(field: str) -> str:
    info = field_info(field)
    if field == "width":
        return "10, 50, 100, 300, 1000"
    if field == "dropout":
        return "0..0.8 linear 5"
    if info and field == "learning_rate":
        return "0.0001..1 log 5"
    return "0, 0.001, 0.01, 0.1" if info and info.kind == "float" else "1, 2, 5 or 1..9 linear 5"
