"""Turns a drawing or photograph into an image like those a network was trained on: MNIST's preprocessing, in numpy.

LeCun, Bottou, Bengio and Haffner (1998), section III.A: digits were scaled to fit a box of 20x20 pixels with their
proportions kept, which made them grey, and placed in a field of 28x28 by their centre of mass. Measured on MNIST, that
centre lies at pixel (14, 14), counted from 0, and the shift is by whole pixels. Nothing in MNIST was written with a
pen as thin as a mouse draws, so strokes that are thinner than a data set's thinnest are drawn with its usual pen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps
from scipy import ndimage

from mnist_core.config import Framing, Pen
from mnist_core.data import pictures
from mnist_core.data.pictures import Ground
from mnist_core.data.strokes import WORKING_SIZE, extract_strokes, shrink_strokes, to_grey
from mnist_core.errors import DataError

_NO_PICTURE = "This file cannot be read as a picture; upload a PNG or JPEG, such as a photograph of a digit on paper."

# Strokes are scaled to this longest side, in pixels, before their width is measured or changed.
_FINE = 100
# As a share of the strongest ink: above the first a pixel belongs to a thin stroke, above the second to the inside of
# any stroke.
_FAINT, _HALF = 0.4, 0.5
# As a share of the data set's thinnest width: strokes below the first get the usual width, wider ones are thickened
# less and less; a line below the second is a hairline.
_ALL_OF_IT, _HAIRLINE = 0.75, 0.67
# A drawing with a larger share of hairlines is not thickened, because it would lose its form. Hardly any MNIST digit
# has so many.
_MANY_HAIRLINES = 0.35
# A picture of the network's image size stays as it is if the box and the centre of its strokes are within these
# distances, in pixels, of the right ones.
_SAME_BOX, _SAME_CENTRE = 1, 0.7


@dataclass(frozen=True)
class PlacedDrawing:
    """The image that a network gets for a drawing or picture, and how the strokes were changed."""

    # Pixels, uint8 (C, H, W).
    image: np.ndarray
    # Whether the strokes were thinner than those of the data set and were redrawn with its pen.
    thickened: bool
    # Whether bright and dark were exchanged, because the network learned on the opposite background.
    inverted: bool


def place_drawing(
    picture: np.ndarray, input_shape: Sequence[int], framing: Framing, ground: Ground | None = None
) -> PlacedDrawing | None:
    """The image for a network that takes (C, H, W), made from a drawing or picture; None if that is blank.

    `picture` is uint8: white strokes on black (H, W), as from a canvas or `extract_strokes`, or a colour picture
    (H, W, 3 or 4).
    `framing` and `ground` are those of the network's data set. A `ground` of None means that it is not known; digits
    then become bright on dark and pictures stay as they are. For a colour network the middle square is only resized.
    """
    channels, height, width = input_shape
    if picture.ndim == 3 and picture.shape[2] == 4:
        picture = pictures.single_picture_pixels(Image.fromarray(picture), colour=True)
    behind = "dark" if picture.ndim == 2 else pictures.picture_ground(to_grey(picture))
    inverted = ground not in (None, behind)
    if framing.share is None or channels != 1:
        resized = _resized(picture, channels, height, width)
        return None if resized is None else PlacedDrawing(255 - resized if inverted else resized, False, inverted)
    strokes = picture if picture.ndim == 2 else extract_strokes(picture)
    if not strokes.any():
        return None
    box = round(min(height, width) * framing.share)
    drawn, thickened = _with_pen(strokes[_box(strokes)], framing.pen)
    if thickened or not _lies_right(strokes, height, width, box, framing.by_mass):
        strokes = _framed(drawn, height, width, box, framing.by_mass)
    # Shape (1, H, W).
    on_dark = strokes[None]
    return PlacedDrawing(255 - on_dark if ground == "bright" else on_dark, thickened, behind != (ground or "dark"))


def read_picture(content: bytes) -> np.ndarray:
    """An uploaded file as a picture, uint8 (H, W, 3), upright and not larger than needed; see `data.pictures`.

    Raises DataError if it is not a picture, or too large.
    """
    try:
        with pictures.open_picture(content) as image:
            return pictures.single_picture_pixels(image, colour=True, longest=2 * WORKING_SIZE)
    except pictures.LargePictureError as error:
        raise DataError(
            f"This picture is too large: {error}; save it smaller (1,000 pixels a side are enough) and try again."
        ) from error
    except pictures.AnimationError as error:
        raise DataError(f"This file is not a single picture: {error}, and upload that.") from error
    except pictures.UNREADABLE as error:
        raise DataError(_NO_PICTURE) from error


def _box(strokes: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns that hold strokes, for an image (H, W) with at least one stroke."""
    rows, columns = np.flatnonzero(strokes.any(axis=1)), np.flatnonzero(strokes.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _with_pen(strokes: np.ndarray, pen: Pen | None) -> tuple[np.ndarray, bool]:
    """Cropped strokes (H, W), redrawn with the data set's pen if they are too thin, and whether they were."""
    if pen is None:
        return strokes, False
    depths = _depths(_scaled(strokes, _FINE), _HALF)
    width, thinnest, usual = _mean_width(depths), pen.thinnest * _FINE, pen.usual * _FINE
    if width < thinnest:
        # The growth falls smoothly to zero as lines get wider, so that the picture does not jump while somebody draws.
        reach = (usual - width) / 2 * min(1.0, (1 - width / thinnest) / (1 - _ALL_OF_IT))
        return _grown(strokes, reach, lambda scaled: scaled > _FAINT * scaled.max()), True
    ridges = _ridges(depths)
    if np.count_nonzero(_hairlines(depths, ridges, thinnest)) < _MANY_HAIRLINES * np.count_nonzero(ridges):
        return strokes, False

    def hairlines(scaled: np.ndarray) -> np.ndarray:
        depths = _depths(scaled, _FAINT)
        return _hairlines(depths, _ridges(depths), thinnest)

    return _grown(strokes, (usual - 1) / 2, hairlines), True


def _grown(strokes: np.ndarray, reach: float, lines_of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Cropped strokes (H, W) in which the chosen lines are wider by `reach` fine pixels on either side."""
    # Scale down first, so that the box is as large after thickening as it was before.
    scaled = np.pad(_scaled(strokes, max(1, round(_FINE - 2 * reach))), int(reach) + 2)
    distances = np.asarray(ndimage.distance_transform_edt(~lines_of(scaled)))
    peak = int(scaled.max())
    drawn = np.maximum(scaled, np.rint(peak * np.clip(reach + 1 - distances, 0, 1)).astype(np.uint8))
    # Leave out the outermost soft pixels, which would weaken lines that end at the edge.
    return drawn[_box(drawn > peak / 2)]


def _depths(strokes: np.ndarray, share: float) -> np.ndarray:
    """Distance of each pixel of strokes (H, W) from the background, float (H, W); 0 on the background.

    Pixels fainter than a share of the strongest count as background, and so does everything beyond the edges.
    """
    return np.asarray(ndimage.distance_transform_edt(np.pad(strokes > share * strokes.max(), 1)))[1:-1, 1:-1]


def _mean_width(depths: np.ndarray) -> float:
    """Mean width of lines in pixels. In a line of width w the mean distance to the edge is w/4, plus 1/2 in pixels."""
    return max(1.0, 4 * float(depths[depths > 0].mean()) - 2)


def _ridges(depths: np.ndarray) -> np.ndarray:
    """Pixels in the middle of a line, bool (H, W): no neighbour is farther from the edge."""
    return (depths > 0) & (depths >= ndimage.maximum_filter(depths, size=3))


def _hairlines(depths: np.ndarray, ridges: np.ndarray, thinnest: float) -> np.ndarray:
    """Middle pixels, bool (H, W), of lines that are clearly narrower than the data set's thinnest."""
    return ridges & (2 * depths - 1 < _HAIRLINE * thinnest)


def _scaled(strokes: np.ndarray, longest: int) -> np.ndarray:
    """Strokes scaled to a longest side of this many pixels; even the thinnest lines are kept."""
    factor = longest / max(strokes.shape)
    height, width = (max(1, round(side * factor)) for side in strokes.shape)
    if factor > 1:
        return np.asarray(Image.fromarray(strokes).resize((width, height), Image.Resampling.BILINEAR))
    return shrink_strokes(strokes, height, width)


def _lies_right(strokes: np.ndarray, height: int, width: int, box: int, by_mass: bool) -> bool:
    """Whether the strokes are already an image of (height, width) that is placed like those of the data set.

    Scaling such an image would only blur it. Compression may have moved the edge of its box by a pixel.
    """
    if strokes.shape != (height, width):
        return False
    edges = [np.flatnonzero(strokes.any(axis=axis)) for axis in (1, 0)]
    if abs(max(edge[-1] - edge[0] + 1 for edge in edges) - box) > _SAME_BOX:
        return False
    if not by_mass:
        return all(abs(edge[0] + edge[-1] + 1 - whole) <= 1 for edge, whole in zip(edges, strokes.shape, strict=True))
    centres = [
        np.average(np.arange(side), weights=strokes.sum(axis=1 - axis)) for axis, side in enumerate(strokes.shape)
    ]
    return all(abs(centre - whole / 2) <= _SAME_CENTRE for centre, whole in zip(centres, strokes.shape, strict=True))


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
    # Keep the box inside the image, even if its centre of mass is far from its middle.
    return min(max(round(whole / 2 - centre), 0), whole - side)


def _filter(factor: float) -> Image.Resampling:
    return Image.Resampling.BOX if factor < 1 else Image.Resampling.BILINEAR


def _resized(picture: np.ndarray, channels: int, height: int, width: int) -> np.ndarray | None:
    """The middle square of a picture, resized with anti-aliasing: uint8 (C, H, W); None if it is all of one colour."""
    image = Image.fromarray(picture)
    if all(low == high for low, high in _extrema(image)):
        return None
    fitted = ImageOps.fit(image.convert("RGB" if channels == 3 else "L"), (width, height), Image.Resampling.LANCZOS)
    pixels = np.asarray(fitted)
    return pixels.transpose(2, 0, 1).copy() if channels == 3 else pixels[None].copy()


def _extrema(image: Image.Image) -> list[tuple[int, int]]:
    return [band.getextrema() for band in image.split()]  # pyright: ignore[reportReturnType]
