"""How long a new lab takes from its start to the result of its first network, in a real browser on the real app.

    python -m benchmarks.first_minute [--times 5]

Each time the app starts on an empty store, and a browser that already runs opens it with an empty cache, presses
"Teach a computer to read digits" as soon as it can, and waits until the result with its link "See its mistakes" has
come. Printed are the seconds from starting the app until it answers, until the page is drawn and its button can be
pressed, and until the result stands on the page: median and range. The network learns the full MNIST if it is under
MNIST_LAB_DATA or data/, otherwise mnist-5k.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser

from benchmarks.machine import describe_machine, require_mnist
from mnist_core.store import Store
from tests.app_process import running_app
from tests.browser import chromium

_PATIENCE_MS = 300_000


@dataclass(frozen=True)
class FirstMinute:
    """Seconds from starting the app, what the network learned from, and its test accuracy."""

    answers: float
    page: float
    result: float
    dataset: str
    accuracy: float | None


def measure(browser: Browser, env: Mapping[str, str] | None = None) -> FirstMinute:
    """Start the app on an empty store, and teach its first network; `env` is set for the app."""
    with tempfile.TemporaryDirectory() as name:
        results, began = Path(name) / "results", time.monotonic()
        with running_app(results, env=env) as url, browser.new_context() as context:
            answers = time.monotonic() - began
            context.set_default_timeout(_PATIENCE_MS)
            page = context.new_page()
            page.goto(url)
            button = page.get_by_role("button", name="Teach a computer to read digits")
            # Tries the click without doing it, until it would reach the button.
            button.click(trial=True)
            opened = time.monotonic() - began
            button.click()
            page.get_by_role("link", name="See its mistakes").wait_for()
            result = time.monotonic() - began
            run = Store.open(results).find("1")
    return FirstMinute(answers, opened, result, run.config.dataset, run.test_accuracy)


def describe(measured: list[FirstMinute]) -> str:
    """One line for each station: median and range."""
    lines = []
    for what, name in (("answers", "the app answers"), ("page", "the page is open"), ("result", "first result")):
        seconds = [getattr(minute, what) for minute in measured]
        lines.append(f"{name:<18}{statistics.median(seconds):6.1f} s ({min(seconds):.1f} to {max(seconds):.1f})")
    return "\n".join(lines)


def _line(one: FirstMinute) -> str:
    accuracy = "none" if one.accuracy is None else f"{one.accuracy:.2%}"
    seconds = f"{one.answers:.1f}, {one.page:.1f} and {one.result:.1f} s"
    return f"  {seconds}; {one.dataset}, test accuracy {accuracy}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    require_mnist()
    print(describe_machine(), f"load average {os.getloadavg()[0]:.1f} before", flush=True)
    measured: list[FirstMinute] = []
    with chromium() as browser:
        for _ in range(options.times):
            measured.append(measure(browser))
            print(_line(measured[-1]), flush=True)
    print(describe(measured))


if __name__ == "__main__":
    main()
