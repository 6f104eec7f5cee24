"""Downloads from servers that refuse, hang, stall, drip, lie or work: noticed in time, and nothing half-written."""

import gc
import gzip
import hashlib
import io
import json
import pickle
import socket
import subprocess
import sys
import tarfile
import threading
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnist_core.config.dataset_catalogue import dataset
from mnist_core.config.run_config import RunConfig
from mnist_core.data import cifar10
from mnist_core.data.download import child
from mnist_core.data.download.availability import DatasetStatus, Download, dataset_status, ensure_downloaded
from mnist_core.data.download.torchvision_ops import make_torchvision_importable
from mnist_core.data.download.traffic import Traffic, _CountingStream, probe_servers
from mnist_core.data.sources import load_arrays
from mnist_core.errors import DataError
from mnist_core.export.script.script import script_of_config
from tests.faults.data_servers import serving, silent

NAMES = [f"{Path(file).name}.gz" for file, _ in dataset("kmnist").files]


@pytest.fixture(scope="module")
def packed() -> dict[str, bytes]:
    """Four gzipped IDX files of the right shapes: black images, all of class 0."""
    files = {}
    for name in NAMES:
        count = 60_000 if "train" in name else 10_000
        sizes = (count, 28, 28) if "images" in name else (count,)
        content = bytes([0, 0, 8, len(sizes)]) + b"".join(size.to_bytes(4, "big") for size in sizes)
        content += bytes(count * (784 if "images" in name else 1))
        files[name] = gzip.compress(content, compresslevel=1)
    return files


@pytest.fixture
def refusing() -> str:
    """A URL on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}/"


@pytest.fixture
def own_opener(monkeypatch: pytest.MonkeyPatch) -> None:
    """A download in this process changes urllib for the process; undo that."""
    monkeypatch.setattr(urllib.request, "_opener", None)


@pytest.fixture
def checksums(packed: dict[str, bytes], own_opener: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make torchvision expect the checksums of our files, as it does those of the real ones."""
    make_torchvision_importable()
    from torchvision.datasets import KMNIST

    monkeypatch.setattr(KMNIST, "resources", [(name, hashlib.md5(packed[name]).hexdigest()) for name in NAMES])


def left_behind(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() or path.name.startswith(".")]


def test_server_that_never_answers_is_noticed(tmp_path: Path) -> None:
    with silent() as url:
        started = time.monotonic()
        download = ensure_downloaded("mnist", tmp_path, [url])
        # Starting the download does not hold up the page: it returns before the server is given up.
        assert time.monotonic() - started < 7
        assert download.status.state == "downloading"
        state = download.wait(timeout=30)
    assert state.state == "unreachable"
    assert "no answer within 7 s" in state.message
    assert "mnist-5k" in state.message
    assert left_behind(tmp_path) == []


def test_refusing_server_is_noticed_at_once(tmp_path: Path, refusing: str) -> None:
    started = time.monotonic()
    state = ensure_downloaded("mnist", tmp_path, [refusing], patience=60).wait(timeout=100)
    assert state.state == "unreachable"
    assert "Connection refused" in state.message
    assert time.monotonic() - started < 60
    assert left_behind(tmp_path) == []


def test_name_that_cannot_be_resolved_is_noticed(tmp_path: Path) -> None:
    state = ensure_downloaded("mnist", tmp_path, ["http://mnist-lab.invalid/"], patience=2).wait(timeout=30)
    assert state.state == "unreachable"
    assert "mnist-lab.invalid" in state.message


def test_server_that_stalls_in_the_middle_ends_the_process(tmp_path: Path, packed: dict[str, bytes]) -> None:
    with serving(packed, stall_after=1000) as url:
        state = ensure_downloaded("kmnist", tmp_path, [url], patience=1).wait(timeout=60)
    assert state.state == "unreachable"
    assert "has sent nothing for 1 s" in state.message
    assert state.received >= 1000
    assert left_behind(tmp_path) == []


def test_cancelled_download_leaves_nothing(tmp_path: Path, packed: dict[str, bytes]) -> None:
    with serving(packed, stall_after=1000) as url:
        download = ensure_downloaded("kmnist", tmp_path, [url], patience=60)
        deadline = time.monotonic() + 60
        while not download.status.received and time.monotonic() < deadline:
            time.sleep(0.05)
        assert download.status.state == "downloading"
        assert left_behind(tmp_path)
        state = download.cancel()
    assert state.state == "missing"
    assert "download of 21 MB" in state.message
    assert left_behind(tmp_path) == []


