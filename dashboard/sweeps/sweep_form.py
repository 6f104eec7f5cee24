"""The left side of the Sweeps page: the form of a new sweep, ready examples, and the form that extends a sweep."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from dashboard.components import explained
from dashboard.controls import dataset_download, forms
from dashboard.frame import background_jobs, choose_option, errors_as_messages, errors_as_toasts, open_store
from dashboard.sweeps import axis_fields, chosen_sweep
from mnist_core import sweeps
from mnist_core.config import RunConfig
from mnist_core.store import SweepRow, queueing
from mnist_core.sweeps import SWEEP_NAME_LENGTH, Sweep, SweepAxis, axis_label, field_info
from mnist_core.text import in_markdown

_SAMPLES = 20
_EXAMPLES = {
    "Learning rates from 0.00001 to 1": SweepAxis("learning_rate", (), 1e-5, 1.0, 6, "log"),
    "Width 10 to 2000": SweepAxis("width", (10, 30, 100, 300, 1000, 2000)),
}
_EXAMPLE_NETWORK, _EXAMPLE_SEEDS = "mlp-300", 2


def show_new_sweep_form() -> None:
    """The form of a new sweep and the button that starts it."""
    with st.popover("Ready examples", help="Sweeps that fill this form.", width="stretch"):
        show_examples("popover")
    name = st.text_input(
        "Name of the sweep",
        key="sweep_name",
        bind="query-params",
        max_chars=SWEEP_NAME_LENGTH,
        placeholder="made from the settings that vary",
        help="Shown in the list of sweeps and before the names of its runs.",
    )
    base: dict[str, Any] = {"architecture": forms.architecture_field()}
    st.header("What varies")
    axes = axis_fields.choose_axes(base["architecture"], st.session_state.get("method") == "random")
    choices = _choices()
    begin = st.container()
    st.header("What all runs share")
    swept = st.empty()
    base |= forms.config_fields()
    if axes:
        labels = [axis_label(axis.field) for axis in axes if axis.field in base]
        swept.caption(f"{' and '.join(labels)}: varied above, so the value here is not used." if labels else "")
    with begin:
        dataset_download.show_notice(base)
        sweep = None
        with errors_as_messages():
            warn_of_axes_without_effect(axes or [], base)
            if axes is None:
                st.caption("Some values above are missing or wrong.")
            elif not axes and choices["seeds"] == 1:
                st.caption("Choose a setting to vary and its values, or more than one seed.")
            else:
                planned = Sweep(name=name.strip(), base=RunConfig.parse(base), axes=tuple(axes), **choices)
                configs = planned.configs()
                queueing.check_queueable(open_store(), configs, "axes")
                st.markdown(cost_text(configs))
                # Set last, so that a sweep with an error cannot be started.
                sweep = planned
        _button("Start the sweep", "Puts all its runs into the queue, the longest first.", sweep, _launch)


def show_extension_form(row: SweepRow) -> None:
    """The form that adds values or seeds to a sweep; runs that exist already are not trained again."""
    store = open_store()
    sweep = None
    with errors_as_messages():
        old = sweeps.load_sweep(store, row.id)
        st.header("Extend")
        st.caption(f"Adds runs to **{in_markdown(row.name)}**. Its other settings stay.")
        axes = [axis_fields.choose_values(axis.field, old.method == "random") for axis in old.axes]
        samples = _samples() if old.method == "random" else old.samples
        complete = tuple(axis for axis in axes if axis is not None)
        wanted = replace(old, axes=complete, samples=samples, seeds=_seeds())
        if wanted == old or len(complete) < len(axes):
            st.caption("Add a value above, or raise the number of seeds.")
        else:
            lacking = sweeps.missing_configs(store, row.id, wanted)
            queueing.check_queueable(store, lacking, "axes")
            st.markdown(cost_text(lacking))
            sweep = wanted
    _button("Add the missing runs", "Puts them into the queue.", sweep, lambda wanted: _extend(row.id, wanted))
    st.button("Cancel", on_click=chosen_sweep.stop_extending, width="stretch", help="Back to the form of a new sweep.")


def begin_extending(row: SweepRow) -> None:
    """Fill the form with a sweep's axes and switch to extending it. To be called from a callback."""
    sweep = sweeps.load_sweep(open_store(), row.id)
    for axis in sweep.axes:
        axis_fields.fill_values(axis)
    _set({"seeds_each": sweep.seeds, "samples": sweep.samples})
    chosen_sweep.start_extending()


