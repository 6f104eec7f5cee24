"""Which browser the end-to-end tests drive; `python -m tests.browser --install` fetches one if there is none."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.debian import install_packages, may_install

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Without these, Chromium uses the network at every start, which is slow where the network is closed.
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def executable() -> str | None:
    """Path of a Chromium: `MNIST_LAB_BROWSER`, one on the PATH, or Playwright's own; None if there is none."""
    named = os.environ.get("MNIST_LAB_BROWSER")
    path_found = named or next((path for name in NAMES if (path := shutil.which(name))), None)
    if path_found is None:
        with sync_playwright() as playwright:
            bundled = playwright.chromium.executable_path
        path_found = bundled if Path(bundled).exists() else None
    return path_found


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser for the thread that asks; Playwright's objects belong to one thread."""
    # Asked first, because Playwright cannot be asked within Playwright.
    path = executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


def install() -> None:
    """Make sure that there is a browser: Debian's package where we may, Playwright's own download elsewhere."""
    if executable():
        return
    if may_install():
        install_packages("chromium", "fonts-dejavu-core")
    else:
        subprocess.run([sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"], check=True)


if __name__ == "__main__":
    if "--install" in sys.argv:
        install()
    print(executable() or "no browser found")
