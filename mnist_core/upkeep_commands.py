"""The commands that keep a results folder safe: backup, restore, doctor."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from mnist_core import environment
from mnist_core.errors import StoreError
from mnist_core.rounding import size_in_words
from mnist_core.store.backup import database_file
from mnist_core.text import in_terminal

_As_json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def backup(
    folder: Annotated[Path, typer.Argument(help="A folder for backups: the first takes all, later ones what is new.")],
    keep: Annotated[int, typer.Option(help="Keep so many of the newest backups there; 0 keeps all.", min=0)] = 0,
    as_json: _As_json = False,
) -> None:
    """Back up all runs, also while some train: the database and every file that it lists, compared by hash."""
    from mnist_core.upkeep.backup import back_up

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), disable=as_json, transient=True) as bar:
        task = bar.add_task("files")
        made = back_up(
            sqlite_file(), environment.results_dir(), folder, keep,
            lambda done, of: bar.update(task, completed=done, total=of),
        )  # fmt: skip
    missing = [f"{file.run}/{file.path}" for file in made.manifest.missing]
    if as_json:
        about = {"folder": str(made.folder), "runs": made.manifest.runs, "files": len(made.manifest.files)}
        print(json.dumps(about | {"bytes": made.size, "copied": made.copied, "missing": missing}, indent=2))
    else:
        print(
            f"{made.folder}: {made.manifest.runs} runs, {len(made.manifest.files)} files, {size_in_words(made.size)}; "
            f"{size_in_words(made.copied)} of them were new"
        )
        for path in missing:
            print(f"missing or damaged, so not in it: {path}")
    if missing:
        raise typer.Exit(1)


def restore(
    source: Annotated[
        Path, typer.Argument(help="A folder of backups (the newest is taken), one backup in it, or a copy of runs.db.")
    ],
    into: Annotated[
        Path | None, typer.Option(help="The folder that becomes a results folder; by default the usual one.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Move the runs that are there aside, into a folder beside; none is lost.")
    ] = False,
    as_json: _As_json = False,
) -> None:
    """Bring a backup back into an empty results folder, every file compared by hash."""
    from mnist_core.upkeep.restore import restore

    results = into or environment.results_dir()
    database = sqlite_file() if into is None else into / "runs.db"
    done = restore(source, database, results, replace)
    if as_json:
        values: dict[str, Any] = {name: str(value) if isinstance(value, Path) else value
                                  for name, value in asdict(done).items()}  # fmt: skip
        print(json.dumps(values | {"results": str(results)}, indent=2))
        return
    print(f"{results}: {done.runs} runs, {done.files} files, {size_in_words(done.size)}, from {done.source}")
    if done.missing:
        print(f"{done.missing} files were damaged or gone when it was made")
    if done.aside:
        print(f"what was there is kept in {done.aside}")


def doctor(
    repair: Annotated[
        bool, typer.Option("--repair", help="Repair what can be repaired without losing anything.")
    ] = False,
    as_json: _As_json = False,
) -> None:
    """Look through the installation, the results folder and the data sets; ends with 1 if something is wrong."""
    from mnist_core.upkeep import installation
    from mnist_core.upkeep.doctor import examine

    findings = [
        *installation.installation(),
        *examine(sqlite_file(), environment.results_dir(), repair),
        *installation.data(environment.data_dir()),
    ]
    wrong = sum(finding.state == "wrong" for finding in findings)
    if as_json:
        print(json.dumps({"well": not wrong, "findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        for finding in findings:
            remedy = f"\n             {finding.remedy}" if finding.remedy else ""
            print(in_terminal(f"{finding.state:9}  {finding.area}: {finding.text}{remedy}"))
        print(f"{wrong} thing{'s' * (wrong > 1)} to mend" if wrong else "all is well")
    if wrong:
        raise typer.Exit(1)


def sqlite_file() -> Path:
    """The file of the database that the environment names. Raises StoreError if it is no SQLite database."""
    path = database_file(environment.database_url())
    if path is None:
        raise StoreError("MNIST_LAB_DATABASE: only a database in a file (SQLite) can be backed up and restored here")
    return path
