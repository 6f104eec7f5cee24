"""The worker: the only entry to training. It claims nothing; it is handed a run, trains it and records it.

`python -m mnist_core.jobs.worker` waits, with torch imported, for lines of JSON on its standard input that name a run
each, so that a run starts at once and many short runs share the import. Closing the input ends the wait.
"""

import contextlib
import gc
import io
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Generator, Iterator
from time import monotonic
from typing import Any

import torch

from mnist_core import environment, sweeps
from mnist_core.config import RunConfig
from mnist_core.data import load_arrays
from mnist_core.errors import LostRunError, MnistLabError
from mnist_core.events import EpochEnd, Event, RunFinished, RunStarted, StepEnd
from mnist_core.jobs import liveness, memory, priority, recording
from mnist_core.jobs.luck_training import train_part
from mnist_core.jobs.preparation import PreparedRun, prepare_run
from mnist_core.jobs.pulse import HeldUpError, Pulse
from mnist_core.jobs.trainers import Trainer, trainer_of
from mnist_core.jobs.troubles import STORE_ERRORS, explain
from mnist_core.jobs.watching import RunRecorder
from mnist_core.jobs.worker_process import READY
from mnist_core.store import Run, RunState, Store
from mnist_core.training import allocation

_RECORD_SECONDS = 0.2


def work(store: Store, run: Run, interrupt: threading.Event | None = None, *, watched: bool = True) -> Iterator[Event]:
    """Train a claimed run, record everything, and yield the events as they are recorded.

    Whatever happens is in the store afterwards: an error that a person can mend ends the run as failed with its
    text; any other error does too, and is raised. Setting `interrupt` ends it resumable. `watched`: whether glimpses of
    the network are kept, too; nothing else depends on it.
    """
    pulse = Pulse(store, run, interrupt or threading.Event())
    pulse.start()
    try:
        # The first beat records that this process has begun the run. From here on a failure counts as the run's.
        pulse.hold(lambda: store.beat(run))
        pulse.hold(pulse.bound_student)
        # A killed process that trained this run before may have left half-written files.
        liveness.clear_folder(store, run)
        yield from _work(store, run, pulse, watched)
    except LostRunError:
        # Another process has taken over this run, so nothing may be recorded about it here.
        return
    except HeldUpError as error:
        try:
            store.finish(run, "interrupted", str(error))
        except STORE_ERRORS:
            # Even this cannot be recorded. Let the error end the process; the jobs then find the run dead.
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


def _work(store: Store, run: Run, pulse: Pulse, watched: bool) -> Iterator[Event]:
    # The run may have been interrupted while torch was being imported.
    if pulse.wish == "interrupted":
        pulse.hold(lambda: store.finish(run, "interrupted"))
        return
    if run.luck:
        train_part(store, run, pulse)
        return
    prepared = prepare_run(store, run)
    trainer = trainer_of(prepared, lambda: bool(pulse.wish))
    note = " ".join(filter(None, [prepared.note, trainer.start_note()]))
    pulse.hold(lambda: store.describe(run, note=note, **prepared.description()))
    begun_with = pulse.hold(trainer.begin)
    recorder = RunRecorder(prepared) if watched else None
    outcome, hint = yield from _follow(prepared, trainer, pulse, recorder)
    if recorder:
        recorder.keep()
    note = " ".join(filter(None, [begun_with, hint, pulse.reason if outcome == "stopped" else ""]))
    if outcome in ("paused", "interrupted"):
        pulse.hold(lambda: store.finish(run, outcome, note))
        return
    scores: dict[str, float] = {}
    if outcome != "diverged" and prepared.state.step:
        scores = pulse.hold(lambda: recording.write_results(prepared))
    pulse.hold(lambda: store.finish(run, outcome, note, **scores))


