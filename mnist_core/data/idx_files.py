"""Finds the published IDX files of a data set: unpacked or as `.gz`, in torchvision's layout or beside it."""

import os
from collections.abc import Iterator
from pathlib import Path

from mnist_core.config import Dataset


def locate_files(entry: Dataset, root: Path) -> dict[str, Path]:
    """Paths of a data set's files below `root`, by their names in `entry.files`; missing files are left out.

    Names may have a dot for a dash (train-images.idx3-ubyte), as some browsers save them, and end in .gz. An unpacked
    file is preferred to a packed one, and torchvision's layout to other folders.
    """
    if entry.format != "idx":
        return {name: root / name for name, _ in entry.files if (root / name).exists()}
    paths: dict[str, Path] = {}
    for folder in candidate_folders(entry, root):
        published = _published(folder)
        for name, _ in entry.files:
            if path := published.get(Path(name).name):
                paths.setdefault(name, path)
    return paths


def candidate_folders(entry: Dataset, root: Path) -> list[Path]:
    """Folders in which files of an IDX data set are searched, in this order.

    Data sets share the names of their files, so files in the data folder itself count as MNIST's.
    """
    folders = [root / entry.torchvision / "raw", root / entry.torchvision, root / entry.name]
    return [*folders, root] if entry.name == "mnist" else folders


def describe_search(entry: Dataset, root: Path) -> str:
    """A sentence that says which file is missing and where it was searched for."""
    missing = next((name for name, _ in entry.files if name not in locate_files(entry, root)), entry.files[0][0])
    sentence = f"{root / missing} is looked for"
    if entry.format != "idx":
        return f"{sentence}."
    others = ", ".join(str(folder) for folder in candidate_folders(entry, root)[1:])
    return f"{sentence}, also as .gz, or in {others}."


def kind_of_numbers(name: str) -> int:
    """The third byte of an IDX file, which says what a number in it is, by the end of its published name."""
    return 12 if name.endswith("-int") else 8


def _published(folder: Path) -> dict[str, Path]:
    """Files of a folder by their published names; an unpacked file wins over a packed one."""
    files: dict[str, Path] = {}
    for name in sorted(_names(folder), key=lambda name: (is_packed(Path(name)), name)):
        plain = name[:-3] if is_packed(Path(name)) else name
        files.setdefault(plain.lower().replace(".idx", "-idx"), folder / name)
    return files


def _names(folder: Path) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            yield from (entry.name for entry in entries if not entry.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return


def is_packed(path: Path) -> bool:
    """Whether the file is compressed by gzip, as its name says."""
    return path.suffix.lower() == ".gz"
