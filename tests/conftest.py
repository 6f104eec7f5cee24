"""What all tests share: their own results folder, the real MNIST where it is found, and the browser."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parent.parent
# Read before `own_lab` hides it: tests must not depend on what lies on the developer's machine.
REAL_DATA = Path(os.environ.get("MNIST_LAB_DATA") or ROOT / "data")
REQUIRED = bool(os.environ.get("MNIST_LAB_REQUIRE"))  # in CI a missing browser or MNIST fails instead of skipping


def _missing(what: str) -> None:
    if REQUIRED:
        pytest.fail(f"{what} is required here (MNIST_LAB_REQUIRE is set)")
    pytest.skip(f"{what} was not found")


@pytest.fixture(autouse=True)
def own_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A results folder and an empty data folder of the test's own: never the person's."""
    monkeypatch.setenv("MNIST_LAB_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("MNIST_LAB_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("MNIST_LAB_DATABASE", raising=False)
    return tmp_path / "results"


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """Root of the full MNIST in torchvision's layout."""
    if not (REAL_DATA / "MNIST" / "raw" / "train-images-idx3-ubyte").exists():
        _missing("the full MNIST (MNIST_LAB_DATA or data/)")
    return REAL_DATA


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright

    from tests.browser import ARGUMENTS, executable

    path = executable()
    if path is None:
        _missing("a browser (python -m tests.browser --install)")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def serve(own_lab: Path) -> Iterator[Callable[..., str]]:
    """Start a Streamlit script as its own process and return its URL: `serve(script, {"NAME": "value"})`."""
    started: list[subprocess.Popen[bytes]] = []

    def start(script: Path = ROOT / "app.py", env: dict[str, str] | None = None) -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(script),
            "--server.port",
            str(port),
            "--server.headless",
            "true",
        ]
        own_lab.mkdir(parents=True, exist_ok=True)
        with (own_lab / "app.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=os.environ | (env or {}))
        started.append(process)
        url = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                    return url
            except OSError:
                assert process.poll() is None, (own_lab / "app.log").read_text()
                time.sleep(0.1)
        raise AssertionError("the app did not start within 30 s")

    yield start
    for process in started:
        process.terminate()
    for process in started:
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
