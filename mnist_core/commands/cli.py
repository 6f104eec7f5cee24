"""The command line: train, list, show, resume, delete, data, study, sweep, luck. Flags are the fields of RunConfig."""

import json
import signal
import sys
import tempfile
import threading
import traceback
from dataclasses import asdict
from types import FrameType
from typing import Annotated, Any, Literal

import typer
from typer.exceptions import TyperException

from mnist_core import environment
from mnist_core.analysis import MOST_SEEDS, image_remarks, measures, with_seeds
from mnist_core.commands.cluster_commands import cluster_app
from mnist_core.commands.exit_codes import exit_code
from mnist_core.commands.export_command import export_run
from mnist_core.commands.flags import whole_number_option, with_config_flags
from mnist_core.commands.luck_commands import luck_app
from mnist_core.commands.move_command import move_store
from mnist_core.commands.report_command import import_run, write_report_file
from mnist_core.commands.study_commands import study_app
from mnist_core.commands.sweep_commands import sweep_app
from mnist_core.commands.tables import print_table
from mnist_core.commands.upkeep_commands import make_backup, prune_runs, restore_backup, run_doctor
from mnist_core.config import DATASET_CATALOGUE, RECIPES, RunConfig, devices_json
from mnist_core.errors import CheckpointError, ConfigError
from mnist_core.jobs import (
    STORE_ERRORS,
    explain,
    follow_all,
    follow_run,
    interruptible,
    resuming,
    with_dead_runs_ended,
    with_true_state,
)
from mnist_core.store import BrokenRun, Run, RunQuery, RunState, Store, queueing, read_page
from mnist_core.text import brief, in_terminal, one_line, size_in_words
from mnist_core.upkeep import database_size

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="MNIST Lab: train, list and compare small networks. The dashboard shows the same runs.",
)
data_app = typer.Typer(no_args_is_help=True, help="Which data sets are on this machine, and how to get others.")
app.add_typer(data_app, name="data")
app.add_typer(study_app, name="study")
app.add_typer(sweep_app, name="sweep")
app.add_typer(luck_app, name="luck")
app.add_typer(cluster_app, name="cluster")

_As_json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
# The most letters of a word and of a whole message: messages repeat what was typed, which may be very long.
_WORD_LETTERS, _MESSAGE_LETTERS = 300, 3000
_RUN = typer.Argument(help="Number (12), id, or the beginning of an id.")


def main() -> None:
    """Run the command line; an error that a person can mend is one line and exit code 2, Ctrl-C is 130.

    So are errors of the system and of the database, such as a file whose name is too long or a full disk. An
    unexpected error is one line and exit code 1; a file says where it arose.
    """
    pressed = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        pressed.set()
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, interrupt)
    try:
        _check_arguments(sys.argv[1:])
        sys.exit(app(standalone_mode=False) or 0)
    except KeyboardInterrupt:
        # Pressed before the command took over.
        sys.exit(130)
    except typer.Abort:
        print("Aborted!", file=sys.stderr)
        sys.exit(1)
    except TyperException as error:
        error.message = _shortened(error.message)
        error.show()  # pyright: ignore[reportAttributeAccessIssue]
        sys.exit(error.exit_code)
    except Exception as error:
        # If Ctrl-C was pressed in the middle of an import, Python may raise any error.
        if pressed.is_set():
            sys.exit(130)
        if not isinstance(error, STORE_ERRORS):
            print(in_terminal(_shortened(_fault_of_ours(error))), file=sys.stderr)
            sys.exit(1)
        print(in_terminal(f"Error: {_shortened(explain(error))}"), file=sys.stderr)
        sys.exit(2)


def _fault_of_ours(error: Exception) -> str:
    """A sentence on an unexpected error, whose traceback goes into a file."""
    try:
        descriptor, path = tempfile.mkstemp(prefix="mnist-lab-", suffix=".txt")
        with open(descriptor, "w", encoding="utf-8", errors="replace") as file:
            traceback.print_exception(error, file=file)
        where = f" with the file {path}, which says where it arose"
    except OSError:
        where = ""
    return f"Error: {type(error).__name__}: {error}. This is a fault of MNIST Lab: please report it{where}."


def _shortened(message: str) -> str:
    """The message with long words and its own length cut to what a person reads."""
    return brief(" ".join(brief(word, _WORD_LETTERS) for word in message.split(" ")), _MESSAGE_LETTERS)


