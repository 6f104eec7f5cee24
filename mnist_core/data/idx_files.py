"""Where the published IDX files of a data set lie: unpacked or as `.gz`, in torchvision's layout or beside it."""

import os
from collections.abc import Iterator
from pathlib import Path

from mnist_core.data.catalogue import Dataset


def locate_files(known: Dataset, root: Path) -> dict[str, Path]:
    """By their names in `known.files`, those of a data set's files that are below `root`.

    Names may have a dot for a dash (train-images.idx3-ubyte), as they come out of some browsers, and end in .gz. An
    unpacked file is preferred to a packed one, and torchvision's layout to other places.
    """
    if not known.torchvision or not _is_idx(known):
        return {name: root / name for name, _ in known.files if (root / name).exists()}
    found: dict[str, Path] = {}
    for folder in candidate_folders(known, root):
        lying = _published(folder)
        for name, _ in known.files:
            if path := lying.get(Path(name).name):
                found.setdefault(name, path)
    return found


def candidate_folders(known: Dataset, root: Path) -> list[Path]:
    """Where files of an IDX data set are looked for, in this order.

    Data sets share the names of their files, so those that lie in the data folder itself are MNIST's.
    """
    own = [root / known.torchvision / "raw", root / known.torchvision, root / known.name]
    return [*own, root] if known.name == "mnist" else own


def describe_search(known: Dataset, root: Path) -> str:
    """Which file is missing and where it was looked for, as a sentence."""
    missing = next((name for name, _ in known.files if name not in locate_files(known, root)), known.files[0][0])
    sentence = f"{root / missing} is looked for"
    if not _is_idx(known):
        return f"{sentence}."
    others = ", ".join(str(folder) for folder in candidate_folders(known, root)[1:])
    return f"{sentence}, also as .gz, or in {others}."


def _is_idx(known: Dataset) -> bool:
    return all(name.endswith("-ubyte") for name, _ in known.files)


def _published(folder: Path) -> dict[str, Path]:
    """Files of a folder by the names under which they were published, unpacked ones first."""
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
