"""A worker keeps the memory of large tensors between steps, and gives it back at the end of a run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_core.training import allocation

# Like a step of training: allocates 24 MB six times, frees all, again and again. Prints the pages that each step needs
# anew, and the bytes that are given back at the end.
PROGRAM = """
import json, resource, sys
import torch
from mnist_core.training import allocation

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

kept = allocation.keep_large_tensors() if sys.argv[1] == "keep" else None
def step():
    return sum(float(tensor[-1]) for tensor in [torch.empty(6_000_000).fill_(1.0) for _ in range(6)])

# The memory grows for some steps before one fits into what another left.
for _ in range(20):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    step()
faults = (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 20
held = resident()
allocation.give_memory_back()
print(json.dumps({"kept": kept, "faults": faults, "given": held - resident()}))
"""


def measured(how: str) -> dict:
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.skipif(allocation._glibc() is None, reason="the C library is not glibc")
def test_large_tensors_cost_no_new_pages_and_the_memory_comes_back():
    usual, keeping = measured("usual"), measured("keep")
    assert keeping["kept"] is True
    # 24 MB are 5,860 pages of 4 KB.
    assert usual["faults"] > 5000
    assert keeping["faults"] < 100
    assert keeping["given"] > 20_000_000


# A worker trains a network with large tensors for a moment and computes its predictions for all test images. Prints the
# megabytes by which the predictions raise the peak of its memory.
RUN_PROGRAM = """
import re, threading
from mnist_core.config import RunConfig
from mnist_core.events import RunFinished
from mnist_core.jobs import worker
from mnist_core.store import Store

def peak():
    with open("/proc/self/status") as file:
        return int(re.search("VmHWM:[^0-9]*([0-9]+)", file.read())[1]) / 1024

worker.begin_process()
store = Store.open()
config = RunConfig(
    architecture="cnn-150-64", precision="bfloat16", optimizer="sgd", batch_size=50, epochs=1, threads=1,
    train_images=500, validation_images=0,
)
run = store.enqueue(config, claimed=True)
before = [peak() for event in worker.work(store, run, threading.Event()) if isinstance(event, RunFinished)]
assert store.run(run.id).state == "finished"
print(peak() - before[-1])
"""


@pytest.mark.long
@pytest.mark.mnist
@pytest.mark.skipif(allocation._glibc() is None, reason="the C library is not glibc")
def test_predictions_need_no_more_memory_than_training_did(tmp_path: Path):
    surroundings = allocation.in_huge_pages(os.environ | {"MNIST_LAB_RESULTS": str(tmp_path)})
    command = [sys.executable, "-c", RUN_PROGRAM]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 100


HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
# Prints the bytes of this process in huge pages, and all that it uses, while it holds 48 MB.
PAGES_PROGRAM = """
import json, re, torch
held = torch.empty(12_000_000).fill_(1.0)
with open("/proc/self/smaps_rollup") as file:
    text = file.read()
print(json.dumps([int(re.search(name + r": *([0-9]+)", text)[1]) * 1024 for name in ("AnonHugePages", "Rss")]))
"""


@pytest.mark.skipif(
    not HUGE_PAGES.exists() or "[madvise]" not in HUGE_PAGES.read_text(), reason="the system decides alone"
)
@pytest.mark.skipif(allocation._glibc() is None, reason="the C library is not glibc")
def test_a_process_that_trains_has_its_large_tensors_in_huge_pages():
    usual = {name: value for name, value in os.environ.items() if name != "GLIBC_TUNABLES"}
    measured = []
    for surroundings in (usual, allocation.in_huge_pages(usual)):
        command = [sys.executable, "-c", PAGES_PROGRAM]
        done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=True)
        measured.append(json.loads(done.stdout))
    (before, memory_before), (now, memory_now) = measured
    assert before == 0
    assert now > 40_000_000
    assert memory_now < 1.1 * memory_before


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (None, "glibc.malloc.hugetlb=1"),
        ("glibc.malloc.check=3", "glibc.malloc.check=3:glibc.malloc.hugetlb=1"),
        ("glibc.malloc.hugetlb=0", "glibc.malloc.hugetlb=0"),
    ],
)
def test_what_a_person_has_chosen_for_the_c_library_stays(chosen: str | None, expected: str):
    before = {"HOME": "/home/me"} | ({} if chosen is None else {"GLIBC_TUNABLES": chosen})
    assert allocation.in_huge_pages(before) == {"HOME": "/home/me", "GLIBC_TUNABLES": expected}


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_nothing_happens(platform: str, monkeypatch: pytest.MonkeyPatch):
    allocation._glibc.cache_clear()
    monkeypatch.setattr("sys.platform", platform)
    try:
        assert allocation.keep_large_tensors() is False
        allocation.give_memory_back()
    finally:
        allocation._glibc.cache_clear()
