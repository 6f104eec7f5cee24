"""Whether a data set is on disk, and downloads in the background that a page can follow. Does not import torch."""

import gzip
import json
import shutil
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from mnist_core.config import DATASET_CATALOGUE, Dataset, dataset
from mnist_core.data.idx_files import describe_search, is_packed, kind_of_numbers, locate_files
from mnist_core.data.mnist_5k import packaged_file
from mnist_core.errors import DataError

DatasetState = Literal["ready", "downloading", "unreachable", "missing", "damaged"]
# A download is given up after this many seconds without a byte.
PATIENCE = 7.0
# From this directory `python -m mnist_core` works whether the package is installed or not.
_PROJECT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class DatasetStatus:
    """Whether a data set is ready, and how far its download is, at one moment.

    unreachable: a download was tried and the network or the server failed. missing: not there, and either no
    download was tried or something on this machine, such as a full disk, ended it.
    """

    name: str
    state: DatasetState
    # One or two sentences for the person at the screen.
    message: str
    # Bytes received so far.
    received: int = 0
    # Total bytes of the download, 0 if there is none.
    total: int = 0


def dataset_status(name: str, root: Path) -> DatasetStatus:
    """Whether a data set is ready below `root`, by the length and the first bytes of its files; opens no connection."""
    entry = dataset(name)
    try:
        if entry.format == "mnist-5k":
            packaged_file()
            return DatasetStatus(name, "ready", f"{entry.label} comes with the installation.")
        if entry.format == "folder":
            return DatasetStatus(name, "ready", "Give the folder of your images.")
        located = locate_files(entry, root)
        damage = _damage(entry, located)
        complete = all(file in located and located[file].is_file() for file, _ in entry.files)
    except DataError as error:
        return DatasetStatus(name, "missing", str(error))
    except OSError as error:
        return DatasetStatus(
            name, "damaged", f"{error.filename} cannot be read ({error.strerror}). Check its permissions."
        )
    if damage:
        remedy = f"Delete it and download again: python -m mnist_core data download {name}"
        return DatasetStatus(name, "damaged", f"{damage}. {remedy}", total=entry.download_bytes)
    if complete:
        return DatasetStatus(name, "ready", f"{entry.label} is in {root}.")
    megabytes = entry.download_bytes / 1e6
    message = f"{entry.label} is not in {root}: {describe_search(entry, root)} It is a download of {megabytes:.0f} MB."
    return DatasetStatus(name, "missing", message, total=entry.download_bytes)


def dataset_statuses(root: Path) -> list[DatasetStatus]:
    """The status of every data set of the catalogue, in its order."""
    return [dataset_status(name, root) for name in DATASET_CATALOGUE]


def ensure_downloaded(name: str, root: Path, mirrors: Sequence[str] = (), patience: float = PATIENCE) -> "Download":
    """Start to download a data set unless it is ready, and return at once; follow it with `.status`.

    The network is given up after `patience` seconds without a byte. A damaged file is replaced only by a complete
    and verified one. `mirrors` are asked instead of torchvision's own. Never raises: what fails is in the status.
    """
    now = dataset_status(name, root)
    if now.state == "ready":
        return Download(now, root, ())
    options = [option for mirror in mirrors for option in ("--mirror", mirror)]
    command = [sys.executable, "-m", "mnist_core.data.download.child", name, str(root.resolve())]
    return Download(now, root, [*command, "--patience", str(patience), *options])


class Download:
    """A download in progress: a child process that can be killed, and a thread that reads its reports.

    May be used from many threads. Nothing is left behind by one that fails or is cancelled.
    """

    def __init__(self, status: DatasetStatus, root: Path, command: Sequence[str]) -> None:
        """Run `command`, which reports as `mnist_core.data.download.child` does; an empty one means nothing to do."""
        # Always replaced as a whole, so that other threads never see a half-updated status.
        self._status = status
        self._root = root
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None
        if not command:
            return
        label = dataset(status.name).label
        self._status = replace(status, state="downloading", message=f"Downloading {label} ...")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=_PROJECT,
        )
        self._thread = threading.Thread(target=self._listen, args=(self._process,), daemon=True)
        self._thread.start()

    @property
    def status(self) -> DatasetStatus:
        """The latest status; `state` stays "downloading" until the process has ended."""
        return self._status

    def wait(self, timeout: float | None = None) -> DatasetStatus:
        """The status when the download has ended, or after `timeout` seconds."""
        if self._thread:
            self._thread.join(timeout)
        return self._status

    def cancel(self) -> DatasetStatus:
        """End the download if it is still running; the status then describes what is on disk."""
        if self._process:
            self._process.kill()
        return self.wait()

    def _listen(self, process: "subprocess.Popen[str]") -> None:
        name = self._status.name
        last: dict[str, str] = {}
        # Leaving this block closes the pipe and waits for the process.
        with process:
            assert process.stdout
            for line in process.stdout:
                # Skip lines that torchvision prints itself.
                if not line.startswith("{"):
                    continue
                report = json.loads(line)
                if "received" in report:
                    self._status = replace(self._status, received=min(report["received"], self._status.total))
                else:
                    last = report
        # A process that was killed could not remove its temporary folder.
        shutil.rmtree(temporary_folder(name, self._root, process.pid), ignore_errors=True)
        status = dataset_status(name, self._root)
        if status.state != "ready" and last:
            state = "unreachable" if last["state"] == "unreachable" else "missing"
            status = replace(status, state=state, message=last["message"])
        elif status.state != "ready" and process.returncode >= 0:
            # A negative exit code means that the process was killed on purpose, which needs no message.
            status = replace(status, message=f"The download ended unexpectedly (exit code {process.returncode}).")
        self._status = replace(status, received=self._status.received)


def temporary_folder(name: str, root: Path, pid: int) -> Path:
    """Folder in which process `pid` collects an incomplete data set; beside the target, so on the same disk."""
    return root / f".download-{name}-{pid}"


def _damage(entry: Dataset, located: Mapping[str, Path]) -> str:
    """What is wrong with the first damaged file; empty if no file is damaged."""
    for file, expected in entry.files:
        path = located.get(file)
        if expected is None or path is None or not path.is_file():
            continue
        try:
            size, start = _unpacked(path) if is_packed(path) else _plain(path)
        except (EOFError, zlib.error, gzip.BadGzipFile, struct.error):
            return f"{path} is damaged: it cannot be unpacked"
        if size != expected:
            return f"{path} is damaged: {size:,} bytes instead of {expected:,}"
        if start != bytes([0, 0, kind_of_numbers(file)]):
            return f"{path} is damaged: it is not an IDX file"
    return ""


def _plain(path: Path) -> tuple[int, bytes]:
    """Length and first three bytes of a file."""
    with path.open("rb") as stream:
        return path.stat().st_size, stream.read(3)


def _unpacked(path: Path) -> tuple[int, bytes]:
    """Length and first three bytes of the unpacked file; a gzip file ends with the length (RFC 1952)."""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 4))
        (size,) = struct.unpack("<I", stream.read(4))
    with gzip.open(path) as stream:
        return size, stream.read(3)
