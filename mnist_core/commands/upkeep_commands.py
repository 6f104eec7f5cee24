"""The commands that keep a results folder safe: backup, restore, doctor, prune."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from mnist_core import environment
from mnist_core.commands.flags import number_option, whole_number_option
from mnist_core.errors import ConfigError, StoreError
from mnist_core.jobs import with_dead_runs_ended
from mnist_core.store import RunState, Store, database_file
from mnist_core.text import counted, in_terminal, size_in_words

if TYPE_CHECKING:
    from mnist_core.upkeep import disk

_As_json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def make_backup(
    folder: Annotated[Path, typer.Argument(help="A folder for backups: the first takes all, later ones what is new.")],
    keep: Annotated[int, whole_number_option("Keep this many of the newest backups there; 0 keeps all.", low=0)] = 0,
    as_json: _As_json = False,
) -> None:
    """Back up all runs: the database and every file of a run, each checked by its hash. Runs may train meanwhile."""
    from mnist_core.upkeep import back_up

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), disable=as_json, transient=True) as bar:
        task = bar.add_task("files")
        made = back_up(
            sqlite_file(),
            environment.results_dir(),
            folder,
            keep,
            lambda done, of: bar.update(task, completed=done, total=of),
        )
    missing = [f"{file.run}/{file.path}" for file in made.manifest.missing]
    if as_json:
        about = {"folder": str(made.folder), "runs": made.manifest.runs, "files": len(made.manifest.files)}
        print(json.dumps(about | {"bytes": made.size, "copied": made.copied, "missing": missing}, indent=2))
    else:
        print(
            f"{made.folder}: {counted(made.manifest.runs, 'run')}, {counted(len(made.manifest.files), 'file')}, "
            f"{size_in_words(made.size)}; "
            f"{size_in_words(made.copied)} of them were new"
        )
        for path in missing:
            print(in_terminal(f"missing or damaged, so not in it: {path}"))
    if missing:
        raise typer.Exit(1)


def restore_backup(
    source: Annotated[
        Path, typer.Argument(help="A folder of backups (the newest is taken), one backup in it, or a copy of runs.db.")
    ],
    into: Annotated[
        Path | None, typer.Option(help="The folder that becomes a results folder; by default the usual one.")
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="First move the runs that are there into another folder beside it; none is lost."
        ),
    ] = False,
    as_json: _As_json = False,
) -> None:
    """Restore a backup into an empty results folder. Every file is checked by its hash."""
    from mnist_core.upkeep import restore

    results = into or environment.results_dir()
    database = sqlite_file() if into is None else into / "runs.db"
    done = restore(source, database, results, replace)
    if as_json:
        values: dict[str, Any] = {
            name: str(value) if isinstance(value, Path) else value for name, value in asdict(done).items()
        }
        print(json.dumps(values | {"results": str(results)}, indent=2))
        return
    print(
        f"{results}: {counted(done.runs, 'run')}, {counted(done.files, 'file')}, {size_in_words(done.size)}, "
        f"from {done.source}"
    )
    if done.missing:
        print(f"left out, because damaged or gone when it was made: {counted(done.missing, 'file')}")
    if done.aside:
        print(f"what was there is kept in {done.aside}; if the app is open, start it again")


def run_doctor(
    repair: Annotated[
        bool, typer.Option("--repair", help="Repair what can be repaired without losing anything.")
    ] = False,
    fingerprint: Annotated[
        bool,
        typer.Option(
            "--fingerprint",
            help="Store fingerprints (hashes) of the results of runs that have none, as the results are now.",
        ),
    ] = False,
    as_json: _As_json = False,
) -> None:
    """Check the installation, the results folder and the data sets. The exit code is 1 if something is wrong."""
    from mnist_core.upkeep import examine, installation

    findings = [
        *installation.installation(),
        *examine(sqlite_file(), environment.results_dir(), repair, fingerprint),
        *installation.data(environment.data_dir()),
    ]
    wrong = sum(finding.state == "wrong" for finding in findings)
    if as_json:
        print(json.dumps({"well": not wrong, "findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        for finding in findings:
            remedy = f"\n             {finding.remedy}" if finding.remedy else ""
            print(in_terminal(f"{finding.state:9}  {finding.area}: {finding.text}{remedy}"))
        print(f"{wrong} thing{'s' * (wrong > 1)} to repair" if wrong else "all is well")
    if wrong:
        raise typer.Exit(1)


def prune_runs(
    runs: Annotated[list[str] | None, typer.Argument(help="Numbers or ids; or choose with the options.")] = None,
    older_than: Annotated[float, number_option("Only runs that ended at least this many days ago.", low=0)] = 0,
    state: Annotated[list[str] | None, typer.Option(help="Only runs in this state; may be repeated.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All runs that have ended.")] = False,
    deleted: Annotated[
        bool,
        typer.Option("--deleted", help="Remove deleted runs for good now instead of a day after they were deleted."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show how much space would become free; remove nothing.")
    ] = False,
    as_json: _As_json = False,
) -> None:
    """Free disk space: remove the checkpoints of ended runs, except the best and the last. Curves and results stay."""
    from mnist_core.upkeep import disk

    if unknown := [entry for entry in state or [] if entry not in get_args(RunState)]:
        raise ConfigError(
            "state", f"{unknown[0]!r} is not a state of a run; choose from {', '.join(get_args(RunState))}"
        )
    store = with_dead_runs_ended(Store.open())
    named = [store.find(text) for text in runs or []]
    if not (named or older_than or state or every or deleted):
        raise ConfigError("prune", "name runs, or choose them with --older-than, --state, --all or --deleted")
    if active := [run for run in named if run.active]:
        raise StoreError(f"run #{active[0].number} is {active[0].state}: only runs that have ended can be pruned")
    chosen = named or None if named or older_than or state or every else []
    freed = disk.prune(store, disk.ended(store, chosen, state or (), older_than), dry_run)
    gone, room, kept = disk.remove_deleted(store, dry_run) if deleted else ([], 0, [])
    for run in kept:
        print(
            in_terminal(f"{store.folder(run.id)} cannot be removed: see that it is yours, and remove it"),
            file=sys.stderr,
        )
    total = sum(entry.size for entry in freed) + room
    if as_json:
        records = [_as_record(entry) for entry in freed]
        print(json.dumps({"bytes": total, "runs": records, "deleted": [run.id for run in gone]}, indent=2))
        return
    would = "would be " if dry_run else ""
    for entry in freed:
        print(f"#{entry.run.number}: {counted(len(entry.checkpoints), 'checkpoint')}, {size_in_words(entry.size)}")
    if gone:
        print(f"{len(gone)} deleted run{'s' * (len(gone) > 1)} {would}removed for good: {size_in_words(room)}")
    print(f"{size_in_words(total)} {would}freed")


def _as_record(entry: "disk.Freed") -> dict[str, str | int]:
    return {
        "run": entry.run.id,
        "number": entry.run.number,
        "checkpoints": len(entry.checkpoints),
        "bytes": entry.size,
    }


def sqlite_file() -> Path:
    """The file of the database that the environment names. Raises StoreError if it is no SQLite database."""
    path = database_file(environment.database_url())
    if path is None:
        raise StoreError(
            "MNIST_LAB_DATABASE names a database on a server, which PostgreSQL's own tools save and check: pg_dump, "
            "pg_restore, pg_amcheck. Copy the results folder with it; docs/guide/cluster.md says how"
        )
    return path
