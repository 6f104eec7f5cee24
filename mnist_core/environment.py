"""The only place that reads environment variables: where data and results lie, and who may reach the app."""

import os
from pathlib import Path
from urllib.parse import quote

_IN_PATHS = "".join(chr(code) for code in range(32, 127) if chr(code) not in "%?")
_ROOT = Path(__file__).resolve().parent.parent


def data_dir() -> Path:
    """Root of the data sets in torchvision's layout: `MNIST_LAB_DATA`, or `data/` beside the app."""
    return Path(os.environ.get("MNIST_LAB_DATA") or _ROOT / "data").expanduser().resolve()


def results_dir() -> Path:
    """Folder of the runs: `MNIST_LAB_RESULTS`, or `results/` beside the app."""
    return Path(os.environ.get("MNIST_LAB_RESULTS") or _ROOT / "results").expanduser().resolve()


def database_url() -> str:
    """SQLAlchemy URL of the runs' database: `MNIST_LAB_DATABASE`, or `runs.db` in the results folder."""
    return os.environ.get("MNIST_LAB_DATABASE") or sqlite_url(results_dir() / "runs.db")


def sqlite_url(path: Path) -> str:
    """SQLAlchemy URL of the SQLite database in this file; in it % and ? would have a meaning of their own."""
    return f"sqlite:///{quote(str(path), safe=_IN_PATHS)}"


def allowed_hosts() -> tuple[str, ...]:
    """Names and addresses, with or without a port, at which the app answers too: `MNIST_LAB_HOSTS`, by commas."""
    return _listed("MNIST_LAB_HOSTS")


def allowed_origins() -> tuple[str, ...]:
    """Public origins whose pages may use the app, such as https://lab.example.org: `MNIST_LAB_ORIGINS`, by commas."""
    return _listed("MNIST_LAB_ORIGINS")


def _listed(variable: str) -> tuple[str, ...]:
    return tuple(text.strip() for text in os.environ.get(variable, "").split(",") if text.strip())
