"""Table of the export formats: name, content, file ending and the function that writes it."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mnist_core.analysis import trained
from mnist_core.errors import ExportError
from mnist_core.export import curve_tables
from mnist_core.export.output import holds_marks, write_output
from mnist_core.store import Run, Store


@dataclass(frozen=True)
class ExportFormat:
    """One format in which a run can be exported."""

    label: str
    about: str
    ending: str
    mime: str
    write: Callable[[Store, Run, Path], None]
    # Bytes near the beginning or end of every file of this format. A new export may replace a file that has them.
    marks: tuple[bytes, ...]
    # Whether the format needs weights, which a run has only after its first epoch.
    weights: bool = False


def write_export(store: Store, run: Run, name: str, path: Path, overwrite: bool = True) -> int:
    """Write the run to `path`, whole or not at all, and return the file's size in bytes.

    Without `overwrite` only an earlier file of this format is replaced. Raises ExportError, CheckpointError or
    StoreError.
    """
    kind = EXPORT_FORMATS[name]
    return write_output(path, lambda target: kind.write(store, run, target), holds_marks(*kind.marks), overwrite)


def export_bytes(store: Store, run: Run, name: str) -> bytes:
    """The exported file as bytes. Raises as `write_export`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / export_file_name(run, name)
        EXPORT_FORMATS[name].write(store, run, path)
        return path.read_bytes()


def export_file_name(run: Run, name: str) -> str:
    """Default name of the exported file."""
    return f"run-{run.number}{EXPORT_FORMATS[name].ending}"


def export_refusal(store: Store, run: Run, name: str) -> str:
    """Why the run cannot be exported in this format (yet), "" if it can; cheap enough for a page."""
    if EXPORT_FORMATS[name].weights and not trained.checkpoints(store, run):
        return "The run has not finished an epoch yet."
    if name == "zip" and run.active:
        return f"The run is {run.state}; this file is for runs that have ended or are paused."
    if name == "script" and run.config.continue_from:
        from mnist_core.export.script.script import check_origin

        try:
            check_origin(store, run)
        except ExportError as error:
            return str(error)
    return ""


def _write_script(store: Store, run: Run, path: Path) -> None:
    from mnist_core.export.script.script import script_of_run

    path.write_text(script_of_run(store, run), encoding="utf-8")


def _write_safetensors(store: Store, run: Run, path: Path) -> None:
    from mnist_core.export.weight_files import write_safetensors

    write_safetensors(store, run, path)


def _write_onnx(store: Store, run: Run, path: Path) -> None:
    from mnist_core.export.weight_files import write_onnx

    write_onnx(store, run, path)


def _write_zip(store: Store, run: Run, path: Path) -> None:
    from mnist_core.export.archive import archive

    archive.pack_archive(store, run, path)


EXPORT_FORMATS: Mapping[str, ExportFormat] = {
    "script": ExportFormat(
        "Script",
        "A short PyTorch program that trains this network on these images in this order, and ends with the same "
        "weights, bit for bit, on the same machine. It needs nothing of MNIST Lab.",
        ".py",
        "text/x-python",
        _write_script,
        (b"of MNIST Lab", b"import"),
    ),
    "safetensors": ExportFormat(
        "Weights (safetensors)",
        "The weights of the best epoch by their names in PyTorch, with what it takes to use them as metadata.",
        ".safetensors",
        "application/octet-stream",
        _write_safetensors,
        (b'"__metadata__"', b'"architecture"'),
        weights=True,
    ),
    "onnx": ExportFormat(
        "Network (ONNX)",
        "Network and weights of the best epoch for other programs and languages: images of 0 to 255 in, "
        "probabilities out. It computes in float32, whatever the run did.",
        ".onnx",
        "application/octet-stream",
        _write_onnx,
        (b"pytorch", b"classes", b"architecture"),
        weights=True,
    ),
    "csv": ExportFormat(
        "Curves (CSV)",
        "Every recorded value, one a row, for a spreadsheet.",
        ".csv",
        "text/csv",
        lambda store, run, path: curve_tables.write_curves_csv(store, [run], path),
        (",".join(curve_tables.COLUMNS).encode(),),
    ),
    "parquet": ExportFormat(
        "Curves (Parquet)",
        "The same for programs: smaller, with types.",
        ".parquet",
        "application/vnd.apache.parquet",
        lambda store, run, path: curve_tables.write_curves_parquet(store, [run], path),
        (b"PAR1", *(column.encode() for column in curve_tables.COLUMNS)),
    ),
    "zip": ExportFormat(
        "Everything (zip)",
        "Settings, curves, answers and checkpoints, to take the run into another MNIST Lab: "
        "python -m mnist_core import FILE.",
        ".zip",
        "application/zip",
        _write_zip,
        (b"config.json", b"run.json", b"manifest.json"),
    ),
}
