"""Reads a directory of PNG and JPEG images into one array per split: resized, grey or colour."""

import hashlib
import os
import stat
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from os import path as paths
from pathlib import Path
from typing import Any

import numpy as np

from mnist_core.config import (
    FIRST_READING_RULE,
    LARGE_PICTURE_BYTES,
    LARGE_PICTURE_PIXELS,
    MAX_PICTURE_BYTES,
    FolderFacts,
    limit_variable,
    read_limit,
)
from mnist_core.data.folder_layout import FOLDER_SPLITS, FolderListing, folder_path, list_folder
from mnist_core.data.idx import Labelled
from mnist_core.data.pictures import (
    READING_RULE,
    UNREADABLE,
    DecodedPicture,
    LargePictureError,
    Reading,
    are_one_colour,
    decode_picture,
    legacy_pixels,
    open_picture,
    to_pixels,
)
from mnist_core.errors import DataError

# Images per task of a thread: enough to make the cost of starting a task negligible.
_CHUNK = 64
# From this file size in bytes on, decoding runs long enough without Python's lock to be worth threads.
_LARGE = 20_000
_THREADS = 4
_LARGE_ONE = threading.RLock()
# At most this many paths of images of a single colour are recorded.
_NAMED = 5


@dataclass(frozen=True)
class FolderImages:
    """An image folder as arrays: uint8 images (N, C, size, size) and int64 labels, which are indices of `classes`."""

    classes: tuple[str, ...]
    train: Labelled
    test: Labelled
    # SHA-256 of each image's file, uint8 (N, 32).
    train_files: np.ndarray
    test_files: np.ndarray
    facts: FolderFacts


def read_folder(folder: str, size: int, colour: bool, rule: int = READING_RULE) -> FolderImages:
    """All images of a folder, stretched to a square, as `pictures` says or, by rule 1, `pictures.legacy_pixels`.

    Raises DataError that names what is missing or the image that cannot be read.
    """
    listing = list_folder(folder, rule)
    _check_total(folder, listing, size, colour)
    parts = [_SplitReader(listing, split, size, colour, rule) for split in FOLDER_SPLITS]
    reading = Reading.of(picture for part in parts for picture in part.special.values())
    for part in parts:
        for index, picture in part.special.items():
            part.images[index] = _channels_first(to_pixels(picture, reading))
    train, test = parts
    facts = _facts(folder, listing, parts, reading)
    return FolderImages(listing.classes, train.labelled, test.labelled, train.files, test.files, facts)


def _check_total(folder: str, listing: FolderListing, size: int, colour: bool) -> None:
    """Raise DataError if the images together would take too much memory; reads no image."""
    count = sum(len(of_class) for of_classes in listing.files.values() for of_class in of_classes)
    needed = count * size**2 * (3 if colour else 1)
    if needed > (most := read_limit("MAX_FOLDER_BYTES")):
        raise DataError(
            f"{folder} holds {count:,} images, which take {needed / 1e9:.1f} GB at {size} × {size} pixels"
            f"{' in colour' if colour else ''}; at most {most / 1e9:g} GB are read. Choose a smaller image "
            f"size, or grey images, or use fewer of them (on a larger machine: {limit_variable('MAX_FOLDER_BYTES')})."
        )


