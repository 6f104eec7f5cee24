"""A form made from RunConfig's fields; every value is a query parameter, so that a link carries the experiment."""

from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

from dashboard.components import explained
from dashboard.controls import network_choice
from mnist_core.architectures import presets
from mnist_core.config import RECIPES, FieldInfo, RunConfig, list_config_fields

# Fields that are always in view, and groups of fields that are folded away.
_ALWAYS = ("dataset", "folder", "folder_size", "folder_colour", "optimizer", "learning_rate", "batch_size", "epochs")
# Fields that other controls set.
_ELSEWHERE = ("architecture", "continue_from", "continue_epoch", "fresh_optimizer", "initial_weights")
_FOLDED = {
    "More about the data": ("Data",),
    "Augmentation": ("Augmentation",),
    "Optimizer and schedule": ("Optimisation", "Schedule"),
    "Regularisation": ("Regularisation",),
    "Seed and machine": ("Compute",),
}
# Terms of the glossary that the help of a field explains, by the field's name.
FIELD_TERMS: Mapping[str, tuple[str, ...]] = {
    "batch_size": ("Batch",),
    "choose_on": ("Validation images", "Optimistic"),
    "epochs": ("Epoch",),
    "learning_rate": ("Learning rate",),
    "seed": ("Seed",),
    "train_images": ("Training images",),
    "validation_images": ("Validation images",),
}


def architecture_field() -> str:
    """A preset or a line of layers that a person writes; returns the text of the architecture."""
    by_name = presets()
    writes_own = st.toggle(
        "Write my own network",
        key="own",
        bind="query-params",
        help="Type layers instead of choosing a network from the list.",
    )
    if not writes_own:
        name = st.selectbox(
            "Network",
            list(by_name),
            index=list(by_name).index("mlp-300"),
            key="architecture",
            bind="query-params",
            help="Type to search. Every name stands for a line of layers, as you could write it yourself.",
        )
        st.caption(f"{by_name[name].explanation}  \n_{by_name[name].source}_")
        return name
    start = st.session_state.get("architecture")
    text = st.text_area(
        "Layers",
        by_name[start].text if start in by_name else "flatten linear(300) relu linear(classes)",
        key="layers",
        bind="query-params",
        height=140,
        help="For example: conv(16, 3, padding=1) relu maxpool(2) flatten linear(classes). "
        "The word classes stands for the number of classes. The user guide explains every layer.",
    )
    return text.strip()


def show_recipes() -> None:
    """Complete settings with a name; a click fills the form and starts nothing."""
    with st.popover("Recipes", width="stretch", help="Complete settings that a search has found, each with a name."):
        for recipe in RECIPES.values():
            st.markdown(f"**{recipe.name}.** {recipe.explanation}  \n_{recipe.source}_")
            st.button(
                f"Use {recipe.name}",
                on_click=_fill,
                args=(recipe.config,),
                width="stretch",
                help="Fills in this form. Nothing starts yet.",
            )


def config_fields() -> dict[str, Any]:
    """A widget for each field of RunConfig but the architecture, seldom used ones folded away; returns their values."""
    every = {field.name: field for field in list_config_fields() if field.name not in _ELSEWHERE}
    values: dict[str, Any] = {}
    columns = st.columns(2)
    shown = 0
    for name in _ALWAYS:
        if every[name].matters(values):
            with columns[shown % 2]:
                values[name] = field_widget(every[name])
            shown += 1
    for title, groups in _FOLDED.items():
        members = [field for field in every.values() if field.group in groups and field.name not in _ALWAYS]
        changed = _changed(members)
        with st.expander(title + (f" · {changed} changed" if changed else "")):
            for field in members:
                if field.matters(values):
                    values[field.name] = field_widget(field)
    return values


def field_widget(field: FieldInfo, prefix: str = "") -> Any:
    """The widget of one field, at its default; `prefix` goes before the key that is its query parameter."""
    common: dict[str, Any] = {
        "key": prefix + field.name,
        "help": explained(field.help, *FIELD_TERMS.get(field.name, ())),
        "bind": "query-params",
    }
    if field.kind == "choice":
        return st.selectbox(
            field.label,
            list(field.choices),
            index=field.choices.index(field.default),
            **common,
        )
    if field.kind == "bool":
        return st.toggle(field.label, field.default, **common)
    if field.kind == "text":
        return st.text_input(field.label, field.default, **common)
    if field.kind == "int":
        low = None if field.low is None else int(field.low)
        high = None if field.high is None else int(field.high)
        return st.number_input(
            field.label,
            low,
            high,
            field.default,
            1,
            format="%d",
            placeholder="default" if field.optional else None,
            **common,
        )
    step = 0.0005 if field.name == "learning_rate" else 0.1 if field.default >= 0.1 else 0.05
    high = None if field.high is None else float(field.high)
    return st.number_input(field.label, float(field.low or 0), high, field.default, step, format="%g", **common)


def _fill(config: RunConfig) -> None:
    """Fill this config into the form; to be called from a callback."""
    values = {name: value for name, value in config.model_dump().items() if name not in _ELSEWHERE}
    st.session_state.update(values)
    network_choice.set_networks([config.architecture])


def _changed(members: Iterable[FieldInfo]) -> int:
    return sum(st.session_state.get(field.name, field.default) != field.default for field in members)
