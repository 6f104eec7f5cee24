"""The Python API, for notebooks and scripts: train, load, predict, compare, plot.

`from mnist_core import train, load, predict, compare, plot` imports each of them at its first use. All work on the
store that the environment names, so the dashboard shows the same runs. A run is named by the `Run` that `train`
returns, by its number, or by its id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mnist_core import environment
from mnist_core.analysis import judge, measures, predictions, trained
from mnist_core.config import MAX_WHOLE, RunConfig
from mnist_core.errors import ConfigError, DataError, StoreError
from mnist_core.jobs import follow_run, interruptible
from mnist_core.plots import CurveAxis, Metric, learning_curves, run_label
from mnist_core.store import Run, Store
from mnist_core.text import brief_value, is_text

if TYPE_CHECKING:
    from mnist_core.analysis import TrainedNetwork

RunLike = Run | int | str


@dataclass(frozen=True)
class Comparison:
    """Runs against each other on the same test images; `str` of it says in words what the table holds."""

    sentences: tuple[str, ...]
    # One row for each pair. Columns: a, b; difference, low, high (fractions); only_a, only_b (images); p_alone, p.
    table: pd.DataFrame
    # Names the runs whose stored figures have changed, and those whose test images chose the epoch (optimistic).
    note: str = ""

    def __str__(self) -> str:
        return "\n".join([*self.sentences, *([self.note] if self.note else [])])


def train(*, name: str = "", tags: Sequence[str] = (), progress: bool = True, **settings: Any) -> Run:
    """Train a network here and now and return the stored run; `settings` are fields of RunConfig.

    `train(architecture="mlp-100", dataset="mnist-5k", epochs=2)`. A bar shows the progress unless that is False.
    Ctrl-C or SIGTERM leaves the run interrupted; `python -m mnist_core resume` goes on with it. Afterwards torch's
    threads, determinism and random numbers, and the handlers of signals, are the caller's own again. Raises ConfigError
    or ArchitectureError before anything is trained, StoreError if the run fails.
    """
    from mnist_core.store import queueing
    from mnist_core.training import devices

    if not isinstance(name, str):
        raise ConfigError("name", f"{brief_value(name)} is not a text")
    if not isinstance(tags, list | tuple | set | frozenset) or not all(isinstance(tag, str) for tag in tags):
        raise ConfigError("tags", f"{brief_value(tags)} is not a list of texts, such as ['lecture 3']")
    for field, texts in (("name", [name]), ("tags", [*tags])):
        if not is_text(texts):
            raise ConfigError(field, "holds a character that is not valid text; type it again")
    config = RunConfig.parse(settings)
    queueing.check_queueable(None, [config], "epochs")
    store = Store.open()
    with devices.torch_settings_kept(), interruptible() as interrupt:
        run = queueing.enqueue(store, config, name, tags, claimed=True)
        run = follow_run(store, run, interrupt, show_bar=progress)
    if run.state == "failed":
        raise StoreError(f"run #{run.number} failed: {run.note}")
    return run


def load(run: RunLike, epoch: int | None = None) -> "TrainedNetwork":
    """The trained network: `.probabilities(images)` answers uint8 images in the run's precision.

    `.model` is a torch module in evaluation mode, with float32 weights; `.inputs(images)` is what it takes.

    The weights are those of the best epoch, or of `epoch`. Raises CheckpointError if there are none.
    """
    _check_epoch(epoch)
    store = Store.open()
    return trained.load_network(store, _resolve_run(store, run), epoch)


def predict(run: RunLike, images: np.ndarray | None = None, epoch: int | None = None) -> np.ndarray:
    """Probabilities of the classes: float32 (N, classes), for uint8 images (N, C, H, W), (N, H, W) or one (H, W).

    0 is black; strokes are bright or dark as in the run's data set, in MNIST bright on black. Without images: for the
    test images of the run's data set. In the run's precision where this processor has it (`load(run).precision` says
    which it is).
    Raises DataError if the images do not fit the network, or the data set is not on this machine or no longer the same.
    """
    _check_epoch(epoch)
    store = Store.open()
    stored = _resolve_run(store, run)
    network = trained.load_network(store, stored, epoch)
    batch = _test_images(stored) if images is None else _as_batch(images, network.shape)
    return network.probabilities(batch)


def compare(first: RunLike, second: RunLike, *more: RunLike) -> Comparison:
    """Whether runs differ by more than chance, from their answers to the same test images.

    Exact McNemar test of every pair, with the exact 95 % interval of the difference for as many disagreements as
    there are. In the table `low`, `high` and `p_alone` are of each pair alone; `p` is corrected for the number of pairs
    (Holm), and is what the sentences judge by. The head of the table says so.
    Raises StoreError if a run has not been tested or was tested on other images.
    """
    store = Store.open()
    runs = [_resolve_run(store, reference) for reference in (first, second, *more)]
    if len({run.id for run in runs}) < len(runs):
        raise StoreError("compare: the same run is named twice; name different ones")
    aligned, left_out = predictions.align(runs, {run.id: predictions.load_split(store, run) for run in runs})
    if aligned is None or left_out:
        raise StoreError(f"run #{left_out[0].run.number} {left_out[0].reason}, so it cannot be compared")
    verdict = judge(aligned)
    pairs, names = verdict.pairs, [run_label(run) for run in runs]
    sentences: tuple[str, ...] = tuple(verdict.sentence(pair, names[pair.a], names[pair.b]) for pair in pairs)
    sentences += (aligned.remark,) if aligned.remark else ()
    rows = [
        {
            "a": names[pair.a],
            "b": names[pair.b],
            "difference": pair.paired.difference,
            "low": pair.paired.low,
            "high": pair.paired.high,
            "only_a": pair.paired.only_a,
            "only_b": pair.paired.only_b,
            "p_alone": pair.paired.p,
            "p": pair.adjusted,
        }
        for pair in pairs
    ]
    table = pd.DataFrame(rows)
    if len(pairs) > 1:
        table.columns.name = f"p: Holm's, {len(pairs)} pairs; the rest: each pair alone"
    notes = (measures.changed_note(store.changed_runs(runs)), measures.optimistic_note(runs))
    return Comparison(sentences, table, "\n".join(filter(None, notes)))


def plot(
    run: RunLike, *more: RunLike, metric: Metric = "loss", x: CurveAxis = "epoch", smoothing: float = 0.6
) -> go.Figure:
    """Learning curves of one or more runs as a plotly figure: `plot(run).show()`, `plot(1, 2, metric="accuracy")`.

    `metric` is "loss" or "accuracy", `x` is "step", "epoch", "seconds" or "images", `smoothing` from 0 (none) to 0.99.
    Raises ConfigError for any other.
    """
    for field, value, allowed in (("metric", metric, get_args(Metric)), ("x", x, get_args(CurveAxis))):
        if not isinstance(value, str) or value not in allowed:
            raise ConfigError(field, f"{brief_value(value)} cannot be used; choose from {', '.join(allowed)}")
    if isinstance(smoothing, bool) or not isinstance(smoothing, int | float) or not 0 <= smoothing <= 0.99:
        raise ConfigError("smoothing", f"{brief_value(smoothing)} cannot be used; give a number from 0 (none) to 0.99")
    store = Store.open()
    runs = [_resolve_run(store, reference) for reference in (run, *more)]
    return learning_curves({stored.id: store.curves(stored.id) for stored in runs}, runs, metric, x, smoothing)


def _resolve_run(store: Store, run: RunLike) -> Run:
    if isinstance(run, bool) or not isinstance(run, Run | Integral | str):
        raise ConfigError("run", f"{brief_value(run)} names no run; give the run itself, its number, or its id")
    if isinstance(run, Run):
        return store.find(run.id)
    return store.find(run if isinstance(run, str) else brief_value(int(run)))


def _check_epoch(epoch: int | None) -> None:
    if epoch is not None and (
        isinstance(epoch, bool) or not isinstance(epoch, Integral) or not 1 <= epoch <= MAX_WHOLE
    ):
        raise ConfigError("epoch", f"{brief_value(epoch)} cannot be used; give a whole number from 1 on")


def _as_batch(images: Any, shape: tuple[int, int, int]) -> np.ndarray:
    """uint8 (N, C, H, W), however many axes were left out."""
    try:
        images = np.asarray(images)
    except (ValueError, TypeError, OverflowError):
        raise DataError(f"images: {brief_value(images)} is not an array; give uint8 from 0 (black) to 255") from None
    if images.dtype != np.uint8:
        raise DataError(f"images: are {images.dtype}; give uint8 from 0 (black) to 255")
    if images.ndim == 2:
        images = images[None]
    batch = images[:, None] if images.ndim == 3 and shape[0] == 1 else images
    if batch.ndim != 4 or batch.shape[1:] != shape:
        raise DataError(f"images: have the shape {images.shape}; this network takes (N, {', '.join(map(str, shape))})")
    return batch


def _test_images(run: Run) -> np.ndarray:
    from mnist_core.analysis import images_of

    return images_of(run, "test", environment.data_dir())[0]
