"""A worker keeps the memory of large tensors between steps, and gives it back at the end of a run."""

import json
import subprocess
import sys

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


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_nothing_happens(platform: str, monkeypatch: pytest.MonkeyPatch):
    allocation._glibc.cache_clear()
    monkeypatch.setattr("sys.platform", platform)
    try:
        assert allocation.keep_large_tensors() is False
        allocation.give_memory_back()
    finally:
        allocation._glibc.cache_clear()