def _follow(
    prepared: PreparedRun, trainer: Trainer, pulse: Pulse, recorder: RunRecorder | None
) -> Generator[Event, None, tuple[RunState, str]]:
    """Train and record until the training ends or is to stop or pause; returns the run's new state and a hint."""
    store, run = prepared.store, prepared.run
    waiting: list[Event] = []
    recorded = 0.0
    for event in trainer.events():
        if isinstance(event, RunStarted):
            begun = _begun(prepared, event)
            pulse.hold(lambda columns=begun: store.describe(run, **columns))
            yield event
            if recorder:
                recorder.see(event)
            continue
        waiting.append(event)
        if isinstance(event, StepEnd) and event.step != prepared.state.step:
            # One report of the training can hold several steps: record once, after its last step.
            continue
        wish = pulse.wish
        if recorder:
            recorder.see(event)
        if wish or not isinstance(event, StepEnd) or monotonic() - recorded >= _RECORD_SECONDS:
            pulse.hold(lambda events=waiting: store.record(run, events))
            yield from waiting
            waiting, recorded = [], monotonic()
        if isinstance(event, RunFinished):
            return "finished" if event.outcome == "early-stopped" else event.outcome, event.hint
        if isinstance(event, EpochEnd):
            pulse.hold(lambda: recording.save_epoch(prepared))
            if reason := pulse.hold(lambda epoch=event.epoch: sweeps.stopping_reason(store, run, epoch)):
                return "finished", reason
        if wish:
            if isinstance(event, StepEnd):
                pulse.hold(trainer.pause)
            return wish, ""
    # Only a halted fit of scikit-learn gets here: its events end without RunFinished.
    return pulse.wish or "interrupted", ""


def _begun(prepared: PreparedRun, event: RunStarted) -> dict[str, Any]:
    """Columns of the run's row that are known once its training starts."""
    return {
        "parameters": event.parameters,
        "train_images": event.train_images,
        "steps_per_epoch": event.steps_per_epoch,
        "started": prepared.run.started or prepared.store.clock(),
    }


def _warm_up() -> None:
    """Train a tiny network for one step, so that torch imports what its first step needs before a run waits for it."""
    import pandas as pd

    model = torch.nn.Linear(1, 1)
    # Creating an optimizer imports torch._dynamo, which takes two seconds.
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    model(torch.zeros(1, 1)).sum().backward()
    optimizer.step()
    pd.DataFrame({"a": [0]}).to_parquet(io.BytesIO())


def run_one(store: Store, run: Run, interrupt: threading.Event) -> bool:
    """`work` for a process that trains one run after another; False if it cannot train another one after this."""
    for _ in work(store, run, interrupt):
        pass
    gc.collect()
    allocation.give_memory_back()
    if torch.cuda.is_initialized():
        # Give the GPU's memory back, because another process may train the next run.
        torch.cuda.empty_cache()
    # A fit of scikit-learn that does not stop keeps its thread busy; only the end of the process ends it.
    return not any(getattr(thread, "fits_estimator", False) for thread in threading.enumerate())


def begin_process() -> None:
    """Prepare this process for training one run after another."""
    allocation.keep_large_tensors()
    _warm_up()
    # What was imported stays for good. Looking through it after each run takes longer than a small run.
    gc.freeze()


def _say_ready() -> None:
    """Tell the jobs that this process can train. From then on everything printed goes into the log."""
    print(READY.decode(), flush=True)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def _read_ahead() -> None:
    """Read mnist-5k, on which a class trains its short runs, while this process waits for its first run."""
    # A run that needs it will say what is wrong.
    with contextlib.suppress(MnistLabError):
        load_arrays(RunConfig(dataset="mnist-5k"), environment.data_dir())
    # Otherwise the process would keep what this thread took for reading, although the thread ends.
    allocation.give_memory_back()


def main() -> int:
    """Train the runs that are named on standard input, one after another, until it closes."""
    priority.give_way()
    begin_process()
    _say_ready()
    threading.Thread(target=_read_ahead, name="read-ahead", daemon=True).start()
    interrupt, order, store = threading.Event(), {}, None
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: interrupt.set() if order else sys.exit(0))
    while not interrupt.is_set() and (line := sys.stdin.readline()).strip():
        order |= json.loads(line)
        if order["gpu"]:
            # CUDA reads the variable only at its first use, so a worker keeps its GPU for good.
            os.environ["CUDA_VISIBLE_DEVICES"] = order["gpu"]
        try:
            # Never a new database: an empty folder in place of the results is not where the run was queued.
            store = store or Store(environment.results_dir(), environment.database_url(), only_look=True)
            run = store.run(order["run"])
            if run.worker == order["worker"] and not run_one(store, run, interrupt):
                return 0
        except STORE_ERRORS as error:
            # Do not print the error's own text: it may hold SQL with its values.
            print(f"{type(error).__name__}: {explain(error)}", file=sys.stderr)
            return 1
        except Exception:
            traceback.print_exc()
            return 1
        order.clear()
    return 0


if __name__ == "__main__":
    sys.exit(main())
