"""The commands that give runs away and take them in: report, import."""

from pathlib import Path
from typing import Annotated

import typer

from mnist_core.commands.flags import Overwrite
from mnist_core.jobs import with_dead_runs_ended
from mnist_core.store import Store
from mnist_core.text import in_terminal, one_line

_NAME = "report.html"


def write_report_file(
    runs: Annotated[list[str], typer.Argument(help="Numbers or ids of the runs, in the order of the report.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write, or a folder that is there.")
    ] = Path(_NAME),
    overwrite: Overwrite = False,
) -> None:
    """Write a comparison of runs as one HTML file that opens offline."""
    from mnist_core.export import holds_marks, write_output
    from mnist_core.report import REPORT_MARK, report_html

    store = with_dead_runs_ended(Store.open())
    if output.is_dir():
        output /= _NAME
    # A run that is named twice appears in the report once.
    chosen = {run.id: run for run in map(store.find, runs)}
    page = report_html(store, [*chosen.values()]).encode()

    def write(target: Path) -> None:
        target.write_bytes(page)

    size = write_output(output, write, holds_marks(REPORT_MARK), overwrite)
    print(in_terminal(f"{output} ({size / 1e6:.1f} MB)"))


def import_run(
    file: Annotated[Path, typer.Argument(help="The zip file of a run, as `export --as zip` writes it.")],
) -> None:
    """Import a run from a zip file. Everything in the file is checked first."""
    from mnist_core.export import read_archive

    run = read_archive(Store.open(), file)
    print(one_line(f"#{run.number} {run.name}: {run.state}. {run.note}"))
