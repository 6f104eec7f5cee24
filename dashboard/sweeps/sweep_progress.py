"""The right side of the Sweeps page: progress of a sweep, its best run so far, buttons, and results."""

from collections.abc import Callable, Sequence
from math import isnan

import pandas as pd
import streamlit as st

from dashboard.components import explained
from dashboard.controls import show_machines
from dashboard.frame import background_jobs, errors_as_messages, errors_as_toasts, navigation, open_store, pace
from dashboard.sweeps import chosen_sweep, sweep_form, sweep_results
from mnist_core import sweeps
from mnist_core.analysis import measures, stats
from mnist_core.config import format_value
from mnist_core.store import ACTIVE_STATES, SweepRow, places, runs_at_once
from mnist_core.sweeps import Sweep
from mnist_core.text import counted, in_markdown

# Seconds between two looks at the store; also after the last run, because the command line may start another one.
_TICK_SECONDS, _IDLE_SECONDS = 1.0, 5.0
# A sweep with more runs than this is looked at half as often.
_MANY_RUNS = 200
# Seconds between two estimates of the time left.
_ESTIMATE_SECONDS = 10.0
_MOST_COMPARED = 5
_STATE_LABELS = {
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
    """Show a sweep, and keep showing its progress while runs train."""
    with errors_as_messages():
        table = sweeps.sweep_table(open_store(), row.id)
        busy = _is_busy(table)
        seconds = _TICK_SECONDS * (1 if len(table) <= _MANY_RUNS else 2)
        st.fragment(_board, run_every=pace(seconds if busy else _IDLE_SECONDS))(row, busy)


def _board(row: SweepRow, busy: bool) -> None:
    with errors_as_messages():
        store = open_store()
        current = store.sweep(row.id)
        if current is None:
            # The sweep was deleted, and the list of sweeps is outside this fragment.
            st.rerun()
        table = sweeps.sweep_table(store, row.id)
        if _is_busy(table) != busy:
            # The page has to be drawn again to change how often this fragment runs.
            st.rerun()
        sweep = sweeps.Sweep.from_json(current.spec)
        _progress(row, sweep, table)
        _buttons(row, table)
        if table.empty:
            st.info("The runs of this sweep are deleted. **Recently deleted** on the page Compare brings them back.")
            return
        # Checked only when nothing trains: else every second.
        if not busy and (note := measures.changed_note(store.changed_runs(store.runs(sweep=row.id)))):
            st.warning(note)
        _best(sweep, table)
        sweep_results.show_sweep_summary(sweep, table)
        sweep_results.show_sweep_curves(sweep, table)
        sweep_results.show_sweep_runs(sweep, table)


def _is_busy(table: pd.DataFrame) -> bool:
    return bool(table["state"].isin(ACTIVE_STATES).any())


def _progress(row: SweepRow, sweep: Sweep, table: pd.DataFrame) -> None:
    counts: dict[str, int] = table["state"].value_counts().to_dict()
    ended = len(table) - sum(counts.get(name, 0) for name in ACTIVE_STATES)
    words = [f"**{counts[name]:,}** {word}" for name, word in _STATE_LABELS.items() if name in counts]
    if sweep.halving and (early := sum(table["finished_early"].tolist())):
        words.append(f"{early:,} of them stopped early")
    if ended < len(table):
        left = _seconds_left(row.id, int(open_store().clock() // _ESTIMATE_SECONDS))
        words.append(f"about {sweeps.duration_text(left)} left")
    st.progress(ended / max(1, len(table)), text=f"{counted(len(table), 'run')}: " + " · ".join(words))
    if _is_busy(table):
        show_machines("sweep")
    if counts.get("queued") and not runs_at_once(open_store()):
        st.warning("No run starts now: on the page Train, **Runs at once** below the queue is 0.")


@st.cache_data(show_spinner=False, max_entries=4)
def _seconds_left(sweep_id: str, moment: int) -> float:
    """Seconds until the last run ends; cached until `moment` changes, because estimating many runs takes long."""
    store = open_store()
    running = store.runs(sweep=sweep_id, states=["running"])
    queued = store.runs(sweep=sweep_id, states=["queued"])
    under_way = [run.remaining_seconds or 0.0 for run in running]
    if not queued:
        return max(under_way, default=0.0)
    return sweeps.estimated_seconds(store, [run.config for run in queued]) + sum(under_way) / max(1, places(store))


def _buttons(row: SweepRow, table: pd.DataFrame) -> None:
    failed = sum(name in ("failed", "interrupted") for name in table["state"].tolist())
    is_own = open_store().may_change(row)
    with st.container(horizontal=True, vertical_alignment="center"):
        if is_own and _is_busy(table):
            st.button(
                "Stop all",
                on_click=_apply,
                args=(sweeps.stop_sweep, row.id),
                help="Runs that train are saved and tested. Runs that wait leave the queue.",
            )
        if is_own and failed:
            st.button(
                f"Retry {failed:,} failed",
                on_click=_apply,
                args=(sweeps.retry_failed_runs, row.id),
                help="Puts failed and interrupted runs into the queue again, before all others. Diverged runs would "
                "only diverge again.",
            )
        help = "Add values or seeds to this sweep in the form on the left. Only missing runs are trained."
        if is_own and st.button("Extend", on_click=_extend, args=(row,), help=help):
            # The form is outside this fragment.
            st.rerun()
        score = sweeps.ranking_column(table)
        best = table.dropna(subset=[score]).nlargest(_MOST_COMPARED, score)
        if len(best) > 1:
            numbers = [str(number) for number in best["number"]]
            st.page_link(
                navigation.page_named("compare"),
                label=f"Compare the best {len(numbers)}",
                query_params={"runs": numbers},
                help="Opens the page Compare with these runs.",
            )
        if is_own:
            with st.popover("Delete", help="Delete this sweep, with or without its runs."):
                _deleting(row, table)


def _deleting(row: SweepRow, table: pd.DataFrame) -> None:
    ids = table["run"].tolist()
    st.button(
        "Forget the sweep, keep its runs",
        on_click=_delete,
        args=(row.id, []),
        width="stretch",
        help="This page no longer shows the sweep. Its runs stay in the table on the page Compare.",
    )
    if ids:
        st.button(
            f"Delete it with its {counted(len(ids), 'run')}",
            on_click=_delete,
            args=(row.id, ids),
            width="stretch",
            help="Runs that train are stopped. For a day, **Recently deleted** on the page Compare brings the runs "
            "back, but not the sweep.",
        )


def _best(sweep: Sweep, table: pd.DataFrame) -> None:
    """The best run, the mean of its setting over the seeds, and how much choosing the best flatters its accuracy."""
    leaders = sweeps.sweep_leaders(sweep, table)
    if leaders is None:
        st.caption("The best run appears here when the first has finished an epoch.")
        return
    run, label, measure = leaders.run, sweeps.ranking_name(table), sweeps.ranking_column(table)
    number = str(run.number)
    with st.container(border=True, key="best"):
        figure, setting, links = st.columns([2, 4, 2], vertical_alignment="center")
        figure.metric(
            "Best run so far",
            f"{run.accuracy:.2%}",
            help=explained(
                f"Highest {label} accuracy of a single run, at its best epoch. The best of many runs is partly luck.",
                "Selection bias",
            ),
        )
        figure.caption(f"{label} accuracy")
        parts = [_values(leaders.of_run)] + ([f"seed {run.seed}"] if sweep.seeds > 1 else [])
        setting.markdown(
            " · ".join(part for part in parts if part)
            + f"  \nRun {number}, {run.state}{_test_accuracy(run, measure)}  \n{_means(leaders.of_run, label, measure)}"
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
        remarks = [stats.selection_bias_text(leaders.selection_bias)]
        if leaders.best != leaders.of_run:
            remarks.append(
                f"Another setting has a higher mean over its seeds: {_values(leaders.best)}. "
                f"{_means(leaders.best, label, measure)}"
            )
        st.markdown("  \n".join(remark for remark in remarks if remark))


def _values(setting: sweeps.Setting) -> str:
    return " · ".join(
        f"{in_markdown(sweeps.axis_label(field))} **{in_markdown(format_value(value))}**"
        for field, value in setting.values.items()
    )


def _test_accuracy(run: sweeps.BestRun, measure: str) -> str:
    return "" if isnan(run.test) or measure == "test_accuracy" else f", test accuracy **{run.test:.2%}**"


def _means(setting: sweeps.Setting, label: str, measure: str) -> str:
    """Sentence with a setting's mean accuracies over its seeds, or on why one seed is not enough."""
    if setting.seeds < 2:
        return "Trained with one seed: another may give another accuracy."
    test = "" if isnan(setting.test) or measure == "test_accuracy" else f", test **{setting.test:.2%}**"
    return f"Mean over its {setting.seeds} seeds: {label} **{setting.mean:.2%}**{test}."


def _extend(row: SweepRow) -> None:
    with errors_as_toasts():
        sweep_form.begin_extending(row)


def _delete(sweep_id: str, ids: Sequence[str]) -> None:
    with errors_as_toasts():
        open_store().delete(ids)
        open_store().delete_sweep(sweep_id)
        chosen_sweep.stop_extending()


def _apply(change: Callable[..., int], sweep_id: str) -> None:
    with errors_as_toasts():
        change(open_store(), sweep_id)
    background_jobs().wake()
