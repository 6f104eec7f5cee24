"""Files in a run's folder that the run's list lacks: listed again if a copy of the database has them, or removed."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from mnist_core.store import SQLITE_ERRORS, Artifact, Store, newest_copies

# Only files that a worker writes into a run's folder are looked for; files that a person put there are left alone.
_PATTERNS = ("checkpoints/*.safetensors", "predictions.parquet")


def stray_files(store: Store, run_id: str, listed: Sequence[Artifact]) -> list[str]:
    """Paths in the run's folder of checkpoints and predictions that the list of its files does not name."""
    folder = store.folder(run_id)
    paths = (str(path.relative_to(folder)) for pattern in _PATTERNS for path in folder.glob(pattern))
    return sorted(set(paths) - {artifact.path for artifact in listed})


def list_again(store: Store, run_id: str, paths: Sequence[str]) -> bool:
    """Take the rows of these files out of the newest copy of the database that has them; False if none fits.

    The rows fit if the files have their hashes and the completed list is the one that was recorded.
    """
    for copy in newest_copies(store.root):
        rows = _rows(copy, run_id, paths)
        whole = len(rows) == len(paths) and all(store.intact(run_id, row) for row in rows)
        if whole and store.add_to_list(run_id, rows):
            return True
    return False


def _rows(copy: Path, run_id: str, paths: Sequence[str]) -> list[Artifact]:
    query = (
        "SELECT path, kind, artifacts.epoch, artifacts.step, sha256, size FROM artifacts "
        "JOIN runs ON runs.number = artifacts.run WHERE runs.id = ?"
    )
    try:
        with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return [Artifact(*row) for row in connection.execute(query, (run_id,)) if row[0] in paths]
    except SQLITE_ERRORS:
        return []
