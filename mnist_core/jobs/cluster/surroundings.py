"""What travels with every task, because workers of Ray inherit the environment of their node and not the app's."""

import hashlib
import os
from dataclasses import dataclass
from functools import cache

from sqlalchemy import make_url

from mnist_core import environment
from mnist_core.store import Store

_DATA = "MNIST_LAB_DATA"
# All machines of a cluster work in one folder, through a group.
_UMASK = 0o007


@dataclass(frozen=True)
class Surroundings:
    """The store, and every setting of the app's environment."""

    folder: str
    url: str
    variables: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, store: Store) -> "Surroundings":
        """Those of the process that has this store."""
        folders = {
            _DATA: str(environment.data_dir()),
            "MNIST_LAB_RESULTS": str(store.root),
            "MNIST_LAB_DATABASE": store.url,
        }
        variables = environment.lab_variables() | folders
        return cls(str(store.root), store.url, tuple(sorted(variables.items())))

    @property
    def dispatcher(self) -> str:
        """The name under which the dispatcher of this store is found on the cluster."""
        text = f"{make_url(self.url)} {self.folder}"
        return f"dispatcher-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def enter(self) -> Store:
        """Make them those of this process, and open the store. Raises StorageError."""
        share_files()
        data_folder = os.environ.get(_DATA)
        os.environ.update(self.variables)
        if data_folder is not None:
            # The data sets may lie elsewhere on this machine.
            os.environ[_DATA] = data_folder
        return _opened(self.url, self.folder)


def share_files() -> None:
    """Let the group of all machines write what this process makes."""
    os.umask(_UMASK)


@cache
def _opened(url: str, folder: str) -> Store:
    # Never a new database: a folder that is not mounted is not where the run was queued.
    return Store(environment.full_path(folder, "MNIST_LAB_RESULTS"), url, only_look=True)