def _check_arguments(arguments: list[str]) -> None:
    """Raise ConfigError for an argument whose bytes are no text, as a file's name from another system may be."""
    for argument in arguments:
        if not argument.isascii() and any("\ud800" <= sign <= "\udfff" for sign in argument):
            readable = argument.encode("utf-8", "replace").decode()[:60]
            raise ConfigError(
                "argument", f"{readable!r} holds bytes that are not text; type it again, or rename the file"
            )


def _train(
    context: typer.Context,
    name: str,
    tag: list[str],
    queue: bool,
    as_json: bool,
    recipe: str | None,
    seeds: int,
    **values: Any,
) -> None:
    """Train a network, with --seeds several times; the dashboard shows the runs live."""
    if recipe:
        typed = {name: value for name, value in values.items() if _was_given(context, name)}
        values = RECIPES[recipe].config.model_dump() | typed
    config = RunConfig.parse(values)
    from mnist_core.config import schedule_remarks
    from mnist_core.store import check_queueable

    check_queueable(None, [config], "epochs")
    store = Store.open()
    parent = store.run(config.continue_from).config if config.continue_from else None
    for remark in schedule_remarks(config, parent):
        print(in_terminal(f"Note: {remark}"), file=sys.stderr)
    if seeds > 1:
        _train_seeds(store, with_seeds(config, seeds, name), tag, queue, as_json)
        return
    if queue:
        run = queueing.enqueue(store, config, name, tag)
        _say(run, as_json, f"run #{run.number} is queued; the dashboard trains it")
        return
    with interruptible() as interrupt:
        _follow(store, queueing.enqueue(store, config, name, tag, claimed=True), interrupt, as_json)


def _train_seeds(
    store: Store, entries: list[tuple[RunConfig, str]], tag: list[str], queue: bool, as_json: bool
) -> None:
    """Queue runs that differ only in the seed, and train them in processes of their own until all have ended."""
    runs = queueing.enqueue_all(store, entries, tag)
    with interruptible() as interrupt:
        if not queue:
            runs = follow_all(store, runs, interrupt, as_json, f"resume {runs[0].number}")
    if as_json:
        print(json.dumps([_as_dict(run) for run in runs], indent=2))
    elif queue:
        print(f"runs #{runs[0].number} to #{runs[-1].number} are queued; the dashboard trains them")
    if not queue and any(run.state not in ("finished", "stopped", "paused") for run in runs):
        raise typer.Exit(exit_code(interrupt))


@app.command("list")
def list_runs(
    state: Annotated[RunState | None, typer.Option(help="Only runs in this state.")] = None,
    limit: Annotated[int, whole_number_option("At most this many, newest first.", low=1)] = 50,
    as_json: _As_json = False,
) -> None:
    """List the runs, newest first."""
    store = with_dead_runs_ended(Store.open())
    runs, broken, more = _newest(store, state, limit)
    sizes = store.sizes()
    changed = store.changed_runs(runs)
    numbers = {run.number for run in changed}
    if as_json:
        records = [_as_dict(run) | {"bytes": sizes.get(run.id, 0), "changed": run.number in numbers} for run in runs]
        print(json.dumps([*records, *({"state": "broken"} | asdict(run) for run in broken)], indent=2))
        return
    rows = [
        (
            str(run.number),
            one_line(run.name),
            run.dataset,
            f"{run.state}, changed" if run.number in numbers else run.state,
            f"{run.epoch}/{run.config.epochs}",
            _percent(run.held_out_accuracy),
            _test(run),
            f"{run.seconds:.1f} s",
            size_in_words(sizes.get(run.id, 0)),
        )
        for run in runs
    ]
    rows += [(str(run.number), one_line(run.name), "-", "broken", *"-----") for run in broken]
    if rows:
        head = ("#", "name", "data set", "state", "epoch", "validation", "test", "time", "disk")
        print_table(head, rows, folded="name")
    else:
        print("no runs yet; `python -m mnist_core train` makes one")
    if more:
        print(f"{more:,} older ones are not shown; `--limit` lists more")
    for run in broken:
        print(f"{run.described} {run.remedy}", file=sys.stderr)
    if changed:
        print(measures.changed_note(changed), file=sys.stderr)
    if sizes:
        print(_occupied(store, sizes))


