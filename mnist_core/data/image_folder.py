"""Reading a directory of PNG and JPEG images into one array a split: resized, grey or colour."""

from concurrent.futures import ThreadPoolExecutor
from os import path as files

import numpy as np
from PIL import Image

from mnist_core.data.folder_layout import class_names, image_files
from mnist_core.data.idx import Labelled
from mnist_core.errors import DataError

_CHUNK = 64  # images a task: enough that handing out tasks costs nothing
_LARGE = 20_000  # bytes of a file from which decoding, which frees Python's lock, is worth threads
_THREADS = 4


def read_labelled(folder: str, size: int, colour: bool) -> tuple[tuple[str, ...], Labelled, Labelled]:
    """Class names, and training and test images (uint8, size x size, 1 or 3 channels) with labels.

    Images are stretched to a square; labels are positions in the sorted class names. Raises DataError that
    names what is missing or the image that cannot be read.
    """
    classes = class_names(folder)
    train, test = ([image_files(folder, split, name) for name in classes] for split in ("train", "test"))
    return classes, _read(train, size, colour), _read(test, size, colour)


def _read(paths_by_class: list[list[str]], size: int, colour: bool) -> Labelled:
    paths = [path for of_class in paths_by_class for path in of_class]
    labels = np.repeat(np.arange(len(paths_by_class)), [len(of_class) for of_class in paths_by_class])
    images = np.empty((len(paths), 3 if colour else 1, size, size), dtype=np.uint8)

    def read_chunk(start: int) -> None:
        for index in range(start, min(start + _CHUNK, len(paths))):
            images[index] = _read_image(paths[index], size, colour)

    starts = range(0, len(paths), _CHUNK)
    if max(map(files.getsize, paths[:_CHUNK])) < _LARGE:  # threads would only queue for Python's lock
        for start in starts:
            read_chunk(start)
    else:
        with ThreadPoolExecutor(_THREADS) as pool:
            for _ in pool.map(read_chunk, starts):
                pass
    return images, labels.astype(np.int64)


def _read_image(path: str, size: int, colour: bool) -> np.ndarray:
    mode = "RGB" if colour else "L"
    try:
        with Image.open(path) as image:
            if image.width >= 2 * size:  # lets JPEG decode a large photograph at a fraction of its size
                image.draft(mode, (size, size))
            image = _opaque(image).convert(mode)
            if image.size != (size, size):
                image = image.resize((size, size), Image.Resampling.BILINEAR)
            pixels = np.asarray(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} cannot be read as an image ({error}). Replace it or delete it.") from None
    return pixels.transpose(2, 0, 1) if colour else pixels[None]


def _opaque(image: Image.Image) -> Image.Image:
    """The image without what `convert` would get wrong: transparency (shown on white) and 16 bits a pixel."""
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image
