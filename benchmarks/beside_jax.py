"""How fast training is beside JAX: jit and scan over a whole epoch, all images in memory, optax.

    pip install -r requirements-jax.txt
    python -m benchmarks.beside_jax [--rounds 5] [--work mlp-300 mlp-2000 deep 784-10 784-10-x18 mlp-300-bf16 deep-bf16]

Each round trains the same network here, in a worker with metrics stored and checkpoints written, and in JAX, which
records nothing and gets its order of images ready-made; each in a process pinned to the same core, in turn. JAX
computes in float32 beside either precision here. In 784-10-x18, 18 seeds are trained together, each with an order of
its own: here as for a question of luck, in JAX by vmap; nothing is recorded of them.
Printed are the medians of seconds an epoch, and of JAX's divided by those here.
Needs the full MNIST under MNIST_LAB_DATA or data/.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from benchmarks.beside_commit import ROOT, WORK, train
from benchmarks.machine import describe_machine, require_mnist
from mnist_core import environment
from mnist_core.architectures import architecture_line, infer_nodes
from mnist_core.config import RunConfig

_CHOICES = ["mlp-300", "mlp-2000", "deep", "784-10", "784-10-x18", "mlp-300-bf16", "deep-bf16"]
_EPOCHS = 3
_PROGRAM = """
import json, sys, time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

from mnist_core.config import RunConfig
from mnist_core.data import load_data

wanted = json.loads(sys.argv[1])
data = load_data(RunConfig(validation_images=0), Path(sys.argv[2]), "cpu").train
images = jnp.asarray(data.images.numpy().reshape(len(data.labels), -1))
labels = jnp.asarray(data.labels.numpy())
random = np.random.default_rng(0)
sides = list(zip(wanted["widths"], wanted["widths"][1:]))
matrices = [random.normal(size=side).astype(np.float32) / np.sqrt(side[0]) for side in sides]
weights = [(matrix, np.zeros(matrix.shape[1], np.float32)) for matrix in matrices]
rate = wanted["learning_rate"]
optimizer = optax.adam(rate) if wanted["optimizer"] == "adam" else optax.sgd(rate, wanted["momentum"] or None)


def loss(weights, batch, target):
    flow = batch
    for matrix, bias in weights[:-1]:
        flow = jax.nn.relu(flow @ matrix + bias)
    logits = flow @ weights[-1][0] + weights[-1][1]
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), target[:, None], 1))


def step(carried, chosen):
    weights, state = carried
    batch = images[chosen].astype(jnp.float32) * (1 / (255 * 0.3081)) - 0.1307 / 0.3081
    value, gradient = jax.value_and_grad(loss)(weights, batch, labels[chosen])
    changes, state = optimizer.update(gradient, state, weights)
    return (optax.apply_updates(weights, changes), state), value


@jax.jit
def epoch(carried, order):
    return jax.lax.scan(step, carried, order)


size = wanted["batch_size"]
def new_order():
    return random.permutation(len(labels))[: len(labels) // size * size].reshape(-1, size)


carried, seconds, seeds = (weights, optimizer.init(weights)), [], wanted["seeds"]
if seeds > 1:
    carried = jax.tree.map(lambda value: jnp.stack([jnp.asarray(value)] * seeds), carried)
    epoch = jax.jit(jax.vmap(epoch))
for _ in range(wanted["epochs"] + 1):
    order = jnp.asarray(np.stack([new_order() for _ in range(seeds)]) if seeds > 1 else new_order())
    began = time.perf_counter()
    carried, losses = epoch(carried, order)
    last = float(losses.ravel()[-1])
    seconds.append(time.perf_counter() - began)
assert np.isfinite(last)
# The first epoch was compiled.
print(sum(seconds[1:]) / wanted["epochs"])
"""


_TOGETHER = """
import json, sys, time
from pathlib import Path

import torch

from mnist_core.config import RunConfig
from mnist_core.data import load_data
from mnist_core.training.kernels import denormals_flushed
from mnist_core.training.stacked import SeedGroup

torch.set_num_threads(1)
config = RunConfig.parse(json.loads(sys.argv[1]))
data = load_data(config, Path(sys.argv[2]), "cpu")
group = SeedGroup(config, data, range(int(sys.argv[3])))
began = time.perf_counter()
with denormals_flushed(True):
    for _ in group.train():
        pass
print((time.perf_counter() - began) / config.epochs)
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", nargs="+", choices=_CHOICES, default=_CHOICES)
    parser.add_argument("--core", type=int, default=0)
    options = parser.parse_args()
    require_mnist()
    if not find_spec("jax"):
        sys.exit("JAX is not installed: pip install -r requirements-jax.txt")
    print(describe_machine(), f"JAX {version('jax')}, core {options.core}, {options.rounds} rounds")
    for name in options.work:
        single, _, together = name.partition("-x")
        seeds = int(together or 1)
        config = {"epochs": _EPOCHS, "validation_images": 0, "threads": 1} | WORK[single][0]
        seconds: dict[str, list[float]] = {"lab": [], "jax": []}
        for number in range(options.rounds):
            for side in ("lab", "jax") if number % 2 else ("jax", "lab"):
                seconds[side].append((_lab if side == "lab" else _jax)(config, options.core, seeds))
        ratios = sorted(jax / lab for lab, jax in zip(seconds["lab"], seconds["jax"], strict=True))
        print(
            f"{name}: {statistics.median(seconds['lab']):.3f} s an epoch here, "
            f"{statistics.median(seconds['jax']):.3f} s in JAX: {statistics.median(ratios):.2f} times JAX "
            f"({ratios[0]:.2f} to {ratios[-1]:.2f})",
            flush=True,
        )


def _lab(config: dict[str, Any], core: int, seeds: int) -> float:
    """Seconds of an epoch here, of all seeds together."""
    if seeds == 1:
        return train(ROOT, config, core)["seconds"] / _EPOCHS
    return _pinned(core, _TOGETHER, json.dumps(config), str(environment.data_dir()), str(seeds))


def _jax(config: dict[str, Any], core: int, seeds: int) -> float:
    """Seconds of an epoch in JAX, of all seeds together, without the epoch that it compiles."""
    run = RunConfig(**config)
    nodes = infer_nodes(architecture_line(run.architecture), (1, 28, 28), 10)
    widths = [784, *(node.output_shape[0] for node in nodes if node.kind.name == "linear")]
    chosen = {name: getattr(run, name) for name in ("optimizer", "learning_rate", "momentum", "batch_size", "epochs")}
    wanted = json.dumps(chosen | {"widths": widths, "seeds": seeds})
    return _pinned(core, _PROGRAM, wanted, str(environment.data_dir()))


def _pinned(core: int, program: str, *arguments: str) -> float:
    """The number that a Python program prints which runs on this core alone."""
    surroundings = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        check=True,
        capture_output=True,
        env=surroundings | {"OMP_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu"},
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    return float(ended.stdout)


if __name__ == "__main__":
    main()
