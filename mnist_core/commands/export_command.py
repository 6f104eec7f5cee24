"""The command that takes a run away: as a script, weights, curves, an archive, or into another tool."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from mnist_core.commands.flags import Overwrite
from mnist_core.errors import StoreError
from mnist_core.jobs import with_dead_runs_ended, with_true_state
from mnist_core.store import Run, Store
from mnist_core.text import in_terminal

Form = Literal["script", "safetensors", "onnx", "csv", "parquet", "zip", "tensorboard", "mlflow"]

_FORMS = (
    "script: PyTorch code that trains to the same weights. safetensors, onnx: the weights of the best epoch. "
    "csv, parquet: the curves. zip: everything, for `import`. tensorboard, mlflow: into these tools."
)
_OUTPUT = (
    "The file to write, or a folder that is there; for tensorboard a folder (runs), for mlflow a tracking store "
    "(sqlite:///mlflow.db). Empty: run-NUMBER with the form's ending, here."
)


def export_run(
    run: Annotated[str, typer.Argument(help="Number (12), id, or the beginning of an id.")],
    form: Annotated[Form, typer.Option("--as", help=_FORMS)] = "script",
    output: Annotated[str, typer.Option("--output", "-o", help=_OUTPUT)] = "",
    overwrite: Overwrite = False,
) -> None:
    """Export a run: as a Python script, weights, curves or an archive, or to TensorBoard or MLflow."""
    store = with_dead_runs_ended(Store.open())
    chosen = with_true_state(store, store.find(run))
    if form == "tensorboard":
        print(in_terminal(str(_to_tensorboard(store, chosen, Path(output or "runs")))))
    elif form == "mlflow":
        print(_to_mlflow(store, chosen, output or "sqlite:///mlflow.db"))
    else:
        _to_file(store, chosen, form, Path(output), overwrite)


def _to_file(store: Store, run: Run, form: str, path: Path, overwrite: bool) -> None:
    from mnist_core.export import export_file_name, write_export

    if path.is_dir():
        path /= export_file_name(run, form)
    size = write_export(store, run, form, path, overwrite)
    print(in_terminal(f"{path} ({size:,} bytes)"))


def _to_tensorboard(store: Store, run: Run, folder: Path) -> str:
    from mnist_core.export import write_to_tensorboard

    try:
        return f"{write_to_tensorboard(store, run, folder)}; tensorboard --logdir {folder} shows it"
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror}. Name another folder with -o.") from None


def _to_mlflow(store: Store, run: Run, tracking: str) -> str:
    from mnist_core.export import write_to_mlflow

    return (
        f"run {write_to_mlflow(store, run, tracking)} in {tracking}; mlflow ui --backend-store-uri {tracking} shows it"
    )
