"""Which folders of images the students of a class may use: those below the folders that the teacher allows."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from mnist_core.config import RunConfig
from mnist_core.errors import ConfigError
from mnist_core.store.store import Store

_SETTING = "allowed_folders"


def allowed_folders(store: Store) -> list[str]:
    """The folders below which students may name image folders; none at first."""
    stored = store.setting(_SETTING, [])
    return [path for path in stored if isinstance(path, str)] if isinstance(stored, list) else []


def set_allowed_folders(store: Store, paths: Iterable[str]) -> None:
    """Allow students the folders below these full paths. Raises ConfigError for one that is not there."""
    wanted = list(dict.fromkeys(path.strip() for path in paths if path.strip()))
    for path in wanted:
        if not _is_folder(path):
            raise ConfigError("folders", f"{path[:200]!r} is no folder of this machine; write its full path")
    store.set_setting(_SETTING, wanted)


def _is_folder(path: str) -> bool:
    # A part of more letters than a file system takes is an error of its own there.
    with suppress(OSError, ValueError):
        return Path(path).is_absolute() and Path(path).is_dir()
    return False


def check_folder(store: Store, config: RunConfig) -> None:
    """Raise ConfigError if a student may not use the image folder of this config; all others may use each."""
    if config.dataset != "folder" or store.owner is None:
        return
    if not _lies_below(config.folder, allowed_folders(store)):
        raise ConfigError(
            "folder", "in this class image folders must lie below a folder that the teacher allows; ask your teacher"
        )


def _lies_below(folder: str, allowed: Sequence[str]) -> bool:
    try:
        # A link within an allowed folder may lead anywhere, so that the real place counts.
        target = Path(folder.strip()).resolve()
        return any(target.is_relative_to(Path(path).resolve()) for path in allowed)
    except (OSError, ValueError, RuntimeError):
        return False
