"""How fast training is beside an earlier commit, with the same numbers or not.

    python -m benchmarks.beside_commit COMMIT [--rounds 5] [--work mlp-300 cnn-150-64 ...] [--images 60000]

Each round trains the same run in a worker process of the earlier commit and in one of this checkout, each pinned to one
core, with metrics stored and checkpoints written; the rounds alternate, and the one that begins changes. Printed are
the medians of seconds and of the ratios, the peak of memory, and whether both ended with the same weights.
Needs the full MNIST under MNIST_LAB_DATA or data/.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine, require_mnist
from mnist_core import environment

ROOT = Path(__file__).resolve().parent.parent

_DEEP = {"architecture": "flatten linear(512) relu linear(256) relu linear(128) relu linear(64) relu linear(classes)"}
_EXAMPLE = {
    "architecture": "conv(32, 3) relu conv(64, 3) relu maxpool(2) dropout(0.25) flatten linear(128) relu dropout(0.5) "
    "linear(classes)",
    "optimizer": "adam",
}
_CNN = {"architecture": "cnn-150-64", "optimizer": "sgd", "learning_rate": 0.01, "momentum": 0.95, "batch_size": 50}
_HALF = {"precision": "bfloat16"}
# Changes of RunConfig's defaults, and the share of the images that is enough.
WORK: dict[str, tuple[dict[str, Any], float]] = {
    "mlp-300": ({"architecture": "mlp-300"}, 1.0),
    "mlp-2000": ({"architecture": "mlp-2000"}, 0.25),
    "deep": (_DEEP | {"optimizer": "sgd", "learning_rate": 0.01, "momentum": 0.9}, 0.5),
    "mlp-300-bf16": ({"architecture": "mlp-300"} | _HALF, 1.0),
    "deep-bf16": (_DEEP | {"optimizer": "sgd", "learning_rate": 0.01, "momentum": 0.9} | _HALF, 0.5),
    "784-10": ({"architecture": "softmax", "optimizer": "sgd", "learning_rate": 0.05, "batch_size": 12}, 1.0),
    "example": (_EXAMPLE, 0.1),
    "example-bf16": (_EXAMPLE | _HALF, 0.1),
    "cnn-150-64": (_CNN, 0.05),
    "cnn-150-64-bf16": (_CNN | _HALF, 0.05),
}
# Runs in either checkout: a worker of that commit trains, and this says what it did.
_PROGRAM = """
import hashlib, json, os, sys, time
from mnist_core.config import RunConfig
from mnist_core.jobs.worker_process import WorkerProcess
from mnist_core.store import Store
from mnist_core.training import checkpoints

store = Store.open()
run = store.enqueue(RunConfig(**json.loads(sys.argv[1])), claimed=True)
worker = WorkerProcess(store)
# All threads that it will have; this process waits on another core.
os.sched_setaffinity(worker.process.pid, {int(sys.argv[2])})
while not worker.ready:
    assert worker.ended() is None
    time.sleep(0.05)
worker.hand(run, "")
while store.run(run.id).active:
    assert worker.ended() is None
    time.sleep(0.05)
status = open(f"/proc/{worker.process.pid}/status").read()
worker.close()
run = store.run(run.id)
assert run.state == "finished", run.note
last = store.artifacts(run.id, kind="checkpoint")[-1]
weights = checkpoints.load_checkpoint(store.folder(run.id) / last.path, weights_only=True).weights()
digest = hashlib.sha256(b"".join(value.numpy().tobytes() for value in weights.values()))
peak = int(status.split("VmHWM:")[1].split()[0])
print(json.dumps({"seconds": run.seconds, "megabytes": peak / 1024, "weights": digest.hexdigest()}))
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", nargs="+", choices=list(WORK), default=list(WORK))
    parser.add_argument("--images", type=int, default=60_000, help="of the 60,000; fewer is quicker")
    parser.add_argument("--core", type=int, default=0)
    options = parser.parse_args()
    require_mnist()
    print(describe_machine(), f"core {options.core}, {options.rounds} rounds, before: {options.commit}")
    with tempfile.TemporaryDirectory() as folder:
        before = Path(folder) / "before"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(before), options.commit], check=True)
        try:
            for name in options.work:
                changes, share = WORK[name]
                images = max(10, int(options.images * share)) if options.images * share < 60_000 else None
                config = {"epochs": 1, "validation_images": 0, "threads": 1, "train_images": images} | changes
                rounds = [_round(before, config, options.core, number) for number in range(options.rounds)]
                print(_line(name, rounds), flush=True)
        finally:
            subprocess.run([*git, "remove", "--force", str(before)], check=True)


def _round(before: Path, config: dict[str, Any], core: int, number: int) -> dict[str, dict[str, Any]]:
    order = [("before", before), ("now", ROOT)]
    return {name: train(folder, config, core) for name, folder in (order if number % 2 else order[::-1])}


def train(checkout: Path, config: dict[str, Any], core: int) -> dict[str, Any]:
    """Seconds, megabytes and a hash of the weights of a run that a worker of this checkout trains."""
    with tempfile.TemporaryDirectory() as results:
        surroundings = os.environ | {
            "MNIST_LAB_DATA": str(environment.data_dir()),
            "MNIST_LAB_RESULTS": results,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join([str(checkout), os.environ.get("PYTHONPATH", "")]),
        }
        ended = subprocess.run(
            [sys.executable, "-c", _PROGRAM, json.dumps(config), str(core)],
            cwd=checkout,
            env=surroundings,
            check=True,
            capture_output=True,
        )
    return json.loads(ended.stdout)


def _line(name: str, rounds: list[dict[str, dict[str, Any]]]) -> str:
    medians = {
        (when, what): statistics.median(each[when][what] for each in rounds)
        for when in ("before", "now")
        for what in ("seconds", "megabytes")
    }
    ratios = sorted(each["before"]["seconds"] / each["now"]["seconds"] for each in rounds)
    same = all(each["before"]["weights"] == each["now"]["weights"] for each in rounds)
    return (
        f"{name}: {medians['before', 'seconds']:.2f} s before, {medians['now', 'seconds']:.2f} s now, "
        f"{statistics.median(ratios):.2f} times as fast ({ratios[0]:.2f} to {ratios[-1]:.2f}); "
        f"{medians['before', 'megabytes']:.0f} and {medians['now', 'megabytes']:.0f} MB at most; "
        f"weights {'equal' if same else 'differ'}"
    )


if __name__ == "__main__":
    main()
