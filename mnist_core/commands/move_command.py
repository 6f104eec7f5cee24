"""The command that moves all runs to another database."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from mnist_core import environment
from mnist_core.jobs import trains
from mnist_core.store import Moved, Store, move_database, same_database
from mnist_core.text import in_terminal


def move_store(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="The new database, which is empty: postgresql://user@host/database or sqlite:////full/path/runs.db.",
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Copy the database of all runs into another one. The old one and the files of runs stay as they are."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), disable=as_json, transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def report(table: str, done: int, total: int) -> None:
            task = tasks[table] = tasks.get(table) or bar.add_task(table)
            bar.update(task, completed=done, total=total)

        moved = move_database(environment.database_url(), url, trains, report)
    results = environment.results_dir()
    broken = [run.number for run in Store(results, url, only_look=True).broken()]
    if as_json:
        print(json.dumps(asdict(moved) | {"broken": broken, "results": str(results)}, indent=2))
    else:
        print(in_terminal("\n".join(_lines(moved, broken, url, results))))
    if moved.left_out:
        raise typer.Exit(1)


def _lines(moved: Moved, broken: list[int], url: str, results: Path) -> list[str]:
    lines = [f"{name:13} {count:,}" for name, count in moved.rows.items()]
    for row in moved.left_out:
        of_run = f" of run #{row.run}" if row.run is not None and row.table != "runs" else ""
        named = f"run #{row.run}" if row.table == "runs" else f"a row of the table {row.table}{of_run}"
        lines.append(f"left out, because damaged, and still in the old database: {named}")
    lines += [f"run #{number} cannot be read, as in the old database" for number in broken]
    lines.append(
        f"{_how_to_use(url, results)} The files of runs stay in {results}, so leave MNIST_LAB_RESULTS as it is."
    )
    if moved.queued:
        lines.append(f"{moved.queued} queued run{'s' * (moved.queued != 1)} will be trained from the new database.")
    lines.append("The old one is as it was. Keep it, but start no app with it: both would train into the same folder.")
    return lines


def _how_to_use(url: str, results: Path) -> str:
    if same_database(url, environment.sqlite_url(results / "runs.db")):
        return "To use the new database, unset MNIST_LAB_DATABASE."
    return "To use the new database, set MNIST_LAB_DATABASE to the URL that you gave here."
