"""Reading a directory of PNG and JPEG images into one array a split: resized, grey or colour."""

import hashlib
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import path as paths
from pathlib import Path

import numpy as np
from PIL import Image

from mnist_core.data.folder_layout import FOLDER_SPLITS, Listing, list_folder
from mnist_core.data.idx import Labelled
from mnist_core.data.pictures import RULE, UNREADABLE, Decoded, Reading, decode, legacy_pixels, one_colour, pixels
from mnist_core.data_facts import FIRST_RULE, FolderFacts
from mnist_core.errors import DataError

_CHUNK = 64  # images a task: enough that handing out tasks costs nothing
_LARGE = 20_000  # bytes of a file from which decoding, which frees Python's lock, is worth threads
_THREADS = 4
_NAMED = 5  # images of one colour that are named


@dataclass(frozen=True)
class FolderImages:
    """An image folder as arrays: uint8 images (N, C, size, size) and int64 labels, places in `classes`."""

    classes: tuple[str, ...]
    train: Labelled
    test: Labelled
    # SHA-256 of each image's file: uint8 (N, 32).
    train_files: np.ndarray
    test_files: np.ndarray
    facts: FolderFacts


def read_folder(folder: str, size: int, colour: bool, rule: int = RULE) -> FolderImages:
    """All images of a folder, stretched to a square, as `pictures` says or, by rule 1, `pictures.legacy_pixels`.

    Raises DataError that names what is missing or the image that cannot be read.
    """
    listing = list_folder(folder, rule)
    parts = [_Part(listing, split, size, colour, rule) for split in FOLDER_SPLITS]
    reading = Reading.of(picture for part in parts for picture in part.special.values())
    for part in parts:
        for index, picture in part.special.items():
            part.images[index] = _channels_first(pixels(picture, reading))
    train, test = parts
    facts = _facts(folder, listing, parts, reading)
    return FolderImages(listing.classes, train.labelled, test.labelled, train.files, test.files, facts)


class _Part:
    """One split while it is read: pictures about which others must be asked wait in `special`, by their places."""

    def __init__(self, listing: Listing, split: str, size: int, colour: bool, rule: int) -> None:
        of_classes = listing.files[split]
        self.paths = [path for of_class in of_classes for path in of_class]
        self.labels = np.repeat(np.arange(len(of_classes)), [len(of_class) for of_class in of_classes])
        self.images = np.empty((len(self.paths), 3 if colour else 1, size, size), dtype=np.uint8)
        self.files = np.empty((len(self.paths), 32), dtype=np.uint8)
        self.special: dict[int, Decoded] = {}
        self.turned = 0
        self._how = size, colour, rule
        starts = range(0, len(self.paths), _CHUNK)
        if max(map(paths.getsize, self.paths[:_CHUNK])) < _LARGE:  # threads would only queue for Python's lock
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
        return turned


def _read_picture(path: str, size: int, colour: bool, rule: int) -> tuple[Decoded, bytes]:
    """One picture, and the SHA-256 of its file."""
    try:
        content = Path(path).read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            if rule == FIRST_RULE:
                picture = Decoded(legacy_pixels(image, colour, size))
            else:
                picture = decode(image, colour, square=size)
    except UNREADABLE as error:
        raise DataError(f"{path} cannot be read as an image ({error}). Replace it or delete it.") from None
    return picture, hashlib.sha256(content).digest()


def _channels_first(values: np.ndarray) -> np.ndarray:
    return values.transpose(2, 0, 1) if values.ndim == 3 else values[None]


def _facts(folder: str, listing: Listing, parts: Sequence[_Part], reading: Reading) -> FolderFacts:
    blank = [part.paths[index] for part in parts for index in np.flatnonzero(one_colour(part.images)).tolist()]
    root = Path(folder).expanduser()
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
