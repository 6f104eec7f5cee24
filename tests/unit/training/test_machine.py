"""A run records the machine that computed it, and what it recorded can be read again."""

import re
import threading
from pathlib import Path

import pytest
import torch

from mnist_core.config.run_config import RunConfig
from mnist_core.events import StepEnd
from mnist_core.jobs.worker import work
from mnist_core.store.store import Store
from mnist_core.training import devices, machine
from tests.labs import train_now

TINY = RunConfig(
    dataset="mnist-5k", architecture="softmax", train_images=60, validation_images=20, epochs=1, device="cpu"
)


def test_a_run_records_the_processor_its_vectors_and_its_threads(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("mnist_core.training.loop._REPORT_SECONDS", 0.0)
    store = Store.open()
    run = store.enqueue(TINY.replace(device="cpu", threads=2), claimed=True)
    assert list(work(store, run))
    torch.set_num_threads(1)
    device = store.run(run.id).device or ""
    capability = torch.backends.cpu.get_cpu_capability()
    vectors = {"AVX2": "AVX2", "AVX512": "AVX-512"}.get(capability)
    parts = device.split(", ")
    assert parts[0] == machine.processor_name()
    assert parts[-1] == "2 threads"
    assert parts[1:-1] == ([vectors] if vectors else parts[1:-1])
    assert machine.device_kind(device) == "cpu"
    assert len(device) <= 200


def test_the_processor_has_the_name_that_the_system_gives_it():
    name = machine.processor_name()
    assert name
    assert "," not in name
    info = Path("/proc/cpuinfo")
    if match := re.search(r"model name\s*: (.+)", info.read_text() if info.exists() else ""):
        assert set(name.split()) <= set(re.sub(r"\((R|TM)\)|,", " ", match[1]).split())


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32", "plan9"])
def test_whatever_the_system_is_there_is_a_name_and_no_error(platform: str, monkeypatch: pytest.MonkeyPatch):
    """Files and programs of other operating systems are missing here; that is no error."""
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("platform.processor", lambda: "")
    machine.processor_name.cache_clear()
    try:
        assert machine.processor_name()
    finally:
        machine.processor_name.cache_clear()


@pytest.mark.parametrize(
    ("recorded", "kind", "is_known"),
    [
        ("cpu, 1 thread", "cpu", False),
        ("cpu", "cpu", False),
        ("AMD EPYC 9B45, AVX-512, 1 thread", "cpu", True),
        ("AMD EPYC, AVX2, 16 threads", "cpu", True),
        ("Apple M2, 4 threads", "cpu", True),
        ("mps, 1 thread", "mps", False),
        ("mps, Apple M2, 1 thread", "mps", True),
        ("NVIDIA H100 80GB HBM3", "cuda", True),
        ("Tesla T4", "cuda", True),
        ("cpu, 1 thread; then NVIDIA H100 80GB HBM3", "cpu", False),
        ("auto", "cpu", False),
        ("", "cpu", False),
    ],
)
def test_recorded_devices_of_today_and_before_are_understood(recorded: str, kind: str, is_known: bool):
    assert (machine.device_kind(recorded), machine.names_processor(recorded)) == (kind, is_known)


def test_a_run_that_goes_on_elsewhere_says_both():
    before, now = "AMD EPYC, AVX2, 1 thread", "AMD EPYC 9B45, AVX-512, 1 thread"
    assert machine.append_device(None, now) == now
    assert machine.append_device(now, now) == now
    both = machine.append_device(before, now)
    assert both == f"{before}; then {now}"
    assert machine.append_device(both, now) == both
    assert not machine.is_unchanged(both)
    assert machine.without_threads(both) == "AMD EPYC, AVX2; then AMD EPYC 9B45, AVX-512"
    many = before
    for number in range(40):
        many = machine.append_device(many, f"Processor {number}, AVX2, 1 thread")
    assert len(many) <= 200
    assert many.startswith(before)
    assert many.endswith("Processor 39, AVX2, 1 thread")
    assert machine.append_versions({"torch": "2.12.0", "a": "1"}, {"torch": "2.13.0", "b": "2"}) == {
        "torch": "2.12.0, then 2.13.0",
        "a": "1",
        "b": "2",
    }
    assert machine.append_versions({"torch": "2.12.0, then 2.13.0"}, {"torch": "2.13.0"}) == {
        "torch": "2.12.0, then 2.13.0"
    }


def test_a_resumed_run_keeps_what_it_began_with(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("mnist_core.training.loop._REPORT_SECONDS", 0.0)
    store = Store.open()
    run = store.enqueue(TINY.replace(epochs=3), claimed=True)
    interrupt = threading.Event()
    for event in work(store, run, interrupt):
        if isinstance(event, StepEnd) and event.step == 1:
            # The way in which an earlier version recorded it.
            store.describe(run, device="cpu, 1 thread", versions={"torch": "2.0"})
            interrupt.set()
    again = store.claim(store.requeue(run.id).id)
    assert again is not None
    train_now(store, again)
    resumed = store.run(run.id)
    assert resumed.device == f"cpu, 1 thread; then {devices.describe_device(torch.device('cpu'))}"
    assert (resumed.versions or {})["torch"] == f"2.0, then {torch.__version__}"
