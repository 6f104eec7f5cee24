"""The real app with access control, as it is served to a class."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mnist_core.store.store import Store
from tests.app_process import app_process, free_port
from tests.blank_files import write_blank_files


@contextmanager
def gated_app(folder: Path) -> Iterator[tuple[int, Store]]:
    """Serve it with blank images, everything in this folder; gives its port and its store, and ends it afterwards."""
    results, port = folder / "results", free_port()
    write_blank_files("mnist", folder / "data")
    store = Store.open(results)
    with app_process(results, port, env={"MNIST_LAB_ACCESS": "on", "MNIST_LAB_DATA": str(folder / "data")}):
        yield port, store
