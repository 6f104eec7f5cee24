"""From a drawing or a photograph to what a network was trained on: MNIST's own preprocessing, in numpy.

LeCun, Bottou, Bengio and Haffner (1998), section III.A: digits were scaled to fit a box of 20x20 pixels with their
proportions kept, which made them grey, and placed in a field of 28x28 by their centre of mass. Measured on MNIST, that
centre lies at pixel (14, 14), counted from 0, and the shift is by whole pixels.
"""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from scipy import ndimage

from mnist_core.data.catalogue import Framing
from mnist_core.errors import DataError

_LARGEST = 50_000_000  # pixels of a picture that is accepted
_TOO_LARGE = "This picture has more than 50 million pixels; save it smaller (1,000 a side are plenty) and try again."
_NO_PICTURE = "This file cannot be read as a picture; upload a PNG or JPEG, such as a photograph of a digit on paper."
_WORKING_SIZE = 480  # longest side at which photographs are cleaned
_SPECK = 0.03  # parts with less ink than this share of the largest part are dirt
_FAINT = 0.03  # ink below this share of the strongest is what compression left on a flat ground
_CONTRAST = 0.12  # of the full range; below it a picture holds no strokes


def prepare(picture: np.ndarray, input_shape: Sequence[int], framing: Framing) -> np.ndarray | None:
    """What a network for images of (C, H, W) is given of a drawing or picture: uint8 (C, H, W), None if it is blank.

    `picture` is uint8: white strokes on black (H, W), as a canvas or `ink` gives them, or a picture (H, W, 3 or 4).
    `framing` is that of the network's data set. For a colour network the middle square is only resized.
    """
    channels, height, width = input_shape
    if framing.share is None or channels != 1:
        return _resized(picture, channels, height, width)
    strokes = picture if picture.ndim == 2 else ink(picture)
    if not strokes.any():
        return None
    box = round(min(height, width) * framing.share)
    return _framed(_cropped(strokes), height, width, box, framing.by_mass)[None]  # (1, H, W)


