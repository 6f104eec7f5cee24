"""The worker: the only entry to training. It claims nothing; it is handed a run, trains it and records it.

`python -m mnist_core.worker` waits, with torch imported, for lines of JSON on its standard input that name a run each,
so that a run starts at once and many short runs share the import. Closing the input ends the wait.
"""

import io
import json
import math
import os
import platform
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from time import monotonic
from typing import Any

import torch

from mnist_core import __version__, architectures, checkpoints, devices, environment, results, trained
from mnist_core.config import RunConfig
from mnist_core.data.fallback import resolve
from mnist_core.data.loading import Data, load
from mnist_core.errors import CheckpointError, LostRunError, MnistLabError
from mnist_core.evaluation import predict
from mnist_core.events import EpochEnd, Event, RunFinished, RunStarted, StepEnd
from mnist_core.store import Run, Store
from mnist_core.store.runs import State
from mnist_core.training import TrainingState, train

_RECORD_SECONDS = 0.2
_BEAT_SECONDS = 0.4
_OPTIMISTIC = "The best epoch is chosen on the test images: its accuracy is optimistic."
_PAUSED = "checkpoints/paused.safetensors"
_WISHES: dict[str, State] = {"stop": "stopped", "pause": "paused"}


def work(store: Store, run: Run, interrupt: threading.Event | None = None) -> Iterator[Event]:
    """Train a claimed run, record everything, and yield the events as they are recorded.

    Whatever happens is in the store afterwards: an error that a person can mend ends the run as failed with its
    text; any other error does too, and is raised. Setting `interrupt` ends it resumable.
    """
    pulse = _Pulse(store, run, interrupt or threading.Event())
    pulse.start()
    try:
        yield from _work(store, run, pulse)
    except LostRunError:
        return  # someone else decides about this run now
    except MnistLabError as error:
        store.finish(run, "failed", str(error))
    except torch.OutOfMemoryError:
        store.finish(run, "failed", "device: out of memory. Choose a smaller batch size or network, or cpu.")
    except Exception as error:
        store.finish(run, "failed", f"Unexpected {type(error).__name__}: {error}. Details: worker.log of this run.")
        raise
    finally:
        pulse.end()


def _work(store: Store, run: Run, pulse: "_Pulse") -> Iterator[Event]:
    config, note = resolve(run.config, environment.data_dir())
    if config.choose_on == "test":
        note = f"{note} {_OPTIMISTIC}".strip()
    device = devices.prepare(config)
    images = load(config, environment.data_dir(), device)
    shape, classes = images.input_shape, len(images.classes)
    torch.manual_seed(config.seed)
    model = devices.place(architectures.build(config.architecture, shape, classes), device)
    state = TrainingState.start(model, config)
    store.describe(
        run,
        pid=os.getpid(),
        config=config,
        note=note,
        device=devices.describe(device),
        versions=_versions(),
        macs=architectures.describe(config.architecture, shape, classes).macs,
    )
    note = _go_on(store, run, config, model, state)
    about = {
        "architecture": config.architecture,
        "shape": shape,
        "classes": images.classes,
        "mean": images.mean,
        "std": images.std,
    }
    waiting: list[Event] = []
    recorded = 0.0
    outcome: State = "finished"
    hint = note
    for event in train(model, images, config, state):
        if isinstance(event, RunStarted):
            store.describe(
                run,
                parameters=event.parameters,
                train_images=event.train_images,
                steps_per_epoch=event.steps_per_epoch,
                started=run.started or store.clock(),
            )
            yield event
            continue
        waiting.append(event)
        if isinstance(event, StepEnd) and event.step != state.step:
            continue  # more of the same report follows
        wish = pulse.wish
        if wish or not isinstance(event, StepEnd) or monotonic() - recorded >= _RECORD_SECONDS:
            store.record(run, waiting)
            yield from waiting
            waiting, recorded = [], monotonic()
        if isinstance(event, EpochEnd):
            _save_epoch(store, run, config, model, state, about)
        elif isinstance(event, RunFinished):
            outcome = "finished" if event.outcome == "early-stopped" else event.outcome
            hint = f"{note} {event.hint}".strip()
        if wish and not isinstance(event, RunFinished):
            if isinstance(event, StepEnd):
                _save(store, run, _PAUSED, model, state, about)
            outcome = wish
            break
    if outcome in ("paused", "interrupted"):
        store.finish(run, outcome, hint)
        return
    scores = {} if outcome == "diverged" else _results(store, store.run(run.id), images, model)
    store.finish(run, outcome, hint, **scores)


