"""Where the images of a `folder` data set lie: train/<class>/*.png|jpg|jpeg and test/<class>/*.png|jpg|jpeg."""

import errno
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unicodedata import normalize

from mnist_core.config import READING_RULE, limit_variable, read_limit
from mnist_core.errors import DataError
from mnist_core.text import brief

FOLDER_SPLITS = ("train", "test")
_SUFFIXES = (".png", ".jpg", ".jpeg")
_LAYOUT = "An image folder holds train/<class>/*.png|jpg and test/<class>/*.png|jpg"
# A message shows at most this many characters of a path.
_PATH_LETTERS = 300
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class FolderListing:
    """The contents of an image folder, known from the names of its files alone."""

    classes: tuple[str, ...]
    # For each split, one tuple of image paths for each class; classes and paths are sorted.
    files: Mapping[str, tuple[tuple[str, ...], ...]]
    # Number of files in the class directories that are not images, by suffix, and number of images outside those
    # directories.
    left_out: Mapping[str, int]
    beside: int
    # Number of directories inside the class directories; nothing in them is read.
    deeper: int


def list_folder(folder: str, rule: int = READING_RULE) -> FolderListing:
    """The images and everything else in a folder; raises DataError that names what is missing and the remedy.

    Rule 1 orders classes and files by the text of their names as they are on the disk; rule 2 compares names in one
    Unicode form (NFC), and orders classes by the numbers in their names.
    """
    root = folder_path(folder)
    directories = _class_directories(folder, rule)
    classes = _ordered(directories["train"], rule)
    left_out: Counter[str] = Counter()
    files: dict[str, tuple[tuple[str, ...], ...]] = {}
    deeper = 0
    for split in FOLDER_SPLITS:
        of_classes = []
        for name in classes:
            images, others, inside = _entries(root, root / split / directories[split][name], rule)
            of_classes.append(images)
            left_out += others
            deeper += inside
        files[split] = tuple(of_classes)
        if sum(len(images) for of_class in files.values() for images in of_class) > read_limit("MAX_FOLDER_PICTURES"):
            raise DataError(
                f"{folder} holds more than the {read_limit('MAX_FOLDER_PICTURES'):,} images that are read. Use fewer "
                f"(on a larger machine: {limit_variable('MAX_FOLDER_PICTURES')})."
            )
    beside = sum(_images_beside(root / split) for split in FOLDER_SPLITS)
    return FolderListing(classes, files, dict(left_out.most_common()), beside, deeper)


def count_folder_images(folder: str, split: str) -> int:
    """How many images a split of a folder holds, by the names of its files. Raises DataError."""
    return sum(map(len, list_folder(folder).files[split]))


def folder_path(folder: str) -> Path:
    """The path of an image folder, in which ~name is a home directory. Raises DataError if there is no such user."""
    try:
        return Path(folder).expanduser()
    except RuntimeError:
        raise DataError(
            f"{folder[:200]} names a user whom this machine does not know. Give the full path of the image folder."
        ) from None


def folder_class_names(folder: str, rule: int = READING_RULE) -> tuple[str, ...]:
    """Names of the class directories in their order; raises DataError unless train/ and test/ hold the same ones."""
    return _ordered(_class_directories(folder, rule)["train"], rule)


def _class_directories(folder: str, rule: int) -> dict[str, dict[str, str]]:
    """For each split, class name: directory name; DataError unless both splits have the same classes, two at least."""
    root = folder_path(folder)
    directories = {split: _directories(root, split, rule) for split in FOLDER_SPLITS}
    for split, other in (FOLDER_SPLITS, FOLDER_SPLITS[::-1]):
        missing = sorted(directories[split].keys() - directories[other].keys())
        if missing:
            raise DataError(
                f"{folder}: the class {_listed(missing)} is in {split}/ but not in {other}/. "
                "Give both the same class folders."
            )
    if len(directories["train"]) > (most := read_limit("MAX_CLASSES")):
        raise DataError(
            f"{folder}/train holds {len(directories['train']):,} class folders, more than {most:,}. Give the "
            f"folder above train/ and test/, with one folder a class (on a larger machine: "
            f"{limit_variable('MAX_CLASSES')})."
        )
    if len(directories["train"]) < 2:
        raise DataError(f"{folder}/train holds {len(directories['train'])} class folders; at least 2 are needed.")
    return directories


