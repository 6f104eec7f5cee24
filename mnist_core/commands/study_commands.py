"""The commands of the published studies: list, run, report."""

import json
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from mnist_core import environment
from mnist_core.analysis import measures
from mnist_core.commands.exit_codes import exit_code
from mnist_core.commands.flags import Overwrite, number_option, whole_number_option
from mnist_core.commands.tables import print_table
from mnist_core.errors import ConfigError
from mnist_core.jobs import interruptible, with_dead_runs_ended
from mnist_core.store import Run, Store
from mnist_core.text import counted, in_terminal

if TYPE_CHECKING:
    from mnist_core.studies import PlannedRun

study_app = typer.Typer(
    no_args_is_help=True, help="Train the published studies again, and compare the results with what was published."
)

_As_json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
_OUTPUT = environment.checkout() or Path()


@study_app.command("list")
def study_list(as_json: _As_json = False) -> None:
    """List the studies and their experiments, and how many of their runs are already trained."""
    from mnist_core.studies import all_studies, plan_runs, study_runs

    store = with_dead_runs_ended(Store.open())
    rows = []
    for study in all_studies().values():
        finished = Counter(
            planned.experiment.name
            for planned, run in study_runs(store, study)
            if run.state in ("finished", "diverged")
        )
        planned = Counter(entry.experiment.name for entry in plan_runs(study))
        rows += [
            {
                "study": study.name,
                "experiment": experiment.name,
                "title": experiment.title,
                "seeds": experiment.seeds,
                "runs": planned[experiment.name],
                "done": finished[experiment.name],
            }
            for experiment in study.experiments
        ]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    cells = [
        (row["study"], row["experiment"], row["title"], str(row["seeds"]), f"{row['done']} of {row['runs']}")
        for row in rows
    ]
    print_table(("study", "experiment", "what it tried", "seeds", "runs done"), cells)
    print(
        "\nRuns: each network with this many seeds, published and honest protocol. Train them with: "
        "python -m mnist_core study run NAME"
    )


@study_app.command("run")
def study_run(
    name: Annotated[str, typer.Argument(help="A study's name, or all.")],
    experiment: Annotated[str, typer.Option(help="Only this experiment of the study.")] = "",
    seeds: Annotated[
        int | None,
        whole_number_option(
            "Train each network this many times. By default as often as `study list` says.", low=1, high=20
        ),
    ] = None,
    epochs_scale: Annotated[float, number_option("Multiply all epochs by this, such as 0.1 for a first look.")] = 1,
    protocol: Annotated[
        Literal["published", "honest", "both"],
        typer.Option(help="published: the test images choose the epoch. honest: held-out images do."),
    ] = "both",
    folder: Annotated[
        str, typer.Option(help="Read CIFAR-10 from this image folder: train/<class>/*, test/<class>/*.")
    ] = "",
    as_json: _As_json = False,
) -> None:
    """Train the runs of a study that are not trained yet. After Ctrl-C, the same command goes on where it stopped."""
    from mnist_core.studies import PROTOCOLS, all_studies, plan_runs, unavailable_data

    if name == "all" and experiment:
        raise ConfigError("experiment", "belongs to one study; give the study's name instead of all")
    protocols = PROTOCOLS if protocol == "both" else (protocol,)
    planned = [
        entry
        for study in (all_studies() if name == "all" else [name])
        for entry in plan_runs(study, experiment, seeds, epochs_scale, protocols, folder)
    ]
    missing = unavailable_data(planned, environment.data_dir())
    left_out = [entry for entry in planned if entry.config.dataset in missing]
    planned = [entry for entry in planned if entry.config.dataset not in missing]
    for dataset, why in missing.items():
        names = sorted(
            {f"{entry.study} {entry.experiment.name}" for entry in left_out if entry.config.dataset == dataset}
        )
        print_error(f"Left out: {', '.join(names)}. {why}")
    store = with_dead_runs_ended(Store.open())
    with interruptible() as interrupt:
        runs = _train(store, planned, interrupt, as_json, f"study run {name}")
    if as_json:
        print(json.dumps([_as_dict(entry, run) for entry, run in runs], indent=2))
    else:
        _summary(store, planned, runs)
    if missing or any(run.state not in ("finished", "diverged") for _, run in runs) or len(runs) < len(planned):
        raise typer.Exit(exit_code(interrupt))


@study_app.command("report")
def study_report(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder that gets docs/studies.md and results/studies/*.json.")
    ] = _OUTPUT,
    overwrite: Overwrite = False,
) -> None:
    """Write the report of all studies: what was published beside what was measured here."""
    from mnist_core.export import check_replaceable, holds_marks
    from mnist_core.studies import STUDIES_PAGE, STUDIES_PAGE_MARK, all_studies, study_runs, write_study_report

    store = Store.open()
    check_replaceable(output / STUDIES_PAGE, holds_marks(STUDIES_PAGE_MARK.encode()), overwrite)
    for path in write_study_report(store, output):
        print(in_terminal(str(path)))
    ended = [run for study in all_studies().values() for _, run in study_runs(store, study)]
    if changed := measures.changed_note(store.changed_runs(ended)):
        print_error(changed)


def print_error(text: str) -> None:
    """Print a message to standard error, because it is no part of the command's result."""
    Console(stderr=True).print(in_terminal(text), markup=False, emoji=False, highlight=False)


def _train(
    store: Store, planned: "list[PlannedRun]", interrupt: threading.Event, as_json: bool, again: str
) -> "list[tuple[PlannedRun, Run]]":
    """Train until nothing more can be started; a run that continues another starts when that one has finished.

    `again` is the command that goes on where no process for training can be started.
    """
    from mnist_core.jobs import follow_all
    from mnist_core.studies import find_runs, missing_runs, start_runs

    left, followed = planned, set[str]()
    while left:
        runs = [run for run in start_runs(store, left) if run.active and run.id not in followed]
        if not runs:
            break
        followed |= {run.id for run in runs}
        ended = follow_all(store, runs, interrupt, as_json, again)
        if interrupt.is_set() or any(run.active or run.state == "interrupted" for run in ended):
            # The rest waits for the next call.
            break
        left = missing_runs(store, planned)
    return find_runs(store, planned)


def _summary(store: Store, planned: "list[PlannedRun]", runs: "list[tuple[PlannedRun, Run]]") -> None:
    states = Counter(run.state for _, run in runs)
    counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none"
    print(
        f"{counted(len(planned), 'run')}: {counts}."
        + ("" if len(runs) == len(planned) else f" {len(planned) - len(runs)} not begun.")
    )
    for _, run in runs:
        if run.state == "failed":
            print_error(f"#{run.number} {run.name} failed: {run.note}")
    if changed := measures.changed_note(store.changed_runs([run for _, run in runs])):
        print_error(changed)
    print("Compare with: python -m mnist_core study report")


def _as_dict(planned: "PlannedRun", run: Run) -> dict[str, object]:
    return {
        "study": planned.study,
        "experiment": planned.experiment.name,
        "variant": planned.variant.label,
        "protocol": planned.protocol,
        "seed": planned.seed,
        "run": run.id,
        "number": run.number,
        "state": run.state,
        "chosen_on": run.config.chosen_on,
        "test_accuracy": run.test_accuracy,
        "seconds": run.seconds,
    }
