"""The worker: the only entry to training. It claims nothing; it is handed a run, trains it and records it.

`python -m mnist_core.jobs.worker` waits, with torch imported, for lines of JSON on its standard input that name a run
each, so that a run starts at once and many short runs share the import. Closing the input ends the wait.
"""

import gc
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
from typing import Any

import torch

from mnist_core import __version__, architectures, environment, sweeps
from mnist_core.architectures import build_seeded
from mnist_core.config import TrainingRules, schedules
from mnist_core.data import folder_remarks, load_data, resolve_dataset
from mnist_core.errors import LostRunError, MnistLabError
from mnist_core.events import EpochEnd, Event, RunFinished, RunStarted, StepEnd
from mnist_core.jobs import memory, recording
from mnist_core.jobs.pulse import HeldUpError, Pulse
from mnist_core.jobs.troubles import STORE_ERRORS, explain
from mnist_core.jobs.worker_process import READY
from mnist_core.store import Run, RunState, Store, remove_leftovers
from mnist_core.training import TrainingState, check_batches, check_needs, devices, machine, train_network

_RECORD_SECONDS = 0.2
_OPTIMISTIC = "The best epoch is chosen on the test images: its accuracy is optimistic."


def work(store: Store, run: Run, interrupt: threading.Event | None = None) -> Iterator[Event]:
    """Train a claimed run, record everything, and yield the events as they are recorded.

    Whatever happens is in the store afterwards: an error that a person can mend ends the run as failed with its
    text; any other error does too, and is raised. Setting `interrupt` ends it resumable.
    """
    pulse = Pulse(store, run, interrupt or threading.Event())
    pulse.start()
    try:
        # Says that the run has begun: from here on it is this process that may have spoilt it.
        pulse.hold(lambda: store.beat(run))
        # A process that was killed as it trained this run before.
        remove_leftovers(store.folder(run.id), owner_gone=True)
        yield from _work(store, run, pulse)
    except LostRunError:
        # someone else decides about this run now
        return
    except HeldUpError as error:
        try:
            store.finish(run, "interrupted", str(error))
        except STORE_ERRORS:
            # the error ends the process, and so the run is found to be dead
            raise error from None
    except MnistLabError as error:
        _fail(store, run, pulse, str(error))
    except Exception as error:
        if memory.ran_out(error):
            _fail(store, run, pulse, memory.remedy(run.config, error))
            return
        _fail(store, run, pulse, _unexpected(error))
        raise
    finally:
        pulse.end()


def _fail(store: Store, run: Run, pulse: Pulse, why: str) -> None:
    pulse.hold(lambda: store.finish(run, "failed", why))


def _unexpected(error: Exception) -> str:
    if isinstance(error, STORE_ERRORS):
        return explain(error)
    return f"Unexpected {type(error).__name__}: {error}. Details: worker.log of this run."


