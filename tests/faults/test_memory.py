"""The machine's memory runs out: the run names a remedy, and no other run is affected."""

import re
import sys
from pathlib import Path

import pytest

from mnist_core.config.run_config import RunConfig
from mnist_core.jobs import queue
from mnist_core.store.store import Store
from tests.app_process import wait_until

SMALL = RunConfig(dataset="mnist-5k", architecture="mlp-100", epochs=2)
LARGE = SMALL.replace(architecture="conv(96, 3) relu flatten linear(classes)", batch_size=3000)
MARGIN = 300 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process limit another's memory")
def test_a_run_without_memory_names_the_batch_size_and_the_next_one_trains(store: Store, running: queue.Jobs):
    import resource

    first = store.enqueue(SMALL)
    wait_until(lambda: store.run(first.id).pid is not None)
    pid = store.run(first.id).pid
    assert pid
    wait_until(lambda: store.run(first.id).state == "finished")
    used = re.search(r"VmSize:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert used
    resource.prlimit(pid, resource.RLIMIT_AS, (int(used[1]) * 1024 + MARGIN, resource.RLIM_INFINITY))
    large, small = store.enqueue(LARGE), store.enqueue(SMALL)
    wait_until(lambda: not store.run(small.id).active)
    failed, done = store.run(large.id), store.run(small.id)
    assert failed.state == "failed"
    assert "batch_size" in failed.note
    assert "3,000" in failed.note
    assert (done.state, done.note) == ("finished", "")