class _SplitReader:
    """One split while it is read; pictures whose reading depends on others are kept in `special`, by index."""

    def __init__(self, listing: FolderListing, split: str, size: int, colour: bool, rule: int) -> None:
        of_classes = listing.files[split]
        self.paths = [path for of_class in of_classes for path in of_class]
        self.labels = np.repeat(np.arange(len(of_classes)), [len(of_class) for of_class in of_classes])
        self.images = np.empty((len(self.paths), 3 if colour else 1, size, size), dtype=np.uint8)
        self.files = np.empty((len(self.paths), 32), dtype=np.uint8)
        self.special: dict[int, DecodedPicture] = {}
        self.turned = 0
        # Bytes of the pictures in `special`.
        self._waiting = 0
        self._how = size, colour, rule
        starts = range(0, len(self.paths), _CHUNK)
        # Small files: threads would only wait for Python's lock.
        if max(map(paths.getsize, self.paths[:_CHUNK])) < _LARGE:
            turned = map(self._read_chunk, starts)
            self.turned = sum(turned)
        else:
            with ThreadPoolExecutor(_THREADS) as pool:
                self.turned = sum(pool.map(self._read_chunk, starts))

    @property
    def labelled(self) -> Labelled:
        return self.images, self.labels.astype(np.int64)

    def _read_chunk(self, start: int) -> int:
        """Read some pictures; returns how many of them were turned upright."""
        turned = 0
        for index in range(start, min(start + _CHUNK, len(self.paths))):
            picture, digest = _read_picture(self.paths[index], *self._how)
            self.files[index] = np.frombuffer(digest, dtype=np.uint8)
            turned += picture.turned
            if picture.plain:
                self.images[index] = _channels_first(picture.values)
            else:
                self.special[index] = picture
                self._waiting += picture.values.nbytes
                if self._waiting > read_limit("MAX_FOLDER_BYTES"):
                    raise DataError(
                        f"{paths.dirname(self.paths[index])} and the other folders hold too many pictures with "
                        "transparency or more than 8 bits per value to read at once. Save them without, in 8 bits."
                    )
        return turned


def _read_picture(path: str, size: int, colour: bool, rule: int) -> tuple[DecodedPicture, bytes]:
    """One picture, and the SHA-256 of its file."""
    try:
        content = _content(path)
        with open_picture(content) as image, _one_at_a_time(image.width * image.height > LARGE_PICTURE_PIXELS):
            if rule == FIRST_READING_RULE:
                picture = DecodedPicture(legacy_pixels(image, colour, size))
            else:
                picture = decode_picture(image, colour, square=size)
    except UNREADABLE as error:
        raise DataError(f"{path} cannot be read as an image ({error}). Replace it or delete it.") from None
    return picture, hashlib.sha256(content).digest()


def _content(path: str) -> bytes:
    """The content of a file; raises OSError for anything but a regular file, LargePictureError for a large one."""
    # Without O_NONBLOCK, opening a named pipe would wait until somebody writes into it.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as file:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise OSError("it is not a regular file")
        with _one_at_a_time(state.st_size > LARGE_PICTURE_BYTES):
            content = b"" if state.st_size > MAX_PICTURE_BYTES else file.read(MAX_PICTURE_BYTES + 1)
    if max(state.st_size, len(content)) > MAX_PICTURE_BYTES:
        raise LargePictureError(f"its file has {state.st_size:,} bytes; at most {MAX_PICTURE_BYTES:,} are read")
    return content


def _one_at_a_time(large: bool) -> AbstractContextManager[Any]:
    """A lock so that large pictures are read one at a time; no lock for pictures of usual size."""
    return _LARGE_ONE if large else nullcontext()


def _channels_first(values: np.ndarray) -> np.ndarray:
    return values.transpose(2, 0, 1) if values.ndim == 3 else values[None]


def _facts(folder: str, listing: FolderListing, parts: Sequence[_SplitReader], reading: Reading) -> FolderFacts:
    blank = [part.paths[index] for part in parts for index in np.flatnonzero(are_one_colour(part.images)).tolist()]
    root = folder_path(folder)
    special = [picture for part in parts for picture in part.special.values()]
    return FolderFacts(
        left_out=dict(list(listing.left_out.items())[:100]),
        beside=listing.beside,
        deeper=listing.deeper,
        one_colour=len(blank),
        one_colour_files=tuple(str(Path(path).relative_to(root))[:1000] for path in blank[:_NAMED]),
        turned=sum(part.turned for part in parts),
        transparent=sum(picture.cover is not None for picture in special),
        deep=sum(picture.highest is not None for picture in special),
        depths=reading.depths,
        behind=reading.behind,
    )
