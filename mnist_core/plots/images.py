"""Arrays as pictures: sprites of many images, weights in a diverging map. numpy in, PNG bytes out."""

import base64
import io
import math

import numpy as np
from PIL import Image

# Negative, zero, positive: two hues around a light neutral zero; colour-blind people can tell them apart.
_DIVERGING = np.array([(5, 48, 97), (67, 147, 195), (247, 247, 247), (214, 96, 77), (103, 0, 31)], dtype=np.float64)
# Share of the weights that the colour scale spans.
_WITHIN = 0.998


def channels_last(images: np.ndarray) -> np.ndarray:
    """Data's images, uint8 (N, C, H, W), as pictures: (N, H, W) when grey, (N, H, W, 3) in colour."""
    return images[:, 0] if images.shape[1] == 1 else images.transpose(0, 2, 3, 1)


def sprite(images: np.ndarray, columns: int, scale: int = 1, gap: int = 0) -> bytes:
    """One PNG of many images, uint8 (N, H, W) grey or (N, H, W, 3), row by row.

    Each pixel becomes scale x scale pixels, unblurred; tiles stand (W * scale + gap) pixels apart and the gaps and
    the end of the last row are transparent.
    """
    if images.dtype != np.uint8:
        raise TypeError(f"pictures are uint8, not {images.dtype}")
    count, height, width = images.shape[:3]
    columns = max(1, min(columns, count))
    rows = math.ceil(count / columns)
    plain = gap == 0 and count == rows * columns
    tiles = images if plain else _with_alpha(images)
    channels = tiles.shape[3:]
    cells = np.zeros((rows * columns, height * scale + gap, width * scale + gap, *channels), dtype=np.uint8)
    cells[:count, : height * scale, : width * scale] = tiles.repeat(scale, axis=1).repeat(scale, axis=2)
    # Shape (rows, height, columns, width[, channels]).
    grid = cells.reshape(rows, columns, *cells.shape[1:]).swapaxes(1, 2)
    canvas = grid.reshape(rows * cells.shape[1], columns * cells.shape[2], *channels)
    return png(canvas[: canvas.shape[0] - gap, : canvas.shape[1] - gap])


def weight_images(weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights (N, H, W) as colours uint8 (N, H, W, 3), and the limit of their shared scale.

    Zero is light grey, -limit and below dark blue, limit and above dark red. All but two in a thousand lie within the
    limit: a few extreme weights would make the rest pale.
    """
    scaled, limit = _scaled(weights)
    return _coloured(scaled), limit


def colour_weight_images(weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights on colour images (N, 3, H, W) as uint8 (N, H, W, 3), and the limit of their shared scale.

    Each channel shows its own weights: mid-grey is zero, black -limit, full brightness limit, as in `weight_images`.
    """
    scaled, limit = _scaled(weights)
    return np.rint(127.5 + 127.5 * scaled).astype(np.uint8).transpose(0, 2, 3, 1), limit


def weight_scale(width: int = 256, height: int = 16) -> bytes:
    """PNG of the colours of `weight_images` from -limit (left) to limit (right), for a legend."""
    return png(np.broadcast_to(_coloured(np.linspace(-1, 1, width)), (height, width, 3)))


def mean_images(images: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Mean image of each class from uint8 (N, C, H, W): uint8 (classes, C, H, W); black for a class without images."""
    means = np.zeros((classes, *images.shape[1:]), dtype=np.uint8)
    for class_index in range(classes):
        chosen = images[labels == class_index]
        if len(chosen):
            means[class_index] = np.rint(chosen.mean(axis=0, dtype=np.float32))
    return means


def png_address(file: bytes) -> str:
    """A PNG file as an address that a page, a figure or a report can hold in itself."""
    return f"data:image/png;base64,{base64.b64encode(file).decode()}"


def png(image: np.ndarray) -> bytes:
    """PNG file of uint8 (H, W) grey, (H, W, 2) grey with opacity, (H, W, 3) colour or (H, W, 4) with opacity."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def _with_alpha(images: np.ndarray) -> np.ndarray:
    pictures = images[..., None] if images.ndim == 3 else images
    return np.concatenate((pictures, np.full_like(pictures[..., :1], 255)), axis=-1)


def _scaled(weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights divided by their limit and clipped to [-1, 1], and the limit."""
    limit = float(np.quantile(np.abs(weights), _WITHIN)) if weights.size else 0.0
    return np.clip(weights / limit, -1, 1) if limit else np.sign(weights), limit


def _coloured(values: np.ndarray) -> np.ndarray:
    """Values from -1 to 1 in the diverging map: uint8 (..., 3)."""
    stops = np.linspace(-1, 1, len(_DIVERGING))
    channels = [np.interp(values, stops, _DIVERGING[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