def _directories(root: Path, split: str, rule: int) -> dict[str, str]:
    """Class names of a split, each with the name of its directory."""
    try:
        if not root.is_dir():
            raise DataError(f"{_shortened(root)} is not a folder. {_LAYOUT}; give its path.")
        _refuse_outside(root, root / split)
        with os.scandir(root / split) as entries:
            entries_here = [
                entry
                for entry in entries
                if not entry.name.startswith(".") and not _goes_in_circles(entry) and entry.is_dir()
            ]
        for entry in entries_here:
            if entry.is_symlink():
                _refuse_outside(root, entry)
        names = sorted(entry.name for entry in entries_here)
    except FileNotFoundError:
        raise DataError(f"{_shortened(root)} has no folder {split}/. {_LAYOUT}.") from None
    except OSError as error:
        raise DataError(f"{_shortened(root / split)} cannot be read ({error.strerror}). {_LAYOUT}.") from None
    if rule == 1:
        return {name: name for name in names}
    directories: dict[str, str] = {}
    for name in names:
        if (other := directories.setdefault(normalize("NFC", name), name)) != name:
            raise DataError(
                f"{root / split} holds two folders that are both called {normalize('NFC', name)!r}, as {other!a} "
                f"and as {name!a} (two spellings of the same letters in Unicode). Put their images into one."
            )
    return directories


def _ordered(names: Mapping[str, str], rule: int) -> tuple[str, ...]:
    return tuple(sorted(names) if rule == 1 else sorted(names, key=_by_number))


def _by_number(name: str) -> tuple[Any, ...]:
    """Numbers first, by their value; then other names, in which runs of digits count as numbers (page 2, page 10)."""
    if _NUMBER.fullmatch(name):
        return (0, float(name), name)
    # The parts alternate between text and number and begin with a text, so sorting compares text with text and number
    # with number.
    parts = re.split(r"(\d+)", name)
    return (1, [int(part) if at % 2 else part for at, part in enumerate(parts)], name)


def _entries(root: Path, directory: Path, rule: int) -> tuple[tuple[str, ...], Counter[str], int]:
    """Sorted image paths of a class directory, number of other files by suffix, and number of directories inside.

    Something named like an image that is not a file, such as a pipe, counts as another file.
    """
    images: list[os.DirEntry[str]] = []
    others: Counter[str] = Counter()
    deeper = 0
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if _goes_in_circles(entry):
                    others["no file"] += 1
                elif entry.is_dir():
                    deeper += 1
                elif _is_image(entry.name):
                    if entry.is_symlink():
                        _refuse_outside(root, entry)
                    if entry.is_file():
                        images.append(entry)
                    else:
                        others["no file"] += 1
                else:
                    others[_suffix(entry.name)] += 1
    except OSError as error:
        raise DataError(f"{directory} cannot be read ({error.strerror}). Check its permissions.") from None
    if not images:
        instead = f" but {others.total():,} other files ({_listed(sorted(others))})" if others else ""
        raise DataError(
            f"{directory} holds no .png, .jpg or .jpeg image{instead}. Add some, or remove the class everywhere."
        )
    if rule == 1:
        images.sort(key=lambda entry: entry.path)
    else:
        images.sort(key=lambda entry: (normalize("NFC", entry.name), entry.name))
    return tuple(entry.path for entry in images), others, deeper


def _refuse_outside(root: Path, path: "Path | os.DirEntry[str]") -> None:
    """Raise DataError if the path leads out of the folder: a link must not give access to other files."""
    whole, target = os.path.realpath(root), os.path.realpath(path)
    if not Path(target).is_relative_to(whole):
        raise DataError(f"{os.fspath(path)} is a link to something outside of {root}. Put a copy there instead.")


def _goes_in_circles(entry: "os.DirEntry[str]") -> bool:
    """Whether the entry is a link to itself, or one of several links that lead to each other."""
    if not entry.is_symlink():
        return False
    try:
        entry.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


def _images_beside(directory: Path) -> int:
    """Images that lie in train/ or test/ itself, so that they have no class."""
    with os.scandir(directory) as entries:
        return sum(_is_image(entry.name) and not _goes_in_circles(entry) and entry.is_file() for entry in entries)


def _shortened(path: Path) -> str:
    return brief(str(path), _PATH_LETTERS)


def _is_image(name: str) -> bool:
    return name.lower().endswith(_SUFFIXES) and not name.startswith(".")


def _suffix(name: str) -> str:
    """The suffix of a file's name in small letters, or "without suffix"."""
    return os.path.splitext(name)[1].lower()[:40] or "without suffix"


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} (and {len(names) - 5} more)"
