"""Extracts the strokes in a picture as white on black: ink on paper, chalk on a board, lines drawn on a screen."""

from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from mnist_core.data import pictures

# Larger pictures are reduced to this longest side, in pixels, before strokes are searched for.
WORKING_SIZE = 480

# In a photograph, parts with less ink than this share of the largest part count as dirt.
_SPECK = 0.03
# As a share of the strongest ink: less than the first is invisible, more than the second is never noise.
_FAINT, _NOISE = 0.03, 0.2
# Even the thinnest drawing has this many pixels, so the strength of the pixel at this rank counts as full strength.
_FEWEST = 40
# As a share of the full range: a picture with less contrast holds no strokes.
_CONTRAST = 0.12


def extract_strokes(picture: np.ndarray) -> np.ndarray:
    """The strokes in a picture, uint8 (H, W) or (H, W, 3 or 4), as white on black, uint8 (H, W); all 0 without any.

    Pen on paper or chalk on a board, decided by the border. What was drawn on a screen lies on ground of one value:
    only what compression left beside the strokes is taken away. From anything else uneven light is taken out; Otsu's
    threshold (1979) parts strokes from ground, with soft edges; specks are dropped.
    """
    values = to_grey(picture)
    if pictures.picture_ground(values) == "bright":
        values = 255 - values
    level = int(np.median(np.concatenate((values[0], values[-1], values[:, 0], values[:, -1]))))
    if np.mean(values == level) > 0.5:
        return _drawn_on_a_screen(_reduced(np.maximum(values, level) - np.uint8(level)))
    return _photographed(values)


def to_grey(picture: np.ndarray) -> np.ndarray:
    """The brightness of a picture, uint8 (H, W) or (H, W, 3 or 4), as uint8 (H, W)."""
    if picture.ndim == 2:
        return picture
    if picture.shape[2] == 4:
        return pictures.single_picture_pixels(Image.fromarray(picture), colour=False)
    return np.asarray(Image.fromarray(picture).convert("L"))


def _reduced(strokes: np.ndarray) -> np.ndarray:
    """Strokes (H, W), white on black, reduced to working size; even the thinnest line keeps its brightness."""
    factor = max(strokes.shape) / WORKING_SIZE
    if factor <= 1:
        return strokes
    height, width = (max(1, round(side / factor)) for side in strokes.shape)
    return shrink_strokes(strokes, height, width)


def shrink_strokes(strokes: np.ndarray, height: int, width: int) -> np.ndarray:
    """Strokes (H, W) reduced to (height, width), neither larger than it was: each pixel the brightest that falls on it.

    Averages would let thin lines fade.
    """
    rows, columns = (
        np.arange(part) * whole // part for part, whole in zip((height, width), strokes.shape, strict=True)
    )
    return np.maximum.reduceat(np.maximum.reduceat(strokes, rows, axis=0), columns, axis=1)


def _drawn_on_a_screen(strokes: np.ndarray) -> np.ndarray:
    """Strokes (H, W) on a background of 0, without JPEG artefacts beside them: uint8, the strongest 255."""
    peak = int(strokes.max())
    if peak < 255 * _CONTRAST:
        return np.zeros_like(strokes)
    strength = strokes / np.float32(peak)
    strength[strength < _FAINT] = 0
    noise = _noise(strength)
    if noise:
        strength *= _near_strokes(strength, noise)
    return np.rint(255 * strength).astype(np.uint8)


def _noise(strength: np.ndarray) -> float:
    """Strongest faint value on the background (H, W), away from all strokes; 0 in a losslessly stored picture."""
    reach = 1 + 2 * max(1, round(max(strength.shape) / 56))
    away = ndimage.maximum_filter(strength, size=reach) <= 1.5 * _NOISE
    return float(strength[away & (strength <= _NOISE)].max(initial=0))


def _near_strokes(strength: np.ndarray, noise: float) -> np.ndarray:
    """Pixels (H, W) of strokes that stand out from the noise, and their neighbours, which soften the edges."""
    labelled: Any = ndimage.label(strength > noise, structure=np.ones((3, 3)))
    parts, count = labelled
    peaks = ndimage.maximum(strength, parts, index=np.arange(1, count + 1))
    kept = np.isin(parts, 1 + np.flatnonzero(np.asarray(peaks) >= 2 * noise))
    near = np.zeros(strength.shape, dtype=bool)
    # Cut to the box of the certain strokes: ink too faint to distinguish from noise must not decide the size.
    (box,) = ndimage.find_objects(kept.astype(np.uint8))
    near[box] = ndimage.binary_dilation(kept, structure=np.ones((3, 3)))[box]
    return near


def _photographed(values: np.ndarray) -> np.ndarray:
    """The strokes of a photograph uint8 (H, W) of bright on dark."""
    brightness = _shrunk(values).astype(np.float32) / 255
    strength = brightness - _light(brightness)
    peak = float(np.quantile(strength, max(0.999, 1 - _FEWEST / strength.size)))
    if peak < _CONTRAST:
        return np.zeros(strength.shape, dtype=np.uint8)
    strength = np.clip(strength / peak, 0, 1)
    threshold = max(_otsu(strength), 0.2)
    # The value is 0.5 exactly at the threshold.
    soft = np.clip((strength - 0.5 * threshold) / threshold, 0, 1)
    return np.rint(255 * _without_specks(soft, strength > threshold)).astype(np.uint8)


def _shrunk(values: np.ndarray) -> np.ndarray:
    if max(values.shape) <= WORKING_SIZE:
        return values
    image = Image.fromarray(values)
    image.thumbnail((WORKING_SIZE, WORKING_SIZE), Image.Resampling.BOX)
    return np.asarray(image)


def _light(brightness: np.ndarray) -> np.ndarray:
    """The light on the paper: the picture without anything that is brighter and narrower than a third of it."""
    small = brightness[::8, ::8] if min(brightness.shape) >= 64 else brightness
    size = max(3, min(small.shape) // 3)
    opened = ndimage.grey_opening(small, size=(size, size), mode="nearest")
    smooth = ndimage.gaussian_filter(opened, size / 4, mode="nearest")
    factors = np.divide(brightness.shape, small.shape)
    return np.asarray(ndimage.zoom(smooth, factors, order=1, mode="nearest", grid_mode=True))


def _otsu(values: np.ndarray) -> float:
    """The threshold in [0, 1] that divides the values into two groups with the least variance within them."""
    counts, edges = np.histogram(values, bins=256, range=(0, 1))
    middles = (edges[:-1] + edges[1:]) / 2
    below, total = np.cumsum(counts), counts.sum()
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (sums[-1] * below / total - sums) ** 2 / (below * (total - below))
    return float(edges[1:][np.nanargmax(np.where(np.isfinite(between), between, np.nan))])


def _without_specks(strength: np.ndarray, strokes: np.ndarray) -> np.ndarray:
    """Strength (H, W) of the strokes, without parts that hold only a small share of the ink."""
    labelled: Any = ndimage.label(strokes, structure=np.ones((3, 3)))
    parts, count = labelled
    if count == 0:
        return np.zeros_like(strength)
    amounts = ndimage.sum_labels(strength, parts, index=np.arange(1, count + 1))
    kept = np.isin(parts, 1 + np.flatnonzero(amounts >= _SPECK * amounts.max()))
    return np.where(ndimage.binary_dilation(kept, iterations=2), strength, 0)
