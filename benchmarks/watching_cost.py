"""What it costs to record glimpses of a network while it trains, as a share of the training without.

    python -m benchmarks.watching_cost [--rounds 7] [--network mlp-300 lenet-5] [--core 0]

Each round trains the same run twice in this process, pinned to one core: as a worker trains it, and without glimpses.
The rounds alternate in which comes first. Counted is the time of the processor from the first event to the last, so
that other work of the machine counts as little as possible; the seconds that went by are printed, too. Printed are
the medians of the rounds' ratios, and the share of a run's processor time that is spent in the recorder itself, which
hardly depends on what else the machine does. Needs the full MNIST under MNIST_LAB_DATA or data/.
"""

import argparse
import os
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time, thread_time

from benchmarks.machine import describe_machine, require_mnist
from mnist_core.config import RunConfig
from mnist_core.events import Event, RunFinished, RunStarted
from mnist_core.jobs import work
from mnist_core.jobs.watching import RunRecorder
from mnist_core.store import Store, glimpse_files
from mnist_core.training import allocation

# Epochs that take some seconds, so that a run has a dozen glimpses or more.
EPOCHS = {"mlp-300": 6, "lenet-5": 1}


@dataclass(frozen=True)
class Timed:
    """A training: seconds of the processor, of these in the recorder, seconds that went by, glimpses, their bytes."""

    busy: float
    recorder: float
    wall: float
    glimpses: int
    size: int


def train(config: RunConfig, folder: Path, *, watched: bool) -> Timed:
    """Train a new run in the store of `folder`."""
    store = Store.open(folder)
    run = store.enqueue(config, claimed=True)
    begun = ended = (0.0, 0.0)
    _spent.clear()
    for event in work(store, run, watched=watched):
        if isinstance(event, RunStarted):
            begun = process_time(), perf_counter()
        elif isinstance(event, RunFinished):
            ended = process_time(), perf_counter()
    path = glimpse_files.recording_path(store.folder(run.id))
    count, size = (len(glimpse_files.read_recording(path)), path.stat().st_size) if path else (0, 0)
    return Timed(ended[0] - begun[0], sum(_spent), ended[1] - begun[1], count, size)


# Seconds of the processor that each call of the recorder took in the run under way.
_spent: list[float] = []


def _count_recorder() -> None:
    """Let the recorder note what each of its calls between two steps takes."""
    see = RunRecorder.see

    def timed_see(self: RunRecorder, event: Event) -> None:
        began = thread_time()
        see(self, event)
        _spent.append(thread_time() - began)

    RunRecorder.see = timed_see


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--network", nargs="+", choices=list(EPOCHS), default=list(EPOCHS))
    parser.add_argument("--core", type=int, default=0)
    options = parser.parse_args()
    require_mnist()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {options.core})
    allocation.keep_large_tensors()
    _count_recorder()
    print(describe_machine(), f"1 thread on core {options.core}, {options.rounds} rounds")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.network:
            config = RunConfig(architecture=name, epochs=EPOCHS[name], threads=1)
            # The first run of a process imports what later ones have.
            train(config.replace(train_images=2000, epochs=1), Path(folder), watched=True)
            rounds: list[tuple[Timed, Timed]] = []
            for number in range(options.rounds):
                order = (True, False) if number % 2 else (False, True)
                timed = {watched: train(config, Path(folder), watched=watched) for watched in order}
                rounds.append((timed[True], timed[False]))
                print(f"  {name}: {timed[True]}, without {timed[False].busy:.2f} s", flush=True)
            print(_line(name, rounds), flush=True)


def _line(name: str, rounds: list[tuple[Timed, Timed]]) -> str:
    busy = statistics.median(watched.busy / plain.busy for watched, plain in rounds)
    wall = statistics.median(watched.wall / plain.wall for watched, plain in rounds)
    direct = statistics.median(watched.recorder / (watched.busy - watched.recorder) for watched, _ in rounds)
    seconds = statistics.median(plain.busy for _, plain in rounds)
    glimpses = statistics.median(watched.glimpses for watched, _ in rounds)
    return (
        f"{name}: {100 * (busy - 1):+.2f} % of the processor's time ({seconds:.2f} s without), "
        f"{100 * (wall - 1):+.2f} % of the seconds that went by, {100 * direct:.2f} % in the recorder itself, "
        f"{glimpses:.0f} glimpses"
    )


if __name__ == "__main__":
    main()