def test_complete_download_is_verified_and_moved_into_place(tmp_path: Path, packed: dict[str, bytes]) -> None:
    script = f"""
import sys
from mnist_core.data.download.torchvision_ops import make_torchvision_importable
make_torchvision_importable()
from torchvision.datasets import KMNIST
KMNIST.resources = {[(name, hashlib.md5(packed[name]).hexdigest()) for name in NAMES]!r}
from mnist_core.data.download.child import main
sys.exit(main(sys.argv[1:]))
"""
    with serving(packed) as url:
        command = [sys.executable, "-c", script, "kmnist", str(tmp_path), "--mirror", url]
        state = Download(dataset_status("kmnist", tmp_path), tmp_path, command).wait(timeout=60)
    assert (state.state, state.message) == ("ready", f"KMNIST is in {tmp_path}.")
    assert state.received > sum(map(len, packed.values())) * 0.9
    assert sorted(left_behind(tmp_path)) == sorted(tmp_path / file for file, _ in dataset("kmnist").files)
    # Starts no process, because no mirror was given.
    assert ensure_downloaded("kmnist", tmp_path).status.state == "ready"


@pytest.mark.usefixtures("checksums")
def test_slow_but_living_server_is_waited_for(tmp_path: Path, packed: dict[str, bytes]) -> None:
    started = time.monotonic()
    with serving(packed, pause=0.2) as url:
        child.download("kmnist", tmp_path, [url], patience=2)
    # Longer than the client waits.
    assert time.monotonic() - started > 3
    assert dataset_status("kmnist", tmp_path).state == "ready"


@pytest.mark.usefixtures("checksums")
def test_dead_mirrors_are_passed_over(tmp_path: Path, packed: dict[str, bytes], refusing: str) -> None:
    with silent() as hanging, serving(packed) as url:
        started = time.monotonic()
        child.download("kmnist", tmp_path, [hanging, refusing, url], patience=60)
        assert time.monotonic() - started < 60
    assert dataset_status("kmnist", tmp_path).state == "ready"


@pytest.mark.usefixtures("checksums")
def test_damaged_file_is_replaced_by_a_complete_one(tmp_path: Path, packed: dict[str, bytes]) -> None:
    path = tmp_path / "KMNIST" / "raw" / "train-labels-idx1-ubyte"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half")
    assert dataset_status("kmnist", tmp_path).state == "damaged"
    with serving(packed) as url:
        child.download("kmnist", tmp_path, [url])
    assert dataset_status("kmnist", tmp_path).state == "ready"


@pytest.mark.usefixtures("checksums")
# torchvision leaves the connection of an answer 404 open.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize("fault", ["cut off", "wrong bytes", "absent", "empty"])
def test_damaged_transfer_leaves_nothing_and_replaces_nothing(
    tmp_path: Path, packed: dict[str, bytes], fault: str
) -> None:
    old = tmp_path / "KMNIST" / "raw" / "train-labels-idx1-ubyte"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    last = packed[NAMES[-1]]
    files = {name: packed[name] for name in NAMES[:-1]}
    if fault != "absent":
        files[NAMES[-1]] = {"cut off": last[:-20], "wrong bytes": last[:-1] + b"?", "empty": b""}[fault]
    with serving(files) as url, pytest.raises(child.UnreachableError, match="The download of KMNIST failed") as caught:
        child.download("kmnist", tmp_path, [url])
    message = str(caught.value)
    del caught
    # Collect now, so that the warning belongs to this test.
    gc.collect()
    assert ("404" if fault == "absent" else "corrupted") in message
    assert left_behind(tmp_path) == [old]
    assert old.read_bytes() == b"old"


@pytest.mark.usefixtures("own_opener")
def test_right_checksums_but_wrong_content_are_not_moved_into_place(
    tmp_path: Path, packed: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_torchvision_importable()
    from torchvision.datasets import KMNIST

    files = packed | {NAMES[1]: gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0xEA, 0x60]) + bytes([11]) * 60_000)}
    monkeypatch.setattr(KMNIST, "resources", [(name, hashlib.md5(files[name]).hexdigest()) for name in NAMES])
    with serving(files) as url, pytest.raises(child.UnreachableError, match="label 11"):
        child.download("kmnist", tmp_path, [url])
    assert left_behind(tmp_path) == []


