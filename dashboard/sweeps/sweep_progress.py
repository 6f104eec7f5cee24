"""The right of the Sweeps page: how far a sweep is, the best so far, and what can be done with it."""

from collections.abc import Callable, Sequence
from math import isnan

import pandas as pd
import streamlit as st

from dashboard.frame import background_jobs, errors_as_messages, navigation, open_store
from dashboard.sweeps import chosen_sweep, sweep_form, sweep_results
from mnist_core import sweeps
from mnist_core.analysis import measures, stats
from mnist_core.config import shown
from mnist_core.errors import MnistLabError
from mnist_core.store import ACTIVE_STATES, SweepRow, runs_at_once
from mnist_core.sweeps import Sweep
from mnist_core.text import in_markdown

# the slower one: a run may also be started from the command line
_TICK_SECONDS, _IDLE_SECONDS = 1.0, 5.0
# runs of a sweep that are followed at half the pace
_MANY = 200
# between two estimates of the time left
_ESTIMATE_SECONDS = 10.0
_COMPARED = 5
# in the note of a run that it stopped
_EARLY = "successive halving"
_WORDS = {
    "running": "running",
    "finished": "finished",
    "queued": "in the queue",
    "paused": "paused",
    "stopped": "stopped",
    "diverged": "diverged",
    "failed": "failed",
    "interrupted": "interrupted",
}


def follow_sweep(row: SweepRow) -> None:
    """Follow a sweep until its last run has ended."""
    with errors_as_messages():
        table = sweeps.sweep_table(open_store(), row.id)
        busy = _busy(table)
        pace = _TICK_SECONDS * (1 if len(table) <= _MANY else 2)
        st.fragment(_board, run_every=pace if busy else _IDLE_SECONDS)(row, busy)


def _board(row: SweepRow, busy: bool) -> None:
    with errors_as_messages():
        store = open_store()
        known = store.sweep(row.id)
        if known is None:
            # deleted, here or elsewhere: the list of sweeps is no part of this fragment
            st.rerun()
        table = sweeps.sweep_table(store, row.id)
        if _busy(table) != busy:
            # the pace: faster while something trains
            st.rerun()
        sweep = sweeps.Sweep.from_json(known.spec)
        _progress(row, table)
        _buttons(row, table)
        if table.empty:
            st.info("The runs of this sweep are deleted. **Recently deleted** on the page Compare brings them back.")
            return
        # While some train it would be asked every second.
        if not busy and (note := measures.changed_note(store.changed_runs(store.runs(sweep=row.id)))):
            st.warning(note)
        _best(sweep, table)
        sweep_results.show_summary(sweep, table)
        sweep_results.show_curves(sweep, table)
        sweep_results.show_runs(sweep, table)


def _busy(table: pd.DataFrame) -> bool:
    return bool(table["state"].isin(ACTIVE_STATES).any())