def read_picture(content: bytes) -> np.ndarray:
    """An uploaded file as a picture, uint8 (H, W, 4), upright and not larger than needed.

    Raises DataError if it is no picture or too large.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > _LARGEST:
                raise DataError(_TOO_LARGE)
            image.draft("RGB", (2 * _WORKING_SIZE, 2 * _WORKING_SIZE))  # lets JPEG decode at a fraction of its size
            upright = ImageOps.exif_transpose(image).convert("RGBA")
            upright.thumbnail((2 * _WORKING_SIZE, 2 * _WORKING_SIZE), reducing_gap=2.0)
            return np.asarray(upright)
    except Image.DecompressionBombError as error:
        raise DataError(_TOO_LARGE) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise DataError(_NO_PICTURE) from error


def ink(picture: np.ndarray) -> np.ndarray:
    """The strokes in a picture, uint8 (H, W) or (H, W, 3 or 4), as white on black, uint8 (H, W); all 0 without any.

    Pen on paper or chalk on a board, decided by the border; uneven light is taken out; Otsu's threshold (1979) parts
    strokes from ground, with soft edges; specks are dropped.
    """
    grey = _grey(picture)  # (H, W) float32 in [0, 1]
    level = np.median(np.concatenate((grey[0], grey[-1], grey[:, 0], grey[:, -1])))
    if level > (grey.min() + grey.max()) / 2:
        grey, level = 1 - grey, 1 - level
    flat = np.mean(grey == level) > 0.5  # drawn on a screen: nothing to clean
    strength = grey - (level if flat else _ground(grey))
    peak = float(strength.max() if flat else np.quantile(strength, 0.999))
    if peak < _CONTRAST:
        return np.zeros(grey.shape, dtype=np.uint8)
    strength = np.clip(strength / peak, 0, 1)
    if flat:
        return np.rint(255 * np.where(strength < _FAINT, 0, strength)).astype(np.uint8)
    threshold = max(_otsu(strength), 0.2)
    soft = np.clip((strength - 0.5 * threshold) / threshold, 0, 1)  # 0.5 exactly at the threshold
    return np.rint(255 * _without_specks(soft, strength > threshold)).astype(np.uint8)


def _grey(picture: np.ndarray) -> np.ndarray:
    """Brightness (H, W) in [0, 1] at working size; what is transparent lies on the ground that shows it best."""
    if picture.ndim == 2:
        return _shrunk(picture).astype(np.float32) / 255
    colours = picture[..., :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32) / 255  # BT.601
    if picture.shape[2] == 4 and picture[..., 3].min() < 255:
        alpha = picture[..., 3].astype(np.float32) / 255
        ground = 1.0 if (colours * alpha).sum() < 0.5 * alpha.sum() else 0.0
        colours = colours * alpha + ground * (1 - alpha)
    return _shrunk(np.rint(255 * colours).astype(np.uint8)).astype(np.float32) / 255


def _shrunk(grey: np.ndarray) -> np.ndarray:
    if max(grey.shape) <= _WORKING_SIZE:
        return grey
    image = Image.fromarray(grey)
    image.thumbnail((_WORKING_SIZE, _WORKING_SIZE), Image.Resampling.BOX)
    return np.asarray(image)


def _ground(grey: np.ndarray) -> np.ndarray:
    """The light that falls on the paper: the picture without what is brighter and narrower than a third of it."""
    small = grey[::8, ::8] if min(grey.shape) >= 64 else grey
    size = max(3, min(small.shape) // 3)
    opened = ndimage.grey_opening(small, size=(size, size), mode="nearest")
    smooth = ndimage.gaussian_filter(opened, size / 4, mode="nearest")
    factors = np.divide(grey.shape, small.shape)
    return np.asarray(ndimage.zoom(smooth, factors, order=1, mode="nearest", grid_mode=True))


def _otsu(values: np.ndarray) -> float:
    """The threshold in [0, 1] that parts the values into two groups with the least variance within them."""
    counts, edges = np.histogram(values, bins=256, range=(0, 1))
    middles = (edges[:-1] + edges[1:]) / 2
    below, total = np.cumsum(counts), counts.sum()
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (sums[-1] * below / total - sums) ** 2 / (below * (total - below))
    return float(edges[1:][np.nanargmax(np.where(np.isfinite(between), between, np.nan))])


def _without_specks(strength: np.ndarray, strokes: np.ndarray) -> np.ndarray:
    """The strength (H, W) near parts of the strokes that hold a fair share of the ink."""
    labelled: Any = ndimage.label(strokes, structure=np.ones((3, 3)))
    parts, count = labelled
    if count == 0:
        return np.zeros_like(strength)
    amounts = ndimage.sum_labels(strength, parts, index=np.arange(1, count + 1))
    kept = np.isin(parts, 1 + np.flatnonzero(amounts >= _SPECK * amounts.max()))
    return np.where(ndimage.binary_dilation(kept, iterations=2), strength, 0)


def _cropped(strokes: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(strokes.any(axis=1)), np.flatnonzero(strokes.any(axis=0))
    return strokes[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _framed(strokes: np.ndarray, height: int, width: int, box: int, by_mass: bool) -> np.ndarray:
    """Cropped strokes, scaled until their longest side is `box` pixels, in a field of (height, width)."""
    factor = box / max(strokes.shape)
    tall, wide = (max(1, round(side * factor)) for side in strokes.shape)
    scaled = np.asarray(Image.fromarray(strokes).resize((wide, tall), _filter(factor)))
    top = _start(scaled.sum(axis=1), height, by_mass)
    left = _start(scaled.sum(axis=0), width, by_mass)
    field = np.zeros((height, width), dtype=np.uint8)
    field[top : top + tall, left : left + wide] = scaled
    return field


def _start(ink_along: np.ndarray, whole: int, by_mass: bool) -> int:
    """Where strokes with this much ink in each row (or column) begin in a field of `whole` pixels."""
    side = len(ink_along)
    if not by_mass:
        return (whole - side) // 2
    centre = float(np.average(np.arange(side), weights=ink_along))
    return min(max(round(whole / 2 - centre), 0), whole - side)  # inside, however far it sticks out from its centre


def _resized(picture: np.ndarray, channels: int, height: int, width: int) -> np.ndarray | None:
    """The middle square of a picture, resized with anti-aliasing: uint8 (C, H, W); None if it is all of one colour."""
    if picture.shape[-1] == 4 and picture.ndim == 3:
        image = Image.fromarray(picture)
        flat = Image.new("RGBA", image.size, "white")
        flat.alpha_composite(image)
    else:
        flat = Image.fromarray(picture)
    if all(low == high for low, high in _extrema(flat)):
        return None
    fitted = ImageOps.fit(flat.convert("RGB" if channels == 3 else "L"), (width, height), Image.Resampling.LANCZOS)
    pixels = np.asarray(fitted)
    return pixels.transpose(2, 0, 1).copy() if channels == 3 else pixels[None].copy()


def _extrema(image: Image.Image) -> list[tuple[int, int]]:
    return [band.getextrema() for band in image.split()]  # pyright: ignore[reportReturnType]


def _filter(factor: float) -> Image.Resampling:
    return Image.Resampling.BOX if factor < 1 else Image.Resampling.BILINEAR