def _go_on(store: Store, run: Run, config: RunConfig, model: torch.nn.Module, state: TrainingState) -> str:
    """Restore the latest intact checkpoint of the run, or the one that it continues from; returns a note."""
    own = [artifact for artifact in trained.checkpoints(store, run) if store.intact(run.id, artifact)]
    if own:
        folder, artifact = store.folder(run.id), own[-1]
    elif config.continue_from:
        parent = store.run(config.continue_from)
        artifact = trained.chosen(store, parent, config.continue_epoch)
        folder = store.folder(parent.id)
        if not store.intact(parent.id, artifact):
            raise CheckpointError(
                f"continue_from: {artifact.path} of run #{parent.number} is damaged; choose another epoch"
            )
    else:
        store.rewind(run, 0)
        return ""
    checkpoint = checkpoints.load(folder / artifact.path)
    checkpoints.restore_weights(checkpoint, model)
    note = ""
    if config.fresh_optimizer and not own:
        note = "Only the weights were taken over: the optimizer starts afresh."
    elif own or store.run(config.continue_from).config.optimizer == config.optimizer:
        checkpoints.restore_optimizers(checkpoint, state.optimizers)
    else:
        note = f"The optimizer is another one than in the run continued from: {config.optimizer} starts afresh."
    if own or not config.fresh_optimizer:
        checkpoints.restore_random_state(checkpoint)
    state.restore(checkpoint.progress)
    if own:
        store.rewind(run, state.step)
    else:  # time and the choice of the best epoch are this run's own
        state.seconds, state.best_epoch, state.best_accuracy, state.best_loss = 0.0, 0, -1.0, math.inf
    return note


def _save(
    store: Store, run: Run, path: str, model: torch.nn.Module, state: TrainingState, about: dict[str, Any]
) -> None:
    checkpoint = checkpoints.capture(model, state.optimizers, state.progress(), about)
    store.write_artifact(
        run, path, "checkpoint", state.epoch, state.step, lambda target: checkpoints.save(checkpoint, target)
    )


def _save_epoch(
    store: Store, run: Run, config: RunConfig, model: torch.nn.Module, state: TrainingState, about: dict[str, Any]
) -> None:
    """Keep this epoch's checkpoint; drop those that are neither wanted, nor the best, nor the last."""
    _save(store, run, f"checkpoints/epoch-{state.epoch:04d}.safetensors", model, state, about)
    for artifact in trained.checkpoints(store, run):
        wanted = (artifact.epoch or 0) % config.checkpoint_every == 0 or artifact.epoch == state.best_epoch
        if artifact.path == _PAUSED or not (wanted or artifact.epoch == state.epoch):
            store.drop_artifact(run, artifact.path)


def _results(store: Store, run: Run, images: Data, model: torch.nn.Module) -> dict[str, float]:
    """Write the predictions of the chosen weights and return what they score on the test images."""
    import pandas as pd

    if run.epoch:
        artifact = trained.chosen(store, run)
        checkpoints.restore_weights(checkpoints.load(store.folder(run.id) / artifact.path, weights_only=True), model)
    frames = []
    for name, split in (("validation", images.validation), ("test", images.test)):
        if len(split.labels) and not (name == "validation" and run.config.choose_on == "test"):  # they are the same
            answers = predict(model, images, split, precision=run.config.precision)  # (N, classes)
            frame = pd.DataFrame(answers, columns=[f"p{place}" for place in range(answers.shape[1])])
            frame.insert(0, "label", split.labels.cpu().numpy())
            frame.insert(0, "index", range(len(frame)))
            frame.insert(0, "split", name)
            frames.append(frame)
    table = pd.concat(frames, ignore_index=True)
    store.write_artifact(
        run,
        "predictions.parquet",
        "predictions",
        run.best_epoch,
        run.step,
        lambda target: table.to_parquet(target, index=False),
    )
    return {
        "test_loss": results.negative_log_likelihood(frames[-1]),
        "test_accuracy": results.accuracy(frames[-1]),
    }


def _versions() -> dict[str, str]:
    return {
        "mnist-lab": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }


class _Pulse(threading.Thread):
    """Says every moment that the worker lives, and learns what is asked of it."""

    def __init__(self, store: Store, run: Run, interrupt: threading.Event) -> None:
        super().__init__(name="pulse", daemon=True)
        self._store, self._run, self._interrupt = store, run, interrupt
        self._ended = threading.Event()
        self._wish: State | None = None

    def run(self) -> None:
        while not self._ended.wait(_BEAT_SECONDS):
            try:
                asked = self._store.beat(self._run)
            except LostRunError:
                self._wish = "interrupted"
                return
            self._wish = _WISHES.get(asked or "")

    @property
    def wish(self) -> State | None:
        """The state in which the run should end now, if any."""
        return "interrupted" if self._interrupt.is_set() else self._wish

    def end(self) -> None:
        self._ended.set()
        self.join()


def _warm_up() -> None:
    """Take one step of a tiny network, so that all that torch imports at the first step is there before it counts."""
    import pandas as pd

    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)  # imports torch._dynamo: two seconds
    model(torch.zeros(1, 1)).sum().backward()
    optimizer.step()
    pd.DataFrame({"a": [0]}).to_parquet(io.BytesIO())


def main() -> int:
    """Train the runs that are named on standard input, one after another, until it closes."""
    _warm_up()
    interrupt, order, store = threading.Event(), {}, None
    signal.signal(signal.SIGTERM, lambda *_: interrupt.set() if order else sys.exit(0))
    while not interrupt.is_set() and (line := sys.stdin.readline()).strip():
        order |= json.loads(line)
        if order["gpu"]:
            os.environ["CUDA_VISIBLE_DEVICES"] = order["gpu"]  # read by CUDA at its first use, so for good
        store = store or Store.open()
        run = store.run(order["run"])
        if run.worker == order["worker"]:
            try:
                for _ in work(store, run, interrupt):
                    pass
            except Exception:
                traceback.print_exc()
                return 1
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()  # the next run may be another process's
        order.clear()
    return 0


if __name__ == "__main__":
    sys.exit(main())