def _newest(store: Store, state: RunState | None, limit: int) -> tuple[list[Run], list[BrokenRun], int]:
    """The newest runs in this state, or in any with the rows that cannot be read, and how many more there are."""
    if state is None:
        page = read_page(store, limit=limit)
        return [with_true_state(store, run) for run in page.runs], page.broken, page.hidden
    # A run that is stored as running may have no process any more.
    gone = [run for run in (with_true_state(store, run) for run in store.runs(states=["running"])) if not run.active]
    page = read_page(store, RunQuery(states=[state]), limit=limit + len(gone))
    others = [run for run in gone if run.state == state]
    lasting = [run for run in page.runs if run.id not in {run.id for run in gone}]
    listed = sorted([*others, *lasting], key=lambda run: -run.number)
    total = page.total - len(page.broken) + (-len(gone) if state == "running" else len(others))
    return listed[:limit], [], max(0, total - limit)


def _occupied(store: Store, sizes: dict[str, int]) -> str:
    """A sentence on the disk space of all runs, and how much of it belongs to deleted runs."""
    deleted = sum(sizes.get(run.id, 0) for run in store.runs(deleted=True))
    waiting = f", {size_in_words(deleted)} of it deleted within the last day" if deleted else ""
    files, database = size_in_words(sum(sizes.values())), size_in_words(database_size(store))
    return f"files of all runs: {files}{waiting}; database: {database}"


@app.command("show")
def show_run(run: Annotated[str, _RUN], as_json: _As_json = False) -> None:
    """Show one run: configuration, results, files."""
    store = with_dead_runs_ended(Store.open())
    stored = with_true_state(store, store.find(run))
    if as_json:
        files = [asdict(artifact) for artifact in store.artifacts(stored.id)]
        changed = bool(store.changed_runs([stored]))
        print(json.dumps(_as_dict(stored) | {"artifacts": files, "changed": changed}, indent=2))
        return
    lines = [
        f"#{stored.number} {one_line(stored.name)}: {stored.state}, epoch {stored.epoch} of {stored.config.epochs}",
        f"id {stored.id}",
        _accuracies(stored),
        f"{stored.seconds:.1f} s"
        + (f" on {one_line(stored.device)}" if stored.device else "")
        + (f" of {one_line(stored.host)}" if stored.device and stored.host else ""),
    ]
    if stored.data is not None:
        lines.append(f"test images {stored.data.images.get('test', '')[:12]}")
    lines += filter(None, [measures.changed_note(store.changed_runs([stored]))])
    lines += image_remarks(stored)
    lines += [one_line(stored.note)] if stored.note else []
    lines += [f"  {name} = {one_line(str(value))}" for name, value in stored.config.changed().items()] or [
        "  all settings are default"
    ]
    print(in_terminal("\n".join(lines)))


@app.command("resume")
def resume_run(
    run: Annotated[str, _RUN],
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Discard what the run has recorded and train it from the first step.")
    ] = False,
    go_back: Annotated[
        bool,
        typer.Option(
            "--go-back", help="Resume from the last undamaged checkpoint and discard what was recorded after it."
        ),
    ] = False,
    as_json: _As_json = False,
) -> None:
    """Resume a paused, stopped, interrupted or failed run, or train a queued one, here and now."""
    store = with_dead_runs_ended(Store.open())
    stored = store.find(run)
    back_to = resuming.last_intact(store, stored) if go_back and not from_scratch else None
    if not (from_scratch or back_to) and (reason := resuming.refusal(store, stored)):
        raise CheckpointError(reason)
    with interruptible() as interrupt:
        waits = stored.state == "queued" and not (from_scratch or back_to)
        queued = stored if waits else queueing.requeue(store, stored, from_scratch=from_scratch, back_to=back_to)
        claimed = store.claim(queued.id)
        if claimed is None:
            _say(queued, as_json, f"run #{queued.number} goes on in the dashboard")
        else:
            _follow(store, claimed, interrupt, as_json)


@app.command("delete")
def delete_runs(
    runs: Annotated[list[str], typer.Argument(help="Numbers or ids.")],
    as_json: _As_json = False,
) -> None:
    """Delete runs. They can be brought back on the Compare page for a day."""
    store = Store.open()
    # Use only number and id, so that a run whose row cannot be read can be deleted, too.
    ids = dict(map(store.identify, runs))
    size = sum(store.sizes([*ids.values()]).values())
    broken = [run.number for run in store.broken() if run.number in ids]
    store.delete_broken(broken)
    store.delete([run_id for number, run_id in ids.items() if number not in broken])
    if as_json:
        print(json.dumps([*ids.values()]))
        return
    print(f"deleted {', '.join(f'#{number}' for number in ids)}")
    print(
        f"{size_in_words(size)} will be free once they are removed for good: after a day, while the app is open, or "
        "now with `python -m mnist_core prune --deleted`"
    )