def show_examples(key_prefix: str) -> None:
    """A button for each ready example; it fills the form and starts nothing."""
    for title, axis in _EXAMPLES.items():
        st.button(
            title,
            key=f"{key_prefix}: {title}",
            on_click=_fill,
            args=(title, axis),
            width="stretch",
            help=f"Fills the form: network {_EXAMPLE_NETWORK}, {_EXAMPLE_SEEDS} seeds each. Other settings stay.",
        )


def warn_of_axes_without_effect(axes: Sequence[SweepAxis], base: Mapping[str, Any]) -> None:
    """Warn of each setting that has no effect with the other settings as they are."""
    varied = {axis.field for axis in axes}
    for axis in axes:
        info = field_info(axis.field)
        if info and not info.matters(base) and not varied & set(info.when):
            needs = " and ".join(
                f"{axis_label(name)} {' or '.join(map(str, able))}" for name, able in info.when.items()
            )
            st.warning(f"{info.label} has no effect in these runs: it needs {needs}.")


def cost_text(configs: Sequence[RunConfig]) -> str:
    """How many runs there are and how long they take, such as "12 runs, about 3 minutes on this machine"."""
    seconds = sweeps.estimated_seconds(open_store(), configs)
    runs = "1 run" if len(configs) == 1 else f"{len(configs):,} runs"
    return f"**{runs}**, about **{sweeps.duration_text(seconds)}** on this machine"


def _choices() -> dict[str, Any]:
    """How settings are combined and how often each is trained, as arguments of Sweep."""
    method = choose_option(
        "Search",
        ["grid", "random"],
        default="grid",
        key="method",
        help="Grid: every combination of the values. Random: a number of combinations, drawn from the values and "
        "ranges; with several settings, this finds good ones sooner.",
    )
    samples = _samples() if method == "random" else _SAMPLES
    seeds = _seeds()
    halving = st.toggle(
        "Stop hopeless runs early",
        key="halving",
        bind="query-params",
        help="After epochs 1, 3, 9, 27 … only runs in the best third so far go on (successive halving). A stopped run "
        "says so. This saves time where most settings are bad, but may stop a slow starter.",
    )
    return {"method": method, "samples": samples, "seeds": seeds, "halving": halving}


def _samples() -> int:
    return st.number_input(
        "Combinations to draw",
        1,
        sweeps.MAX_RUNS,
        _SAMPLES,
        key="samples",
        bind="query-params",
        help="How many random combinations are trained.",
    )


def _seeds() -> int:
    return st.number_input(
        "Seeds of each",
        1,
        100,
        key="seeds_each",
        bind="query-params",
        help=explained(
            "How often each combination is trained, each time with another seed. Three or more show how much is "
            "chance.",
            "Seed",
            "Chance, luck",
        ),
    )


def _button(text: str, help: str, sweep: Sweep | None, then: Callable[[Sweep], None]) -> None:
    st.button(
        text,
        type="primary",
        width="stretch",
        disabled=sweep is None,
        on_click=then,
        args=(sweep,),
        help=help,
    )


def _launch(sweep: Sweep) -> None:
    with errors_as_toasts():
        chosen_sweep.select_sweep(sweeps.launch_sweep(open_store(), sweep))
        background_jobs().wake()


def _extend(sweep_id: str, sweep: Sweep) -> None:
    with errors_as_toasts():
        added = sweeps.extend_sweep(open_store(), sweep_id, sweep)
        st.toast("1 run added." if added == 1 else f"{added:,} runs added.")
        chosen_sweep.stop_extending()
        background_jobs().wake()


def _fill(title: str, axis: SweepAxis) -> None:
    values = {
        "sweep_name": title,
        "own": False,
        "architecture": _EXAMPLE_NETWORK,
        "seeds_each": _EXAMPLE_SEEDS,
        "method": "grid",
        "halving": False,
    }
    _set(values)
    axis_fields.fill_axes([axis])


def _set(values: Mapping[str, Any]) -> None:
    """Give widgets these values; those that have them already are left alone, because most have them by default."""
    st.session_state.update({key: value for key, value in values.items() if st.session_state.get(key) != value})
