"""The bytes of many first visits to the app with access control."""

import tempfile
from pathlib import Path

from benchmarks.page_weight import fill_store, open_page
from mnist_core.store import Store, name_person, read_people
from tests.app_process import app_process, entry_cookie, free_port
from tests.browser import chromium


def visits(count: int) -> int:
    """Open the Train page so many times, each with a cookie of its own and an empty cache; returns the bytes."""
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        results, port = Path(name) / "results", free_port()
        fill_store(results)
        store, total = Store.open(results), 0
        with app_process(results, port, env={"MNIST_LAB_ACCESS": "on"}):
            for number in range(count):
                cookie = entry_cookie(port, results)
                name_person(store, read_people(store, "student")[-1].id, f"Student {number + 1}")
                total += open_page(browser, f"http://127.0.0.1:{port}/train", cookie).wire
    print(f"{count} first visits to Train: {total / 1e6:.1f} MB, {total / count / 1e6:.2f} MB each (30: below 60 MB)")
    return total
