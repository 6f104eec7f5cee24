"""The proxy before two apps, with the guide's file; `python -m tests.haproxy --install` fetches Debian's HAProxy."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.app_process import ROOT, server_answers, wait_until
from tests.debian import install_packages, may_install

_FILE = ROOT / "docs/guide/two-apps-haproxy.cfg"


def program() -> str | None:
    """Path of HAProxy, which Debian puts where only root looks; None if there is none."""
    return shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextmanager
def proxy(port: int, first: int, second: int) -> Iterator[str]:
    """Hand on what arrives at this port to the apps at two others; gives the URL."""
    command = program()
    assert command
    ports = {"LAB_BIND": port, "LAB_NAME": port, "LAB_FIRST": first, "LAB_SECOND": second}
    variables = {name: f"127.0.0.1:{number}" for name, number in ports.items()}
    process = subprocess.Popen([command, "-db", "-q", "-f", str(_FILE)], env=os.environ | variables)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: server_answers(url))
        yield url
    finally:
        process.terminate()
        process.wait()


def install() -> None:
    """Fetch Debian's package where we may."""
    if program() is None and may_install():
        install_packages("haproxy")


if __name__ == "__main__":
    if "--install" in sys.argv:
        install()
    print(program() or "no HAProxy found")