app.command("export")(export_run)
app.command("import")(import_run)
app.command("report")(write_report_file)
app.command("backup")(make_backup)
app.command("restore")(restore_backup)
app.command("move")(move_store)
app.command("doctor")(run_doctor)
app.command("prune")(prune_runs)


@data_app.command("list")
def data_list(as_json: _As_json = False) -> None:
    """Which data sets are on this machine."""
    from mnist_core.data import dataset_statuses

    statuses = dataset_statuses(environment.data_dir())
    if as_json:
        print(json.dumps([asdict(status) for status in statuses], indent=2))
    else:
        print(in_terminal("\n".join(f"{status.name:15} {status.state:12} {status.message}" for status in statuses)))


@data_app.command("download")
def data_download(name: Annotated[str, typer.Argument(help="Such as mnist or cifar10.")]) -> None:
    """Download a data set through torchvision, checked against its checksums."""
    from mnist_core.data import ensure_downloaded

    if name not in DATASET_CATALOGUE:
        raise ConfigError("name", f"there is no data set {name!r}; choose from {', '.join(DATASET_CATALOGUE)}")
    status = ensure_downloaded(name, environment.data_dir()).wait()
    print(in_terminal(status.message))
    if status.state != "ready":
        raise typer.Exit(2)


def _follow(store: Store, run: Run, interrupt: threading.Event, as_json: bool) -> None:
    """Train a claimed run in this process, with a progress bar, until it ends or `interrupt` is set."""
    run = follow_run(store, run, interrupt, show_bar=not as_json, show_epochs=True)
    tested = "" if run.tested_accuracy is None else f": test accuracy {_test(run)}"
    ending = f"#{run.number} {run.state}{tested} {'in' if tested else 'after'} {run.seconds:.1f} s. {run.note}"
    _say(run, as_json, ending.strip())
    if run.state not in ("finished", "stopped", "paused"):
        raise typer.Exit(exit_code(interrupt))


def _was_given(context: typer.Context, flag: str) -> bool:
    source = context.get_parameter_source(flag)
    return source is not None and source.name == "COMMANDLINE"


def _say(run: Run, as_json: bool, text: str) -> None:
    print(json.dumps(_as_dict(run), indent=2) if as_json else in_terminal(text))


def _as_dict(run: Run) -> dict[str, Any]:
    data = None if run.data is None else run.data.model_dump(mode="json")
    accuracies = {
        "chosen_on": run.config.chosen_on,
        "validation_accuracy": run.held_out_accuracy,
        "test_accuracy": run.tested_accuracy,
    }
    machine = {"devices": devices_json(run.devices), "device": run.device or None}
    return asdict(run) | {"config": run.config.model_dump(mode="json"), "data": data} | machine | accuracies


def _accuracies(run: Run) -> str:
    """Validation and test accuracy as text, or only the test accuracy if the test images chose the epoch."""
    if run.optimistic:
        return f"test {_test(run)}: the test images chose its best epoch ({run.best_epoch})"
    return f"validation {_percent(run.held_out_accuracy)} (best epoch {run.best_epoch}), test {_test(run)}"


def _test(run: Run) -> str:
    """The test accuracy as text, marked as optimistic if the test images chose the epoch."""
    mark = " (optimistic)" if run.optimistic and run.tested_accuracy is not None else ""
    return _percent(run.tested_accuracy) + mark


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"


_FLAGS = [
    ("context", None, typer.Context),
    ("name", "", Annotated[str, typer.Option(help="A name for the run.")]),
    ("tag", [], Annotated[list[str], typer.Option(help="A tag; may be repeated.")]),
    (
        "recipe",
        None,
        Annotated[
            Literal[*RECIPES] | None,
            typer.Option(help="Start from the settings of a recipe. Further flags replace single settings of it."),
        ],
    ),
    (
        "seeds",
        1,
        Annotated[
            int, whole_number_option("Train this many runs, which differ only in the seed.", low=1, high=MOST_SEEDS)
        ],
    ),
    ("queue", False, Annotated[bool, typer.Option("--queue", help="Leave the training to the dashboard.")]),
    ("as_json", False, _As_json),
]
app.command("train")(with_config_flags(_train, _FLAGS))
