"""Files of a run that only the holder of its claim can put in place or remove, however late its process wakes up.

The rows of a run are safe because each write asks for the token of the claim. Files have no such question, so the
holder works through a folder that carries its token: what is written is moved out of it, what is removed is moved into
it. Whoever takes a run over first makes the token invalid and then removes these folders. From then on the old holder
can neither move anything nor make a new folder that counts.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = ".claim-"


@contextmanager
def claimed_files(folder: Path, token: str, check: Callable[[], None]) -> Iterator[Path]:
    """A folder within the run's `folder` for files on their way; `check` raises if the token is not valid any more.

    Raises OSError, also if the run's folder is not there.
    """
    staging = folder / f"{_PREFIX}{token}"
    try:
        staging.mkdir(exist_ok=True)
        # After the folder is made: whoever takes over before this line is noticed here, and later ones remove it.
        check()
        yield staging
    except FileNotFoundError:
        check()
        raise
    finally:
        with contextlib.suppress(OSError):
            staging.rmdir()


def remove_file(target: Path, staging: Path) -> None:
    """Remove a file by way of the holder's folder; nothing happens if it is gone. Raises OSError."""
    doomed = staging / target.name
    try:
        os.rename(target, doomed)
    except FileNotFoundError:
        if target.exists():
            raise
    doomed.unlink(missing_ok=True)


def shut_out(folder: Path) -> None:
    """Keep earlier holders from moving files of a run; to be called once their token is not valid any more."""
    for staging in folder.glob(f"{_PREFIX}*"):
        shutil.rmtree(staging, ignore_errors=True)
