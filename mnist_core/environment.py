"""The only place that reads environment variables: where data and results lie."""

import os
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent


def data_dir() -> Path:
    """Root of the data sets in torchvision's layout: `MNIST_LAB_DATA`, or `data/` beside the app."""
    return Path(os.environ.get("MNIST_LAB_DATA") or _ROOT / "data").expanduser().resolve()


def results_dir() -> Path:
    """Folder of the runs: `MNIST_LAB_RESULTS`, or `results/` beside the app."""
    return Path(os.environ.get("MNIST_LAB_RESULTS") or _ROOT / "results").expanduser().resolve()


def database_url() -> str:
    """SQLAlchemy URL of the runs' database: `MNIST_LAB_DATABASE`, or `runs.db` in the results folder."""
    return os.environ.get("MNIST_LAB_DATABASE") or f"sqlite:///{results_dir() / 'runs.db'}"
