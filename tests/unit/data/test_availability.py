"""Downloads in progress."""

import sys
from pathlib import Path

from mnist_core.data.download.availability import Download, dataset_status


def test_a_download_under_way_does_not_keep_the_program_from_ending(tmp_path: Path):
    download = Download(dataset_status("mnist", tmp_path), tmp_path, [sys.executable, "-c", "input()"])
    try:
        assert download._thread
        # Python waits at its end for every thread that is not one.
        assert download._thread.daemon
    finally:
        download.cancel()
