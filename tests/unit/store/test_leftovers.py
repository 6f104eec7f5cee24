"""Temporary files of processes that are gone are removed, those of living ones are left."""

import os
import subprocess
import sys
from pathlib import Path

from mnist_core.store.leftovers import leftovers, remove_leftovers_of


def ended_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        return process.pid


def test_what_was_to_become_a_file_is_removed_once_its_process_is_gone(tmp_path: Path):
    target, gone = tmp_path / "weights.bin", ended_process()
    names = [f".weights.bin.{gone}.part", f".weights.bin.{gone}.part-journal"]
    kept = [f".weights.bin.{os.getpid()}.part", f".other.bin.{gone}.part", "weights.bin", ".weights.bin.part"]
    for name in (*names, *kept):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in leftovers(tmp_path)] == sorted([*names, f".other.bin.{gone}.part"])
    remove_leftovers_of(target)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
    remove_leftovers_of(tmp_path / "nowhere" / "weights.bin")