def _work(store: Store, run: Run, pulse: Pulse) -> Iterator[Event]:
    # asked while torch was imported
    if pulse.wish == "interrupted":
        pulse.hold(lambda: store.finish(run, "interrupted"))
        return
    config, note = resolve_dataset(run.config, environment.data_dir())
    if config.choose_on == "test":
        note = f"{note} {_OPTIMISTIC}".strip()
    device = devices.prepare_device(config)
    images = load_data(config, environment.data_dir(), device, recording.rule_of(store, run))
    if images.facts and images.facts.folder:
        note = " ".join([note, *folder_remarks.folder_warnings(images.facts.folder)]).strip()
    shape, classes = images.input_shape, len(images.classes)
    check_batches(config, shape, classes, len(images.train.labels))
    check_needs(config, shape, classes, len(images.train.labels))
    network, inherited = build_seeded(config.architecture, shape, classes, config.seed, config.initial_weights)
    if inherited and config.library == "torch" and not config.continue_from:
        note = f"{note} {inherited}".strip()
    model = devices.move_to_device(network, device)
    state = TrainingState.start(model, config)
    kept = recording.last_checkpoint(store, run)
    if kept:
        recording.check_unchanged(run, images.facts)
    rules = TrainingRules.recorded(run.versions) if kept else TrainingRules()
    versions = _versions() | rules.as_versions()
    learned: dict[str, Any] = {
        "config": config,
        "note": note,
        "device": machine.append_device(run.device if kept else None, devices.describe_device(device)),
        "versions": machine.append_versions(run.versions or {}, versions) if kept else versions,
        "data": images.facts,
        "macs": architectures.describe_architecture(config.architecture, shape, classes).macs,
    }
    pulse.hold(lambda: store.describe(run, **learned))
    if config.library == "torch":
        note = pulse.hold(lambda: recording.go_on(store, run, config, model, state, kept))
        parent = store.run(config.continue_from).config if config.continue_from and not kept else None
        note = " ".join(filter(None, [note, *schedules.schedule_remarks(config, parent)]))
        stream = train_network(model, images, config, state, rules)
    else:
        # scikit-learn cannot go on from where it was
        pulse.hold(lambda: store.rewind(run, 0))
        note = ""
        # scikit-learn takes a second to import.
        from mnist_core.training import fit_sklearn

        stream = fit_sklearn(model, images, config, state, lambda: bool(pulse.wish))
    about = {
        "architecture": config.architecture,
        "shape": shape,
        "classes": images.classes,
        "mean": images.mean,
        "std": images.std,
    }
    waiting: list[Event] = []
    recorded = 0.0
    outcome: RunState | None = None
    hint = note
    for event in stream:
        if isinstance(event, RunStarted):
            begun = {
                "parameters": event.parameters,
                "train_images": event.train_images,
                "steps_per_epoch": event.steps_per_epoch,
                "started": run.started or store.clock(),
            }
            pulse.hold(lambda begun=begun: store.describe(run, **begun))
            yield event
            continue
        waiting.append(event)
        if isinstance(event, StepEnd) and event.step != state.step:
            # more of the same report follows
            continue
        wish = pulse.wish
        if wish or not isinstance(event, StepEnd) or monotonic() - recorded >= _RECORD_SECONDS:
            pulse.hold(lambda events=waiting: store.record(run, events))
            yield from waiting
            waiting, recorded = [], monotonic()
        if isinstance(event, EpochEnd):
            pulse.hold(lambda: recording.save_epoch(store, run, config, model, state, about))
            if hopeless := pulse.hold(lambda epoch=event.epoch: sweeps.stopping_reason(store, run, epoch)):
                outcome, hint = "finished", f"{note} {hopeless}".strip()
                break
        elif isinstance(event, RunFinished):
            outcome = "finished" if event.outcome == "early-stopped" else event.outcome
            hint = f"{note} {event.hint}".strip()
        if wish and not isinstance(event, RunFinished):
            if isinstance(event, StepEnd) and config.library == "torch":
                pulse.hold(lambda: recording.save(store, run, recording.PAUSED, model, state, about))
            outcome = wish
            break
    # scikit-learn is halted between two events
    outcome = outcome or pulse.wish or "interrupted"
    if outcome in ("paused", "interrupted"):
        pulse.hold(lambda: store.finish(run, outcome, hint))
        return
    scores: dict[str, float] = {}
    if outcome != "diverged" and state.step:
        scores = pulse.hold(lambda: recording.write_results(store, store.run(run.id), images, model))
    pulse.hold(lambda: store.finish(run, outcome, hint, **scores))


def _versions() -> dict[str, str]:
    return {
        "mnist-lab": __version__,
        "torch": torch.__version__,
        "scikit-learn": version("scikit-learn"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }


def _warm_up() -> None:
    """Take one step of a tiny network, so that all that torch imports at the first step is there before it counts."""
    import pandas as pd

    model = torch.nn.Linear(1, 1)
    # imports torch._dynamo: two seconds
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
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
            # read by CUDA at its first use, so for good
            os.environ["CUDA_VISIBLE_DEVICES"] = order["gpu"]
        try:
            store = store or Store.open()
            run = store.run(order["run"])
            if run.worker == order["worker"]:
                for _ in work(store, run, interrupt):
                    pass
        except STORE_ERRORS as error:
            # its own text would print SQL and values
            print(f"{type(error).__name__}: {explain(error)}", file=sys.stderr)
            return 1
        except Exception:
            traceback.print_exc()
            return 1
        gc.collect()
        if torch.cuda.is_initialized():
            # the next run may be another process's
            torch.cuda.empty_cache()
        order.clear()
        if any(thread.name == "scikit-learn" for thread in threading.enumerate()):
            # a fit that was stopped and cannot be halted ends with its process
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
