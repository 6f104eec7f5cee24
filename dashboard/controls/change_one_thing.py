"""Change one thing: a second run from the same initial weights and over the same batches, with one setting changed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from dashboard.controls import forms, run_selection, run_snapshot
from dashboard.frame import background_jobs, choose_run, errors_as_messages, navigation, open_store
from mnist_core.analysis import Sameness, single_change
from mnist_core.architectures import Inherited, architecture_line, inheriting
from mnist_core.config import FieldInfo, RunConfig
from mnist_core.data import input_shape_and_classes
from mnist_core.errors import ArchitectureError, MnistLabError
from mnist_core.store import Run, queueing
from mnist_core.text import in_markdown

# Query parameter: the field that is studied; a link names it by its label.
FACTOR_KEY = "results_factor"

# Query parameters: whether the form is open, the setting, and the run to start from.
_OPEN, _FIELD, _RUN = "change", "change_field", "change_run"
# Key of the session: numbers of the two runs that were started last.
_STARTED = "change begun"
_MARKS: dict[Sameness, str] = {"yes": "✓ the same", "partly": "◐ partly the same", "no": "✗ not the same"}


def show_link(run: Run) -> None:
    """A link from another page to this form, for one run."""
    st.page_link(
        navigation.page_named("compare"),
        label="Change one thing",
        query_params={"runs": str(run.number), "look": "Results", _OPEN: "true"},
        help="Train a second network from the same initial weights, on the same batches, with one setting changed.",
    )


def show_form(runs: Sequence[Run]) -> None:
    """A switch with the form behind it, and a note on the pair of runs that it has started last."""
    _show_started(runs)
    is_open = st.toggle(
        "Change one thing",
        key=_OPEN,
        bind="query-params",
        help="Start a second run from the same initial weights, on the same batches, with one setting changed.",
    )
    if not is_open:
        return
    with st.container(border=True):
        st.markdown("A second run with one setting changed. Everything else stays the same, as far as possible.")
        run = runs[0]
        if len(runs) > 1:
            run = choose_run(_RUN, "Start from", "The run that is repeated with one setting changed.", runs) or run
        with errors_as_messages():
            _form(run)


def _form(run: Run) -> None:
    offered = {field.name: field for field in single_change.changeable_fields(run)}
    left, right = st.columns(2)
    with left:
        chosen = st.selectbox(
            "Setting",
            list(offered),
            format_func=lambda name: f"{offered[name].group} · {offered[name].label}",
            index=None,
            key=_FIELD,
            bind="query-params",
            placeholder="Choose a setting",
            help="Settings that have an effect in this run and can be changed alone.",
        )
    if chosen not in offered:
        return
    field = offered[chosen]
    with right:
        value = _value(run, field)
    changed = None
    try:
        changed = single_change.with_one_change(run, field.name, value)
    except ArchitectureError as error:
        st.error(in_markdown(str(error)))
        st.code(error.pointer(), language=None)
    except MnistLabError as error:
        same = value == getattr(run.config, field.name)
        st.caption("Choose a value that differs from the run's.") if same else st.error(in_markdown(str(error)))
    if changed:
        _show_what_stays(run, changed, field)
    st.button(
        "Start the second run",
        type="primary",
        disabled=changed is None,
        on_click=_enqueue,
        args=(run, changed, field),
        help="The run waits in the queue; both runs are chosen for comparison.",
    )


def _value(run: Run, field: FieldInfo) -> Any:
    prefix = f"change{run.number}_"
    if field.name != "architecture":
        return forms.field_widget(replace(field, default=getattr(run.config, field.name)), prefix)
    text = st.text_area(
        field.label,
        architecture_line(run.config.architecture),
        key=f"{prefix}{field.name}",
        bind="query-params",
        height=140,
        help="Put a layer in, take one out or change its numbers, or type a preset's name.",
    ).strip()
    return run.config.architecture if text == architecture_line(run.config.architecture) else text


def _show_what_stays(run: Run, changed: RunConfig, field: FieldInfo) -> None:
    """What both runs will have in common."""
    lines = []
    for aspect in single_change.shared_conditions(run, changed, field.name):
        equal, why = aspect.equal, aspect.why
        if equal == "partly" and field.name == "architecture":
            inherited = _inherited(changed.architecture, run.config.architecture, *input_shape_and_classes(changed))
            equal, why = _share(inherited), str(inherited)
        lines.append(f"- {_MARKS[equal]}: **{aspect.what.lower()}**. {why}")
    st.markdown("\n".join(lines))


def _share(inherited: Inherited) -> Sameness:
    if inherited.layers == inherited.of_layers:
        return "yes"
    return "partly" if inherited.layers else "no"


@st.cache_data(show_spinner="Comparing both networks …", max_entries=50)
def _inherited(text: str, parent: str, shape: tuple[int, int, int], classes: int) -> Inherited:
    return inheriting.preview(text, shape, classes, parent)


def _enqueue(run: Run, changed: RunConfig, field: FieldInfo) -> None:
    with errors_as_messages():
        second = queueing.enqueue(open_store(), changed, single_change.name_of_change(run, changed, field.name))
        background_jobs().wake()
        run_snapshot.discard_snapshot()
        run_selection.set_chosen([run.number, second.number])
        st.session_state.update({_OPEN: False, FACTOR_KEY: field.name, _STARTED: [run.number, second.number]})


def _show_started(runs: Sequence[Run]) -> None:
    numbers = st.session_state.get(_STARTED, [])
    if not numbers or [run.number for run in runs] != numbers or not runs[-1].active:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Run {numbers[1]} is on its way.", width="content")
        st.page_link(
            navigation.page_named("train"),
            label="Watch it learn",
            query_params=[("runs", str(number)) for number in numbers] + [("view", "Training")],
            help="The page Train with both runs on one chart.",
        )
