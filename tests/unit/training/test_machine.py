"""A run records the machine that computed it, and what it recorded can be read again."""

import os
import re
import threading
from pathlib import Path

import pytest
import torch

from mnist_core.config.device import Device
from mnist_core.config.rules import TrainingRules
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
    vectors = {"AVX2": "AVX2", "AVX512": "AVX-512"}.get(torch.backends.cpu.get_cpu_capability())
    (device,) = store.run(run.id).devices
    assert (device.kind, device.name, device.threads) == ("cpu", machine.processor_name(), 2)
    assert device.vectors == (vectors or device.vectors)


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
    ("cpuinfo", "lacks"),
    [
        ("flags\t\t: fpu avx2 fma\n", True),
        ("flags\t\t: fpu avx2 avx512f avx512_bf16\n", False),
        ("Features\t: fp asimd\n", True),
        ("Features\t: fp asimd bf16\n", False),
        ("flags\t\t:\n", False),
        ("", False),
    ],
)
def test_a_processor_that_lists_no_instructions_for_bfloat16_emulates_it(cpuinfo: str, lacks: bool):
    assert machine.lacks_bfloat16(cpuinfo) == lacks


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_only_a_run_that_is_slower_in_bfloat16_says_so(precision: str, kind: str, monkeypatch: pytest.MonkeyPatch):
    config = TINY.replace(precision=precision)
    for emulates in (False, True):
        monkeypatch.setattr(machine, "emulates_bfloat16", lambda emulates=emulates: emulates)
        is_slower = emulates and precision == "bfloat16" and kind == "cpu"
        assert bool(devices.emulation_note(config, torch.device(kind))) == is_slower


@pytest.mark.parametrize("error", [AttributeError, RuntimeError])
def test_a_torch_that_cannot_name_its_vectors_is_no_error(error: type[Exception], monkeypatch: pytest.MonkeyPatch):
    def fail() -> str:
        raise error

    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", fail)
    device = devices.describe_device(torch.device("cpu"))
    assert (device.name, device.vectors) == (machine.processor_name(), "")


@pytest.mark.parametrize("before", [None, ":16:8"])
def test_the_callers_settings_of_torch_come_back(before: str | None, monkeypatch: pytest.MonkeyPatch):
    name = devices._WORKSPACE
    monkeypatch.delenv(name, raising=False)
    if before:
        monkeypatch.setenv(name, before)
    with devices.torch_settings_kept():
        os.environ.setdefault(name, ":4096:8")
    assert os.environ.get(name) == before


def test_a_resumed_run_keeps_what_it_began_with(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("mnist_core.training.loop._REPORT_SECONDS", 0.0)
    store = Store.open()
    run = store.enqueue(TINY.replace(epochs=3), claimed=True)
    interrupt, began = threading.Event(), Device(kind="cpu", name="Another processor", threads=1)
    for event in work(store, run, interrupt):
        if isinstance(event, StepEnd) and event.step == 1:
            # It began on another machine.
            store.describe(run, devices=[began], versions={"torch": ["2.0"]}, rules=TrainingRules(patience=1))
            interrupt.set()
    again = store.claim(store.requeue(run.id).id)
    assert again is not None
    train_now(store, again)
    resumed = store.run(run.id)
    assert resumed.devices == (began, devices.describe_device(torch.device("cpu")))
    assert (resumed.versions or {})["torch"] == ("2.0", torch.__version__)
    assert resumed.rules == TrainingRules(patience=1)


@pytest.mark.parametrize("fields", [1, 2])
def test_the_processor_is_the_first_of_those_that_are_listed(
    fields: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    before = "".join(f"field {number}\t: 0\n" for number in range(fields))
    (tmp_path / "cpuinfo").write_text(f"{before}model name\t: Large core\n\n{before}model name\t: Small core\n")
    monkeypatch.setattr(machine, "Path", lambda _: tmp_path / "cpuinfo")
    assert machine._linux() == "Large core"
