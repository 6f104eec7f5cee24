"""IDX files, MNIST's own format: a big-endian header of magic number and sizes, then one byte a value."""

import gzip
import zlib
from pathlib import Path

import numpy as np

from mnist_core.config import Dataset
from mnist_core.data.idx_files import is_packed, kind_of_numbers, locate_files
from mnist_core.errors import DataError

# Images uint8 (N, C, H, W) and labels int64 (N,).
Labelled = tuple[np.ndarray, np.ndarray]
# What the numbers of an IDX file are, by the third byte of the file.
_NUMBERS = {8: np.uint8, 12: ">i4"}


def read_idx_dataset(entry: Dataset, root: Path) -> tuple[Labelled, Labelled]:
    """Training and test images with labels of an IDX data set below `root`; raises DataError naming the file.

    Every file is checked before anything is returned: kind, shape, length, and the range of the labels.
    """
    located = locate_files(entry, root)
    names = [name for name, _ in entry.files]
    paths = [located.get(name, root / name) for name in names]
    train = _pair(entry, paths[0], paths[1], names[1], entry.train_images)
    test = _pair(entry, paths[2], paths[3], names[3], entry.test_images)
    return train, test


def read_idx(path: Path, shape: tuple[int, ...], remedy: str, kind: int = 8) -> np.ndarray:
    """The numbers of one IDX file, of exactly this shape; raises DataError that names the file and the remedy.

    Format: http://yann.lecun.com/exdb/mnist/ (two zero bytes, `kind`, the number of dimensions). The numbers are uint8
    where `kind` is 8, and big-endian int32 where it is 12.
    """
    try:
        if is_packed(path):
            content = np.frombuffer(bytearray(gzip.decompress(path.read_bytes())), dtype=np.uint8)
        else:
            content = np.fromfile(path, dtype=np.uint8)
    except FileNotFoundError:
        raise DataError(f"{path} is missing. {remedy}") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is damaged: it cannot be unpacked ({error}). {remedy}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}). {remedy}") from None
    header = 4 + 4 * len(shape)
    if content.size < header or content[:4].tolist() != [0, 0, kind, len(shape)]:
        first_bytes = content[:4].tobytes().hex(" ") or "nothing"
        raise DataError(
            f"{path} is not an IDX file of {len(shape)} dimensions (it begins with {first_bytes}). {remedy}"
        )
    stated = tuple(int(size) for size in content[4:header].view(">u4"))
    if stated != shape:
        raise DataError(f"{path} declares {_times(stated)} values instead of {_times(shape)}. {remedy}")
    number = np.dtype(_NUMBERS[kind])
    expected = header + int(np.prod(shape)) * number.itemsize
    if content.size != expected:
        fault = "cut off" if content.size < expected else "too long"
        raise DataError(f"{path} is {fault}: {content.size:,} bytes instead of {expected:,}. {remedy}")
    return content[header:].view(number).reshape(shape)


def _pair(entry: Dataset, images_path: Path, labels_path: Path, labels_name: str, count: int) -> Labelled:
    channels, height, width = entry.shape
    remedy = f"Delete it and download {entry.label} again: python -m mnist_core data download {entry.name}"
    images = read_idx(images_path, (count, height, width), remedy)
    columns = (entry.label_columns,) if entry.label_columns > 1 else ()
    labels = read_idx(labels_path, (count, *columns), remedy, kind_of_numbers(labels_name))
    labels = labels.reshape(count, -1)[:, 0]
    highest = int(labels.max())
    if highest >= len(entry.classes):
        where = int(labels.argmax())
        raise DataError(
            f"{labels_path} holds the label {highest} (image {where:,}); "
            f"{entry.label} has the labels 0 to {len(entry.classes) - 1}. {remedy}"
        )
    return images.reshape(count, channels, height, width), labels.astype(np.int64)


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{size:,}" for size in shape)