def test_directory_that_cannot_be_written_to_is_not_blamed_on_the_network(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file in the way")
    with serving({}) as url, pytest.raises(DataError, match="MNIST_LAB_DATA") as caught:
        child.download("kmnist", tmp_path / "data", [url])
    assert not isinstance(caught.value, child.UnreachableError)
    assert str(tmp_path / "data") in str(caught.value)


@pytest.mark.usefixtures("own_opener")
# torchvision uses tarfile without a filter.
@pytest.mark.filterwarnings("ignore:Python 3.14:DeprecationWarning")
def test_cifar10_is_downloaded_unpacked_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_torchvision_importable()
    from torchvision.datasets import CIFAR10

    # Six files with two images each.
    pixels = np.arange(12 * 3072, dtype=np.uint32).astype(np.uint8).reshape(6, 2, 3072)
    names = [Path(file).name for file, _ in dataset("cifar10").files]
    contents = [pickle.dumps({"data": part, "labels": [3, 9]}) for part in pixels]
    contents.append(pickle.dumps({"label_names": list(dataset("cifar10").classes)}))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in zip(names, contents, strict=True):
            entry = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    sums = [[name, hashlib.md5(content).hexdigest()] for name, content in zip(names, contents, strict=True)]
    monkeypatch.setattr(CIFAR10, "train_list", sums[:5])
    monkeypatch.setattr(CIFAR10, "test_list", sums[5:6])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": sums[6][1]})
    monkeypatch.setattr(CIFAR10, "tgz_md5", hashlib.md5(packed.getvalue()).hexdigest())
    small = replace(dataset("cifar10"), train_images=10, test_images=2)
    monkeypatch.setattr(cifar10, "dataset", lambda name: small)

    with serving({CIFAR10.filename: packed.getvalue()}) as url:
        child.download("cifar10", tmp_path, [url])
    assert dataset_status("cifar10", tmp_path).state == "ready"
    assert sorted(path.name for path in left_behind(tmp_path)) == sorted(names)
    arrays = load_arrays(RunConfig(dataset="cifar10"), tmp_path)
    assert np.array_equal(arrays.train_images.reshape(5, 2, 3072), pixels[:5])
    assert np.array_equal(arrays.test_images.reshape(2, 3072), pixels[5])
    assert arrays.train_labels.tolist() == [3, 9] * 5


def test_child_ends_when_nobody_listens_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(report: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(child, "_say", broken)
    given_up = threading.Event()
    traffic = Traffic()
    watchdog = child._Watchdog(traffic, 60, given_up.set)
    watchdog.__enter__()
    traffic.received = 1
    assert given_up.wait(5)
    with pytest.raises(BrokenPipeError):
        watchdog.__exit__()


def test_child_that_breaks_is_reported(tmp_path: Path) -> None:
    state = dataset_status("mnist", tmp_path)
    broken = Download(state, tmp_path, [sys.executable, "-c", "print('noise'); raise SystemExit(3)"]).wait(timeout=30)
    assert replace(broken, message="") == DatasetStatus("mnist", "missing", "", 0, state.total)
    assert "exit code 3" in broken.message


def test_child_reports_in_lines_of_json(
    tmp_path: Path, refusing: str, capsys: pytest.CaptureFixture[str], own_opener: None
) -> None:
    assert child.main(["mnist", str(tmp_path), "--mirror", refusing]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["state"] == "unreachable"
    assert refusing in report["message"]


def test_what_is_ready_needs_no_process(tmp_path: Path) -> None:
    for name in ("mnist-5k", "folder"):
        assert ensure_downloaded(name, tmp_path).wait(timeout=0).state == "ready"
    assert ensure_downloaded("mnist-5k", tmp_path).cancel().state == "ready"


def test_servers_that_answer_come_first_and_failed_ones_go(refusing: str) -> None:
    with silent() as hanging, serving({}) as url:
        assert probe_servers([hanging, refusing, url], seconds=5) in (
            ([url, hanging], ""),
            ([url, hanging, refusing], ""),
        )


def test_an_exported_script_downloads_its_data_beside_this_torch(tmp_path: Path, packed: dict[str, bytes]) -> None:
    """In a process of its own, from a server here; of torchvision only the addresses and checksums are replaced."""
    config = RunConfig(dataset="kmnist", architecture="softmax", epochs=1, validation_images=0)
    (tmp_path / "taken_away.py").write_text(script_of_config(config))
    sums = [(name, hashlib.md5(packed[name]).hexdigest()) for name in NAMES]
    with serving(packed) as url:
        start = f"""
import builtins, runpy, sys
real = builtins.__import__
def with_our_server(name, *rest, **more):
    module = real(name, *rest, **more)
    datasets = sys.modules.get("torchvision.datasets")
    if name == "torchvision.datasets" and hasattr(datasets, "KMNIST"):
        datasets.KMNIST.resources, datasets.KMNIST.mirrors = {sums!r}, [{url!r}]
    return module
builtins.__import__ = with_our_server
sys.argv = ["taken_away.py", {str(tmp_path / "data")!r}]
runpy.run_path({str(tmp_path / "taken_away.py")!r})
"""
        done = subprocess.run([sys.executable, "-I", "-c", start], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "test accuracy: " in done.stdout
    assert (tmp_path / "data" / "KMNIST" / "raw" / NAMES[0].removesuffix(".gz")).exists()


def test_every_byte_that_arrives_is_counted_and_no_other():
    traffic = Traffic()
    stream = io.BufferedReader(_CountingStream(io.FileIO(__file__), traffic))
    content = stream.read()
    assert stream.read() == b""
    assert traffic.received == len(content) == Path(__file__).stat().st_size