def _progress(row: SweepRow, table: pd.DataFrame) -> None:
    counts: dict[str, int] = table["state"].value_counts().to_dict()
    ended = len(table) - sum(counts.get(name, 0) for name in ACTIVE_STATES)
    words = [f"**{counts[name]:,}** {word}" for name, word in _WORDS.items() if name in counts]
    if early := sum(_EARLY in text for text in table["note"].tolist()):
        words.append(f"{early:,} of them stopped early")
    if ended < len(table):
        left = _seconds_left(row.id, int(open_store().clock() // _ESTIMATE_SECONDS))
        words.append(f"about {sweeps.duration_text(left)} left")
    st.progress(ended / max(1, len(table)), text=f"{len(table):,} runs: " + " · ".join(words))
    if counts.get("queued") and not runs_at_once(open_store()):
        st.warning("The queue is held: on the page Train, under the queue, **Runs at once** is 0.")


@st.cache_data(show_spinner=False, max_entries=4)
def _seconds_left(sweep_id: str, moment: int) -> float:
    """Until the last run ends; `moment` is there to ask again now and then, as it takes long with many runs."""
    store = open_store()
    running = store.runs(sweep=sweep_id, states=["running"])
    queued = store.runs(sweep=sweep_id, states=["queued"])
    under_way = [run.remaining_seconds or 0.0 for run in running]
    if not queued:
        return max(under_way, default=0.0)
    return sweeps.estimated_seconds(store, [run.config for run in queued]) + sum(under_way) / max(
        1, runs_at_once(store)
    )


def _buttons(row: SweepRow, table: pd.DataFrame) -> None:
    failed = sum(name in ("failed", "interrupted") for name in table["state"].tolist())
    with st.container(horizontal=True, vertical_alignment="center"):
        if _busy(table):
            st.button(
                "Stop all",
                on_click=_do,
                args=(sweeps.stop_sweep, row.id),
                help="Runs that train save and are tested; those that wait leave the queue.",
            )
        if failed:
            st.button(
                f"Retry {failed:,} failed",
                on_click=_do,
                args=(sweeps.retry_failed_runs, row.id),
                help="Puts runs that failed or were interrupted into the queue again, before all others. "
                "Diverged ones would diverge again.",
            )
        help = "Add values or seeds: the form turns to this sweep, and only what is missing is trained."
        if st.button("Extend", on_click=_extend, args=(row,), help=help):
            # the form is no part of this fragment
            st.rerun()
        best = table.dropna(subset=[sweeps.ranking_column(table)]).nlargest(_COMPARED, sweeps.ranking_column(table))
        if len(best) > 1:
            numbers = [str(number) for number in best["number"]]
            st.page_link(
                navigation.page_named("compare"),
                label=f"Compare the best {len(numbers)}",
                query_params={"runs": numbers},
                help="Opens the page Compare with these runs.",
            )
        with st.popover("Delete", help="Forget this sweep, with or without its runs."):
            _deleting(row, table)


def _deleting(row: SweepRow, table: pd.DataFrame) -> None:
    ids = table["run"].tolist()
    st.button(
        "Forget the sweep, keep its runs",
        on_click=_delete,
        args=(row.id, []),
        width="stretch",
        help="This page no longer shows it; its runs stay in the table of the page Compare.",
    )
    if ids:
        st.button(
            f"Delete it with its {len(ids):,} runs",
            on_click=_delete,
            args=(row.id, ids),
            width="stretch",
            help="Runs that train are stopped. For a day **Recently deleted** on the page Compare brings the "
            "runs back, but not the sweep.",
        )


def _best(sweep: Sweep, table: pd.DataFrame) -> None:
    """The best run with its setting's means over the seeds, its test accuracy, and how much choosing it flatters."""
    found = sweeps.sweep_leaders(sweep, table)
    if found is None:
        st.caption("The best run appears here when the first has finished an epoch.")
        return
    run, kind = found.run, sweeps.ranking_name(table)
    number = str(run.number)
    with st.container(border=True, key="best"):
        figure, setting, links = st.columns([2, 4, 2], vertical_alignment="center")
        figure.metric(
            "Best run so far",
            f"{run.accuracy:.2%}",
            help=f"Highest {kind} accuracy of one run, at its best epoch. The best of many runs is partly luck.",
        )
        figure.caption(f"{kind} accuracy")
        parts = [_values(found.of_run)] + ([f"seed {run.seed}"] if sweep.seeds > 1 else [])
        setting.markdown(
            " · ".join(part for part in parts if part)
            + f"  \nRun {number}, {run.state}{_tested(run, kind)}  \n{_means(found.of_run, kind)}"
        )
        with links:
            st.page_link(
                navigation.page_named("inspect"),
                label="Look inside",
                query_params={"run": number},
                help="Opens the page Inspect with this run.",
            )
            st.page_link(
                navigation.page_named("train"),
                label="Its curves",
                query_params={"runs": number, "view": "Training"},
                help="Opens the page Train with this run on the chart.",
            )
        remarks = [stats.selection_bias_text(found.selection_bias)]
        if found.best != found.of_run:
            remarks.append(
                f"By the mean over seeds another setting is ahead: {_values(found.best)}. {_means(found.best, kind)}"
            )
        st.markdown("  \n".join(remark for remark in remarks if remark))


def _values(setting: sweeps.Setting) -> str:
    return " · ".join(
        f"{in_markdown(sweeps.axis_label(field))} **{in_markdown(shown(value))}**"
        for field, value in setting.values.items()
    )


def _tested(run: sweeps.BestRun, kind: str) -> str:
    return "" if isnan(run.test) or kind != "validation" else f", test accuracy **{run.test:.2%}**"


def _means(setting: sweeps.Setting, kind: str) -> str:
    """A setting's mean accuracies over its seeds; of a single seed there is none."""
    if setting.seeds < 2:
        return "Trained with one seed: another may give another accuracy."
    test = "" if isnan(setting.test) or kind != "validation" else f", test **{setting.test:.2%}**"
    return f"Mean over its {setting.seeds} seeds: {kind} **{setting.mean:.2%}**{test}."


def _extend(row: SweepRow) -> None:
    try:
        sweep_form.begin_extending(row)
    except MnistLabError as error:
        st.toast(in_markdown(str(error)))


def _delete(sweep_id: str, ids: Sequence[str]) -> None:
    open_store().delete(ids)
    open_store().delete_sweep(sweep_id)
    chosen_sweep.stop_extending()


def _do(change: Callable[..., int], sweep_id: str) -> None:
    try:
        change(open_store(), sweep_id)
    except MnistLabError as error:
        st.toast(in_markdown(str(error)))
    background_jobs().wake()
