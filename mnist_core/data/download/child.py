"""The child process that downloads one data set: `python -m mnist_core.data.download.child NAME ROOT`.

It reports on its standard output, one JSON object a line: {"received": bytes} now and then, and at the end
{"state": "ready" | "unreachable" | "missing", "message": text}.
"""

import argparse
import contextlib
import errno
import http.client
import json
import os
import shutil
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mnist_core.config import DATASET_CATALOGUE, Dataset, dataset
from mnist_core.data.download.availability import PATIENCE, temporary_folder
from mnist_core.data.download.traffic import Traffic, probe_servers, watch_connections
from mnist_core.data.sources import read_published
from mnist_core.errors import DataError

# Error numbers that concern the disk, not the network.
_LOCAL = (errno.ENOSPC, errno.EACCES, errno.EPERM, errno.EROFS, errno.EDQUOT, errno.ENOTDIR, errno.EEXIST)
# Seconds between two reports of progress.
_REPORT_EVERY = 0.2


class UnreachableError(DataError):
    """The network or the server did not deliver the data set."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Download the data set that the arguments name; 0 if it is then ready, else 1."""
    parser = argparse.ArgumentParser(prog="python -m mnist_core.data.download.child", description=__doc__)
    parser.add_argument("name", choices=[name for name, entry in DATASET_CATALOGUE.items() if entry.torchvision])
    parser.add_argument("root", type=Path, help="the data folder")
    parser.add_argument("--mirror", action="append", default=[], help="ask this URL instead; may be repeated")
    parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds without a byte before giving up")
    chosen = parser.parse_args(arguments)
    try:
        download(chosen.name, chosen.root, chosen.mirror, chosen.patience)
    except UnreachableError as error:
        return _end("unreachable", str(error))
    except DataError as error:
        return _end("missing", str(error))
    return _end("ready", f"{dataset(chosen.name).label} is in {chosen.root}.")


def download(name: str, root: Path, mirrors: Sequence[str] = (), patience: float = PATIENCE) -> None:
    """Download, verify and only then move a data set into place below `root`.

    Ends the whole process if the network falls silent for `patience` seconds, because neither looking up a name
    nor torchvision's retries can be interrupted otherwise. Raises UnreachableError or, for what is wrong on this
    machine, DataError.
    """
    entry = dataset(name)
    # Probe the servers before importing torch, which takes seconds.
    asked, reason = probe_servers(mirrors or entry.mirrors, patience)
    if not asked:
        raise UnreachableError(
            f"{entry.label} cannot be downloaded: {reason}. Check the internet connection and try again, or use "
            "mnist-5k, which needs no download."
        )
    folder = temporary_folder(name, root, os.getpid())
    try:
        folder.mkdir(parents=True)
        traffic = Traffic()
        watch_connections(traffic)
        with _Watchdog(traffic, patience, lambda: _give_up(entry, traffic.server, patience, folder)):
            _fetch(entry, folder, asked)
        _verify(entry, folder)
        for file, _ in entry.files:
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            os.replace(folder / file, root / file)
    except OSError as error:
        if error.errno not in _LOCAL:
            raise UnreachableError(_failed(entry, error)) from None
        raise DataError(
            f"{root} cannot be written to ({error.strerror}). Make room or give another folder in MNIST_LAB_DATA."
        ) from None
    except (RuntimeError, http.client.HTTPException, EOFError, tarfile.TarError) as error:
        raise UnreachableError(_failed(entry, error)) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fetch(entry: Dataset, folder: Path, mirrors: Sequence[str]) -> None:
    """Let torchvision's own class download below `folder` and check its checksums."""
    from mnist_core.data.download.torchvision_ops import make_torchvision_importable

    make_torchvision_importable()
    from torchvision import datasets

    original = getattr(datasets, entry.torchvision)
    changed = _addresses(original, mirrors)
    # The subclass needs the same name, because torchvision names the directory after the class.
    changed_class = type(entry.torchvision, (original,), changed)
    # Some classes download only the part that they are asked for.
    for train in (True, False):
        changed_class(str(folder), train=train, download=True)


def _addresses(original: Any, mirrors: Sequence[str]) -> dict[str, Any]:
    """Attributes that make one of torchvision's classes download from these addresses."""
    if not hasattr(original, "mirrors"):
        return {"url": f"{mirrors[0]}{original.filename}"}
    if isinstance(original.resources, dict):
        # QMNIST's files have whole addresses, listed by split.
        return {
            "resources": {
                split: [(f"{mirrors[0]}{address.rsplit('/', 1)[1]}", digest) for address, digest in files]
                for split, files in original.resources.items()
            }
        }
    return {"mirrors": list(mirrors)}


def _verify(entry: Dataset, folder: Path) -> None:
    try:
        read_published(entry.name, folder)
    except DataError as error:
        raise UnreachableError(_failed(entry, error)) from None


class _Watchdog:
    """A thread that reports received bytes, and calls `give_up` once the network has been silent for too long."""

    def __init__(self, traffic: Traffic, patience: float, give_up: Callable[[], object]) -> None:
        self._traffic, self._patience, self._give_up = traffic, patience, give_up
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()
        _say({"received": self._traffic.received})

    def _run(self) -> None:
        reported, next_report = 0, 0.0
        while not self._over.wait(0.05):
            if self._traffic.silence() > self._patience:
                self._give_up()
            if self._traffic.received > reported and time.monotonic() >= next_report:
                reported, next_report = self._traffic.received, time.monotonic() + _REPORT_EVERY
                try:
                    _say({"received": reported})
                except BrokenPipeError:
                    # The parent process has ended, so nobody waits for the data set any more.
                    self._give_up()


def _give_up(entry: Dataset, server: str, patience: float, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(BrokenPipeError):
        _end("unreachable", _failed(entry, f"{server} has sent nothing for {patience:g} s"))
    os._exit(1)


def _failed(entry: Dataset, reason: object) -> str:
    text = " ".join(str(reason).split()) or type(reason).__name__
    return f"The download of {entry.label} failed ({text}). Nothing was kept; try again, or use mnist-5k."


def _end(state: str, message: str) -> int:
    _say({"state": state, "message": message})
    return 0 if state == "ready" else 1


def _say(report: dict[str, object]) -> None:
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    sys.exit(main())
