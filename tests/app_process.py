"""The real app as its own process, for end-to-end tests, benchmarks and screenshots."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def running_app(results: Path, script: Path = ROOT / "app.py", env: Mapping[str, str] | None = None) -> Iterator[str]:
    """Serve a Streamlit script with this results folder; gives its URL, and ends it afterwards."""
    port = free_port()
    with app_process(results, port, script, env):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def app_process(
    results: Path, port: int, script: Path = ROOT / "app.py", env: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Serve the script at this port; gives the process once the server answers."""
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    results.mkdir(parents=True, exist_ok=True)
    log = results / "app.log"
    surroundings = os.environ | {"MNIST_LAB_RESULTS": str(results)} | dict(env or {})
    with log.open("ab") as file:
        process = subprocess.Popen(
            [*command, "--server.headless", "true"], cwd=ROOT, stdout=file, stderr=file, env=surroundings
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}", process, log)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def entry_cookie(port: int, results: Path, role: str = "student") -> str:
    """Open the link for a role of an app with access control; gives "name=value" of the new person's cookie."""
    token = json.loads((results / "access.json").read_text())[role]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", f"/?token={token}")
    cookie = connection.getresponse().getheader("Set-Cookie")
    connection.close()
    assert cookie is not None, "the link let nobody in"
    return cookie.partition(";")[0]


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_until(condition: Callable[[], bool], seconds: float = 240) -> None:
    """Return as soon as the condition holds; fail after this many seconds, which suffice on a busy machine."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def server_answers(url: str) -> bool:
    """Whether a Streamlit server is there. With access control it asks who we are."""
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
            return True
    except urllib.error.HTTPError as error:
        return error.code == 401
    except OSError:
        return False


def _wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(1200):
        if server_answers(url):
            return
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(f"the app did not start within two minutes: {log.read_text()}")
