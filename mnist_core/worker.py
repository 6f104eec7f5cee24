"""The worker: the only entry to training. It claims nothing; it is handed a run, trains it and records it.

`python -m mnist_core.worker` waits, with torch imported, for lines of JSON on its standard input that name a run each,
so that a run starts at once and many short runs share the import. Closing the input ends the wait.
"""

import io
import json
import os
import platform
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from importlib.metadata import version
from time import monotonic

import torch

from mnist_core import __version__, architectures, devices, environment, machine, recording, schedules, sweeps
from mnist_core.architectures.inheriting import build_seeded
from mnist_core.checking import check_batches
from mnist_core.data import remarks
from mnist_core.data.fallback import resolve
from mnist_core.data.loading import load
from mnist_core.errors import LostRunError, MnistLabError
from mnist_core.events import EpochEnd, Event, RunFinished, RunStarted, StepEnd
from mnist_core.rules import Rules
from mnist_core.store import Run, Store
from mnist_core.store.runs import State
from mnist_core.training import TrainingState, train
from mnist_core.worker_process import READY

_RECORD_SECONDS = 0.2
_BEAT_SECONDS = 0.4
_OPTIMISTIC = "The best epoch is chosen on the test images: its accuracy is optimistic."
_WISHES: dict[str, State] = {"stop": "stopped", "pause": "paused"}


def work(store: Store, run: Run, interrupt: threading.Event | None = None) -> Iterator[Event]:
    """Train a claimed run, record everything, and yield the events as they are recorded.

    Whatever happens is in the store afterwards: an error that a person can mend ends the run as failed with its
    text; any other error does too, and is raised. Setting `interrupt` ends it resumable.
    """
    pulse = _Pulse(store, run, interrupt or threading.Event())
    pulse.start()
    try:
        store.beat(run)  # says that the run has begun: from here on it is this process that may have spoilt it
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
    if pulse.wish == "interrupted":  # asked while torch was imported
        store.finish(run, "interrupted")
        return
    config, note = resolve(run.config, environment.data_dir())
    if config.choose_on == "test":
        note = f"{note} {_OPTIMISTIC}".strip()
    device = devices.prepare(config)
    images = load(config, environment.data_dir(), device, recording.rule_of(store, run))
    if images.facts and images.facts.folder:
        note = " ".join([note, *remarks.warnings(images.facts.folder)]).strip()
    shape, classes = images.input_shape, len(images.classes)
    check_batches(config, shape, classes, len(images.train.labels))
    network, inherited = build_seeded(config.architecture, shape, classes, config.seed, config.initial_weights)
    if inherited and config.library == "torch" and not config.continue_from:
        note = f"{note} {inherited}".strip()
    model = devices.place(network, device)
    state = TrainingState.start(model, config)
    kept = recording.last_checkpoint(store, run)
    if kept:
        recording.check_unchanged(run, images.facts)
    rules = Rules.recorded(run.versions) if kept else Rules()
    versions = _versions() | rules.as_versions()
    store.describe(
        run,
        pid=os.getpid(),
        config=config,
        note=note,
        device=machine.joined(run.device if kept else None, devices.describe(device)),
        versions=machine.joined_versions(run.versions or {}, versions) if kept else versions,
        data=images.facts,
        macs=architectures.describe(config.architecture, shape, classes).macs,
    )
    if config.library == "torch":
        note = recording.go_on(store, run, config, model, state, kept)
        parent = store.run(config.continue_from).config if config.continue_from and not kept else None
        note = " ".join(filter(None, [note, *schedules.remarks(config, parent)]))
        stream = train(model, images, config, state, rules)
    else:  # scikit-learn cannot go on from where it was
        store.rewind(run, 0)
        note = ""
        from mnist_core import classical  # scikit-learn takes a second to import

        stream = classical.fit(model, images, config, state, lambda: bool(pulse.wish))
    about = {
        "architecture": config.architecture,
        "shape": shape,
        "classes": images.classes,
        "mean": images.mean,
        "std": images.std,
    }
    waiting: list[Event] = []
    recorded = 0.0
    outcome: State | None = None
    hint = note
    for event in stream:
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
            recording.save_epoch(store, run, config, model, state, about)
            if hopeless := sweeps.should_stop(store, run, event.epoch):
                outcome, hint = "finished", f"{note} {hopeless}".strip()
                break
        elif isinstance(event, RunFinished):
            outcome = "finished" if event.outcome == "early-stopped" else event.outcome
            hint = f"{note} {event.hint}".strip()
        if wish and not isinstance(event, RunFinished):
            if isinstance(event, StepEnd) and config.library == "torch":
                recording.save(store, run, recording.PAUSED, model, state, about)
            outcome = wish
            break
    outcome = outcome or pulse.wish or "interrupted"  # scikit-learn is halted between two events
    if outcome in ("paused", "interrupted"):
        store.finish(run, outcome, hint)
        return
    scores = (
        {}
        if outcome == "diverged" or not state.step
        else recording.write_results(store, store.run(run.id), images, model)
    )
    store.finish(run, outcome, hint, **scores)


def _versions() -> dict[str, str]:
    return {
        "mnist-lab": __version__,
        "torch": torch.__version__,
        "scikit-learn": version("scikit-learn"),
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


def _say_ready() -> None:
    """Tell the jobs that this process can train. From then on whatever is printed goes into the log."""
    print(READY.decode(), flush=True)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def main() -> int:
    """Train the runs that are named on standard input, one after another, until it closes."""
    _warm_up()
    _say_ready()
    interrupt, order, store = threading.Event(), {}, None
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: interrupt.set() if order else sys.exit(0))
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
        if any(thread.name == "scikit-learn" for thread in threading.enumerate()):
            return 0  # a fit that was stopped and cannot be halted ends with its process
    return 0


if __name__ == "__main__":
    sys.exit(main())
