"""The Python API leaves what belongs to the caller's whole process as it was."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = """
import json, locale, logging, os, random, signal, sys, threading, warnings

import numpy as np
import pandas as pd
import plotly.io
import torch

from mnist_core import compare, load, plot, predict, train


def handler(number, frame):
    pass


def umask():
    value = os.umask(0o022)
    os.umask(value)
    return value


def process_wide():
    return {
        "threads": torch.get_num_threads(),
        "threads between operations": torch.get_num_interop_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "cudnn": [torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark],
        "precision of products": torch.get_float32_matmul_precision(),
        "default type": str(torch.get_default_dtype()),
        "gradients": torch.is_grad_enabled(),
        "random numbers of torch": torch.get_rng_state().sum().item(),
        "random numbers of numpy": int(np.random.get_state()[1].sum()) + np.random.get_state()[2],
        "random numbers of Python": hash(random.getstate()),
        "floating-point errors": np.geterr(),
        "handlers": [signal.getsignal(number) is handler for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)],
        "hooks": [sys.excepthook is sys.__excepthook__, threading.excepthook is threading.__excepthook__],
        "warnings": [str(entry) for entry in warnings.filters],
        "log": [logging.getLogger().level, len(logging.getLogger().handlers), logging.root.manager.disable],
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "umask": umask(),
        "niceness": os.nice(0),
        "locale": locale.setlocale(locale.LC_ALL),
        "template of plotly": plotly.io.templates.default,
        "options of pandas": [pd.get_option("display.max_rows"), pd.get_option("mode.chained_assignment")],
        "threads of Python": sorted(thread.name for thread in threading.enumerate() if not thread.daemon),
    }


# Values that the API does not choose by itself.
torch.set_num_threads(2)
torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = True, False
torch.use_deterministic_algorithms(False, warn_only=False)
for seed in (torch.manual_seed, np.random.seed, random.seed):
    seed(7)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, handler)
settings = {"dataset": "mnist-5k", "train_images": 500, "epochs": 1, "progress": False}
chosen = process_wide()
runs = [train(architecture="mlp-50", **settings), train(library="sklearn", architecture="softmax", **settings)]
actions = {
    "train": lambda: train(architecture="flatten linear(10) relu dropout(0.5) linear(classes)", seed=3, **settings),
    "train sklearn": lambda: train(library="sklearn", architecture="mlp-50", **settings),
    "load": lambda: load(runs[0]),
    "predict": lambda: predict(runs[0]),
    "compare": lambda: str(compare(*runs)),
    "plot": lambda: plot(*runs).to_json(),
}
# What is imported at the first use may add filters of warnings and variables of its own.
for act in actions.values():
    act()
before = process_wide()
changed = {}
for name, act in actions.items():
    act()
    after = process_wide()
    changed[name] = [key for key, value in after.items() if value != before[key]]
first = {key: chosen[key] for key in ("threads", "deterministic", "cudnn", "handlers")}
print(json.dumps([changed, first]))
"""


def test_every_function_leaves_the_process_as_it_was(tmp_path: Path):
    surroundings = os.environ | {"MNIST_LAB_RESULTS": str(tmp_path / "results")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    changed, first = json.loads(done.stdout.splitlines()[-1])
    assert set(changed) == {"train", "train sklearn", "load", "predict", "compare", "plot"}
    assert {name: keys for name, keys in changed.items() if keys} == {}
    assert first == {"threads": 2, "deterministic": False, "cudnn": [False, True], "handlers": [True] * 3}
