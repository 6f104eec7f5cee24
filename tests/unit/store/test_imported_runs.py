"""What an import that failed leaves in the results folder."""

from pathlib import Path

from mnist_core.store import imported_runs


def test_a_failed_import_removes_the_folder_that_it_brought_and_no_other(tmp_path: Path):
    for moved in (True, False):
        folder = tmp_path / str(moved)
        folder.mkdir()
        (folder / "checkpoint").touch()
        imported_runs._undo(moved, folder)
        assert folder.exists() != moved
