"""The command line of sweeps: run, list, show, stop, retry."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from math import isnan
from typing import Annotated, Any, Literal

import pandas as pd
import typer

from mnist_core import sweeps
from mnist_core.analysis import intervals, measures, stats
from mnist_core.commands.exit_codes import exit_code
from mnist_core.commands.flags import whole_number_option, with_config_flags
from mnist_core.commands.tables import print_table
from mnist_core.config import EPOCH_CHOICE_LABELS, RunConfig, format_value
from mnist_core.errors import ConfigError
from mnist_core.jobs import follow_all, interruptible, with_dead_runs_ended
from mnist_core.store import ACTIVE_STATES, Store, concurrency, queueing
from mnist_core.sweeps import Sweep
from mnist_core.text import counted, decimals, one_line

sweep_app = typer.Typer(
    no_args_is_help=True,
    help="Search for good settings: all combinations (grid) or some at random, each with one or more seeds.",
)

_As_json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
_SWEEP = typer.Argument(help="Name, id, or the beginning of an id.")


def _run(
    axis: list[str],
    method: Literal["grid", "random"],
    samples: int,
    seeds: int,
    halving: bool,
    random_seed: int,
    name: str,
    yes: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Train a network once for each combination of values, several at a time; the other flags say what stays equal."""
    axes = tuple(_axis(text) for text in axis)
    sweep = Sweep(name, RunConfig.parse(values), axes, method, samples, seeds, halving, random_seed)
    configs = sweep.configs()
    queueing.check_queueable(None, configs, "axes")
    store = Store.open()
    at_once = concurrency.places(store)
    about = sweeps.duration_text(sweeps.estimated_seconds(store, configs))
    about += " or less" * halving
    text = f"{counted(len(configs), 'run')}, {at_once} at a time: about {about} on this machine"
    if not yes:
        if not sys.stdin.isatty():
            raise ConfigError("yes", f"this would train {text}; add --yes to start it")
        typer.confirm(f"{text}. Start?", abort=True, err=True)
    elif not as_json:
        print(f"{text}.")
    sweep_id = sweeps.launch_sweep(store, sweep)
    _train(store, sweep_id, as_json)


@sweep_app.command("list")
def list_sweeps(as_json: _As_json = False) -> None:
    """List the sweeps, newest first."""
    store = with_dead_runs_ended(Store.open())
    summaries = [_summary(store, row.id, row.name) for row in store.sweeps()]
    if as_json:
        print(json.dumps(summaries, indent=2))
        return
    rows = []
    for summary in summaries:
        best, mean, test = (
            _percent(summary[name]) for name in ("best_accuracy", "best_run_mean", "best_test_accuracy")
        )
        counts = (str(summary[name]) for name in ("runs", "ended"))
        # Where runs are ranked by their test accuracy, the column of the best shows it already.
        test = test if summary["measure"] == "validation_accuracy" else ""
        rows.append((summary["id"], one_line(summary["name"]), *counts, best, mean, summary["best_of"] or "", test))
    if rows:
        head = ("id", "name", "runs", "ended", "best run", "its seeds' mean", "of", "its test")
        print_table(head, rows, folded="name")
    else:
        print('no sweeps yet; `python -m mnist_core sweep run --axis "learning_rate=0.1,0.01"` makes one')


@sweep_app.command("show")
def show_sweep(sweep: Annotated[str, _SWEEP], as_json: _As_json = False) -> None:
    """Show what a sweep has found so far."""
    store = with_dead_runs_ended(Store.open())
    _report(store, sweeps.find_sweep(store, sweep).id, as_json)


@sweep_app.command("stop")
def sweep_stop(sweep: Annotated[str, _SWEEP]) -> None:
    """Stop the running and queued runs of a sweep."""
    store = with_dead_runs_ended(Store.open())
    count = sweeps.stop_sweep(store, sweeps.find_sweep(store, sweep).id)
    print(f"{counted(count, 'run')} asked to stop")


@sweep_app.command("retry")
def retry_sweep(sweep: Annotated[str, _SWEEP], as_json: _As_json = False) -> None:
    """Train the failed, interrupted and queued runs of a sweep."""
    store = with_dead_runs_ended(Store.open())
    row = sweeps.find_sweep(store, sweep)
    sweeps.retry_failed_runs(store, row.id)
    _train(store, row.id, as_json)


def _train(store: Store, sweep_id: str, as_json: bool) -> None:
    waiting = store.runs(sweep=sweep_id, states=["queued", "running"])
    with interruptible() as interrupt:
        if waiting:
            follow_all(store, waiting[::-1], interrupt, as_json, f"sweep retry {sweep_id}")
    _report(store, sweep_id, as_json)
    if any(run.state in ("failed", "interrupted", "queued") for run in store.runs(sweep=sweep_id)):
        raise typer.Exit(exit_code(interrupt))


