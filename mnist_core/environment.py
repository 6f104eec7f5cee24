"""Settings from environment variables: folders, where runs are trained, who may reach the app, limits.

Only what concerns torch and the cluster reads environment variables elsewhere.
"""

import os
from pathlib import Path
from urllib.parse import quote

from platformdirs import user_data_path

from mnist_core.errors import PathError

# What a database on a server and a cluster need beside requirements.txt.
CLUSTER_REQUIREMENTS = "requirements-cluster.txt"
_IN_PATHS = "".join(chr(code) for code in range(32, 127) if chr(code) not in "%?")
_ABOVE_PACKAGE = Path(__file__).resolve().parent.parent


def checkout() -> Path | None:
    """Root of the repository that this package is run from; None where it was installed like any other package."""
    return _ABOVE_PACKAGE if (_ABOVE_PACKAGE / "app.py").is_file() else None


def data_dir() -> Path:
    """Root of the data sets in torchvision's layout: `MNIST_LAB_DATA`, or `data/`. Raises PathError.

    `data/` lies in the checkout, or in the user's data folder if the package is installed.
    """
    return _folder("MNIST_LAB_DATA", "data")


def results_dir() -> Path:
    """Folder of the runs: `MNIST_LAB_RESULTS`, or `results/`, which lies where `data/` does. Raises PathError."""
    return _folder("MNIST_LAB_RESULTS", "results")


def database_url() -> str:
    """SQLAlchemy URL of the runs' database: `MNIST_LAB_DATABASE`, or `runs.db` in the results folder."""
    return os.environ.get("MNIST_LAB_DATABASE") or sqlite_url(results_dir() / "runs.db")


def store_settings() -> tuple[str, str]:
    """The texts that `results_dir` and `database_url` are made of; those look at the disk each time, this does not."""
    return os.environ.get("MNIST_LAB_RESULTS", ""), os.environ.get("MNIST_LAB_DATABASE", "")


def cluster_address() -> str:
    """Address of the Ray cluster that trains queued runs, or "auto": `MNIST_LAB_CLUSTER`; "" to train them here."""
    return os.environ.get("MNIST_LAB_CLUSTER", "").strip()


def folder_mode() -> int:
    """Permissions of the results folder: only for its owner, or on a cluster also for the group of all machines."""
    return 0o2770 if cluster_address() else 0o700


def lab_variables() -> dict[str, str]:
    """All variables of this environment that belong to this program."""
    return {name: value for name, value in os.environ.items() if name.startswith("MNIST_LAB_")}


def sqlite_url(path: Path) -> str:
    """SQLAlchemy URL of the SQLite database in this file; % and ? are escaped, since they have a meaning in URLs."""
    return f"sqlite:///{quote(str(path), safe=_IN_PATHS)}"


def allowed_hosts() -> tuple[str, ...]:
    """Further names and addresses at which the app answers: `MNIST_LAB_HOSTS`, separated by commas, port optional."""
    return _listed("MNIST_LAB_HOSTS")


def allowed_origins() -> tuple[str, ...]:
    """Public origins whose pages may use the app, such as https://lab.example.org: `MNIST_LAB_ORIGINS`, with commas."""
    return _listed("MNIST_LAB_ORIGINS")


def access_setting() -> str:
    """Whether the app asks for a link on this machine, too: `MNIST_LAB_ACCESS`, "on" or, if there is none, ""."""
    return os.environ.get("MNIST_LAB_ACCESS", "").strip()


def replaced_limit(variable: str) -> str:
    """The environment's text for a limit (`limits.ADJUSTABLE_LIMITS`), as it was written; "" if there is none."""
    return os.environ.get(variable, "").strip()


def full_path(text: str, field: str) -> Path:
    """The full path of what a person has typed, in which ~ and ~name are home directories.

    Raises PathError that names the `field` if there is no such user, or no path can be made of the text.
    """
    try:
        return Path(text).expanduser().resolve()
    except RuntimeError:
        reason = "names a user whom this machine does not know, or links that go round in a circle"
    except (OSError, ValueError):
        reason = "is not a path"
    raise PathError(f"{field}: {text[:200]!r} {reason}. Give the full path of a folder, such as /home/me/lab.")


def _folder(variable: str, name: str) -> Path:
    return full_path(os.environ.get(variable) or str(_home() / name), variable)


def _home() -> Path:
    # What was installed as a package lies where a user may not write, and where an upgrade deletes it.
    return checkout() or user_data_path("mnist-lab", appauthor=False)


def _listed(variable: str) -> tuple[str, ...]:
    return tuple(text.strip() for text in os.environ.get(variable, "").split(",") if text.strip())
