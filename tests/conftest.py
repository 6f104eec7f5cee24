"""What all tests share: their own results folder, the real MNIST where it is found, and the browser."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache, wraps
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner

from dashboard.frame import store as frame_store
from mnist_core.data.download.availability import Download, dataset_status
from mnist_core.store.store import Store
from tests.app_process import ROOT, running_app
from tests.blank_files import write_blank_files
from tests.postgres_server import PostgresServer, programs, temporary_server

os.environ.setdefault("OMP_NUM_THREADS", "1")
# Read this before `own_lab` replaces the variable: tests must not depend on files of the developer's machine.
REAL_DATA = Path(os.environ.get("MNIST_LAB_DATA") or ROOT / "data")
# With this variable (as in CI) a missing browser or MNIST fails the test instead of skipping it.
REQUIRED = bool(os.environ.get("MNIST_LAB_REQUIRE"))
# "postgres" runs the chosen tests on a server instead of on files of SQLite (`make test-all`).
ON_SERVER = os.environ.get("MNIST_LAB_TEST_DATABASE") == "postgres"
# What a browser is waited for, in milliseconds. A wait ends as soon as its condition holds, so only a machine that is
# busy with other work ever waits so long.
PATIENCE_MS = 240_000

Prepare = Callable[[Store], object]


def missing(what: str) -> None:
    """Skip the test, or fail where everything is required."""
    if REQUIRED:
        pytest.fail(f"{what} is required here (MNIST_LAB_REQUIRE is set)")
    pytest.skip(f"{what} was not found")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On a server, leave out the tests of what only SQLite has: its file, and damage in it."""
    left_out = [item for item in items if ON_SERVER and item.get_closest_marker("sqlite")]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL server of this test process."""
    if programs() is None:
        missing("a PostgreSQL server (python -m tests.postgres_server --install)")
    with temporary_server() as server:
        yield server


@pytest.fixture(autouse=True)
def own_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The test's own results folder and an empty data folder, so that a test never touches a person's files."""
    monkeypatch.setenv("MNIST_LAB_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("MNIST_LAB_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("MNIST_LAB_DATABASE", raising=False)
    if not ON_SERVER:
        yield tmp_path / "results"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    prepare = getattr(request.module, "prepare", None)
    database = server.new_database(*[request.getfixturevalue("prepared_databases")(prepare)] if prepare else [])
    monkeypatch.setenv("MNIST_LAB_DATABASE", server.url(database))
    yield tmp_path / "results"
    server.drop(database)


@pytest.fixture(scope="session", autouse=True)
def installed_components() -> None:
    """Let Streamlit look through the installed packages once instead of for each page: it takes half a second."""
    manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)


@pytest.fixture(scope="session")
def prepared_folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Prepare], Path]:
    """Gives the results folder that a function `prepare(store)` has filled; each function is called only once."""
    return cache(lambda prepare: _filled(tmp_path_factory.mktemp("prepared") / "results", prepare))


@pytest.fixture(scope="session")
def prepared_databases(
    postgres: PostgresServer, prepared_folders: Callable[[Prepare], Path]
) -> Callable[[Prepare], str]:
    """On a server, the name of the database that belongs to a folder of `prepared_folders`."""
    return cache(lambda prepare: _prepared_database(postgres, prepared_folders(prepare), prepare))


def _prepared_database(server: PostgresServer, folder: Path, prepare: Prepare) -> str:
    database = server.new_database()
    shutil.rmtree(folder)
    store = Store(folder, server.url(database))
    prepare(store)
    # Nobody may have it open while it is copied.
    store.engine.dispose()
    return database


def _filled(folder: Path, prepare: Prepare) -> Path:
    prepare(Store.open(folder))
    return folder


@pytest.fixture
def store(request: pytest.FixtureRequest, own_lab: Path, prepared_folders: Callable[[Prepare], Path]) -> Store:
    """The test's own store: a copy of what the test file's `prepare(store)` has put in, or an empty one."""
    prepare = getattr(request.module, "prepare", None)
    if prepare is not None:
        shutil.copytree(prepared_folders(prepare), own_lab)
    return Store.open()


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """No background process, no download, no cache from another test; counts the calls that wake the jobs."""
    calls = SimpleNamespace(woken=0)

    def wake() -> None:
        calls.woken += 1

    monkeypatch.setattr(frame_store.jobs, "start", lambda store: SimpleNamespace(wake=wake))
    monkeypatch.setattr(
        frame_store, "ensure_downloaded", lambda name, root: Download(dataset_status(name, root), root, ())
    )
    monkeypatch.setattr(frame_store, "_WARM_UP_SECONDS", 3600.0)
    st.cache_resource.clear()
    st.cache_data.clear()
    yield calls
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """Root of the full MNIST in torchvision's layout."""
    if not (REAL_DATA / "MNIST" / "raw" / "train-images-idx3-ubyte").exists():
        missing("the full MNIST (MNIST_LAB_DATA or data/)")
    return REAL_DATA


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """A headless Chromium."""
    from playwright.sync_api import Browser, expect

    from tests.browser import chromium, executable

    if executable() is None:
        missing("a browser (python -m tests.browser --install)")
    expect.set_options(timeout=PATIENCE_MS)
    with chromium() as running, pytest.MonkeyPatch.context() as patch:
        for name in ("new_page", "new_context"):
            patch.setattr(Browser, name, _patient(getattr(Browser, name)))
        yield running


def _patient(create: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, whose pages wait longer than Playwright's half a minute."""

    @wraps(create)
    def created(*arguments: Any, **options: Any) -> Any:
        page_or_context = create(*arguments, **options)
        page_or_context.set_default_timeout(PATIENCE_MS)
        return page_or_context

    return created


@pytest.fixture
def serve(own_lab: Path) -> Iterator[Callable[..., str]]:
    """Start a Streamlit script as its own process and return its URL: `serve(script, {"NAME": "value"})`.

    With `mnist` there are blank files of MNIST. Without them a server begins to download MNIST at once, which costs
    seconds of the processor.
    """
    with ExitStack() as running:

        def start(script: Path = ROOT / "app.py", env: dict[str, str] | None = None, *, mnist: bool = True) -> str:
            if mnist and "MNIST_LAB_DATA" not in (env or {}):
                write_blank_files("mnist", Path(os.environ["MNIST_LAB_DATA"]))
            return running.enter_context(running_app(own_lab, script, env))

        yield start