def _report(store: Store, sweep_id: str, as_json: bool) -> None:
    """Print the table by swept value, or everything as JSON."""
    sweep = sweeps.load_sweep(store, sweep_id)
    table = sweeps.sweep_table(store, sweep_id)
    measure = sweeps.ranking_column(table)
    by_value = intervals.mean_by_setting(table, sweep.fields, measure)
    if as_json:
        summary = _summary(store, sweep_id, sweep.name)
        runs = table.assign(chosen_on=[EPOCH_CHOICE_LABELS[choice] for choice in table["chosen_on"]])
        records = {"settings": _records(by_value), "runs": _records(runs)}
        print(json.dumps(summary | {"sweep": sweep.to_json()} | {"results": records}, indent=2))
        return
    accuracy = f"{sweeps.ranking_name(table)} accuracy, mean"
    head = (*(sweeps.axis_label(field) for field in sweep.fields), accuracy, "95 % interval", "seeds")
    rows = []
    for row in sorted(_records(by_value), key=lambda row: -row["mean"]):
        alone = row["low"] is None
        places = decimals(float("nan") if alone else 50 * (row["high"] - row["low"]), 2)
        mean, *ends = (
            f"{end:.{places}%}"
            for end in ([row["mean"]] if alone else [row["mean"], max(row["low"], 0.0), min(row["high"], 1.0)])
        )
        settings = (format_value(row[field]) for field in sweep.fields)
        rows.append((*settings, mean, " to ".join(ends), str(row["n"])))
    print(f"{one_line(sweep.name)} ({sweep_id})")
    print_table(head, rows)
    for line in _choice(sweep, table):
        print(one_line(line))
    states = table["state"].value_counts().to_dict()
    print(", ".join(f"{count} {state}" for state, count in states.items()))
    if note := measures.changed_note(store.changed_runs(store.runs(sweep=sweep_id))):
        print(note)


def _choice(sweep: Sweep, table: pd.DataFrame) -> list[str]:
    """Lines on the best run: its accuracy, the mean of its setting over the seeds, and the bias of having chosen it."""
    leaders = sweeps.sweep_leaders(sweep, table)
    if leaders is None:
        return []
    run, label, measure = leaders.run, sweeps.ranking_name(table), sweeps.ranking_column(table)
    lines = [
        f"best run: #{run.number} ({_setting(leaders.of_run)}, seed {run.seed}): {label} "
        f"{run.accuracy:.2%}{_and_test(run.test, measure)}"
    ]
    settings = {"its setting": leaders.of_run}
    if leaders.best != leaders.of_run:
        settings["best setting"] = leaders.best
    for title, setting in settings.items():
        seeds = f"{setting.seeds} seed{'s' * (setting.seeds > 1)}"
        lines.append(
            f"{title} ({_setting(setting)}): mean over {seeds}: {label} {setting.mean:.2%}"
            f"{_and_test(setting.test, measure)}"
        )
    return [*lines, *filter(None, [stats.selection_bias_text(leaders.selection_bias)])]


def _setting(setting: sweeps.Setting) -> str:
    return ", ".join(f"{field} {format_value(value)}" for field, value in setting.values.items()) or "all alike"


def _and_test(value: float, measure: str) -> str:
    """The test accuracy as text; "" if runs are compared by it, because then it is shown already."""
    return f", test {_percent(None if isnan(value) else value)}" if measure == "validation_accuracy" else ""


def _summary(store: Store, sweep_id: str, name: str) -> dict[str, Any]:
    table = sweeps.sweep_table(store, sweep_id)
    leaders = sweeps.sweep_leaders(sweeps.load_sweep(store, sweep_id), table)
    summary = {
        "id": sweep_id,
        "name": name,
        "runs": len(table),
        "ended": sum(state not in ACTIVE_STATES for state in table["state"]),
        "best_run": None,
        "best_accuracy": None,
        "best_of": sweeps.ranking_name(table),
        "measure": sweeps.ranking_column(table),
        "best_test_accuracy": None,
        "best_run_mean": None,
        "best_run_seeds": None,
        "best_setting": None,
        "flattery": None,
    }
    if leaders is None:
        return summary
    return summary | {
        "best_run": leaders.run.number,
        "best_accuracy": leaders.run.accuracy,
        "best_test_accuracy": None if isnan(leaders.run.test) else leaders.run.test,
        "best_run_mean": leaders.of_run.mean,
        "best_run_seeds": leaders.of_run.seeds,
        "best_setting": {**asdict(leaders.best), "test": None if isnan(leaders.best.test) else leaders.best.test},
        "flattery": None if leaders.selection_bias is None else asdict(leaders.selection_bias),
    }


def _records(table: Any) -> list[Mapping[str, Any]]:
    """The rows as dictionaries with None for missing values."""
    rows = table.to_dict("records")
    return [{name: None if value != value else value for name, value in row.items()} for row in rows]


def _axis(text: str) -> sweeps.SweepAxis:
    field, equals, values = text.partition("=")
    if not equals:
        raise ConfigError("axis", f"{text!r} has no values; write for example --axis learning_rate=0.1,0.01")
    return sweeps.parse_values(field.strip().replace("-", "_"), values)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"


_AXIS = (
    'What varies: "learning_rate=0.1,0.01", "learning_rate=1e-5..1 log 6", "width=10,50,100" (the hidden layer, or '
    "{width} in the architecture). May be repeated. Architectures are separated by semicolons."
)
sweep_app.command("run")(
    with_config_flags(
        _run,
        [
            ("axis", [], Annotated[list[str], typer.Option("--axis", help=_AXIS)]),
            ("method", "grid", Annotated[Literal["grid", "random"], typer.Option(help="All combinations, or some.")]),
            ("samples", 20, Annotated[int, whole_number_option("Combinations that a random search draws.")]),
            ("seeds", 1, Annotated[int, whole_number_option("Runs of each combination, from --seed on.")]),
            ("halving", False, Annotated[bool, typer.Option("--halving", help="Stop hopeless runs early.")]),
            ("random_seed", 0, Annotated[int, whole_number_option("Seed of the random search.")]),
            ("name", "", Annotated[str, typer.Option(help="A name for the sweep.")]),
            ("yes", False, Annotated[bool, typer.Option("--yes", help="Start without asking.")]),
            ("as_json", False, _As_json),
        ],
    )
)
