"""Pictures as people make them of real digits: other pens, other sizes, other files. For tests and benchmarks."""

import io
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

# Side of the drawings in pixels: ten for each of MNIST's 28.
SIDE = 280
# Side in pixels of the picture that the drawing pad sends.
PAD = 112


class Digit:
    """A digit of MNIST, and the lines in the middle of its strokes."""

    def __init__(self, pixels: np.ndarray, seed: int = 0) -> None:
        # Pixels, uint8 (28, 28).
        self.pixels = pixels
        self.seed = seed
        self._lines: dict[int, np.ndarray] = {}

    def enlarged(self, side: int = SIDE) -> np.ndarray:
        """The digit with smooth outlines in a square: uint8 (side, side)."""
        return np.asarray(Image.fromarray(self.pixels).resize((side, side), Image.Resampling.BICUBIC))

    def lines(self, side: int = SIDE) -> np.ndarray:
        """Its lines in a square, one pixel wide: bool (side, side)."""
        if side not in self._lines:
            strokes = self.enlarged(side) > 127
            # Thinning a large picture as a whole would take a second.
            if side > SIDE:
                places = np.arange(side) * SIDE // side
                strokes = self.lines()[places][:, places]
            self._lines[side] = skeleton(strokes)
        return self._lines[side]

    def random(self) -> np.random.Generator:
        """A random generator for this digit: the same at each call, and another for each digit."""
        return np.random.default_rng(self.seed)


def skeleton(strokes: np.ndarray) -> np.ndarray:
    """The lines, a pixel wide, in the middle of strokes: bool (H, W).

    Zhang and Suen, "A fast parallel algorithm for thinning digital patterns" (1984).
    """
    thin = np.pad(strokes, 1)
    while True:
        before = thin
        for removable in _REMOVABLE:
            thin = thin & ~removable[_neighbourhoods(thin)]
        if np.array_equal(before, thin):
            return thin[1:-1, 1:-1]


def _neighbourhoods(image: np.ndarray) -> np.ndarray:
    """For each pixel which of its eight neighbours are set, as a number from 0 to 255, north in the lowest bit."""
    numbers = np.zeros(image.shape, dtype=np.uint8)
    for bit, (row, column) in enumerate(_CLOCKWISE):
        numbers |= np.roll(image, (-row, -column), (0, 1)).astype(np.uint8) << bit
    return numbers


_CLOCKWISE = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))


def _removable_in(step: int) -> np.ndarray:
    """For each neighbourhood, whether this of the two steps removes the pixel: bool (256,)."""
    # Shape (256, 8), clockwise from north.
    neighbours = (np.arange(256)[:, None] >> np.arange(8)) & 1
    count = neighbours.sum(axis=1)
    crossings = ((neighbours == 0) & (np.roll(neighbours, -1, axis=1) == 1)).sum(axis=1)
    north, east, south, west = neighbours[:, ::2].T
    if step == 0:
        sides = (north * east * south == 0) & (east * south * west == 0)
    else:
        sides = (north * east * west == 0) & (north * south * west == 0)
    return (count >= 2) & (count <= 6) & (crossings == 1) & sides


_REMOVABLE = (_removable_in(0), _removable_in(1))


def pen(line: np.ndarray, width: int) -> np.ndarray:
    """Lines (H, W) drawn with a round pen so many pixels wide: uint8 white on black, with hard edges."""
    middle = (width - 1) / 2
    rows, columns = np.indices((width, width)) - middle
    tip = rows**2 + columns**2 <= (width / 2) ** 2
    return np.where(ndimage.binary_dilation(line, structure=tip), 255, 0).astype(np.uint8)


def smooth_pen(line: np.ndarray, width: float) -> np.ndarray:
    """Lines (H, W) drawn with soft edges, as a browser's canvas draws them."""
    distance = np.asarray(ndimage.distance_transform_edt(~line))
    return np.rint(255 * np.clip((width + 1) / 2 - distance, 0, 1)).astype(np.uint8)


def swelling_pen(line: np.ndarray, thinnest: float, thickest: float) -> np.ndarray:
    """Lines (H, W) drawn with a pen whose pressure changes on its way."""
    rows, columns = np.indices(line.shape)
    radii = (thinnest + (thickest - thinnest) * (0.5 + 0.5 * np.sin((rows + 0.6 * columns) / 16))) / 2
    nearest: Any = ndimage.distance_transform_edt(~line, return_distances=False, return_indices=True)
    distance = np.asarray(ndimage.distance_transform_edt(~line))
    return np.rint(255 * np.clip(radii[tuple(nearest)] + 0.5 - distance, 0, 1)).astype(np.uint8)


def nib(line: np.ndarray, broad: int, narrow: int) -> np.ndarray:
    """Lines (H, W) drawn with hard edges and a broad nib, held at 45 degrees."""
    rows, columns = np.indices((broad, broad)) - (broad - 1) / 2
    along, across = (rows - columns) / 2**0.5, (rows + columns) / 2**0.5
    tip = (along / broad) ** 2 + (across / narrow) ** 2 <= 0.25
    return np.where(ndimage.binary_dilation(line, structure=tip), 255, 0).astype(np.uint8)


def broken(line: np.ndarray, dash: int, gap: int) -> np.ndarray:
    """Dashed lines: pieces of about `dash` pixels remain, about `gap` pixels apart. Bool (H, W)."""
    rows, columns = np.indices(line.shape)
    return line & ((rows + columns) % (dash + gap) < dash)


def as_file(picture: np.ndarray, kind: str = "PNG", **settings: object) -> bytes:
    """A picture (H, W) or (H, W, 3 or 4) as a file of this kind."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, **settings)
    return file.getvalue()


def coloured(strokes: np.ndarray, ink: tuple[int, int, int], paper: tuple[int, int, int]) -> np.ndarray:
    """Strokes (H, W) in a colour on a colour: uint8 (H, W, 3)."""
    strength = strokes[..., None] / 255
    return np.rint(np.array(paper) * (1 - strength) + np.array(ink) * strength).astype(np.uint8)


def on_nothing(strokes: np.ndarray, ink: int) -> np.ndarray:
    """Strokes (H, W) in one grey on transparent ground: uint8 (H, W, 4)."""
    colour = np.full_like(strokes, ink)
    return np.dstack((colour, colour, colour, strokes))


def placed(strokes: np.ndarray, height: int, width: int, random: np.random.Generator) -> np.ndarray:
    """Strokes somewhere on a black canvas of this size: uint8 (height, width)."""
    canvas = np.zeros((height, width), dtype=np.uint8)
    top = random.integers(0, height - strokes.shape[0], endpoint=True)
    left = random.integers(0, width - strokes.shape[1], endpoint=True)
    canvas[top : top + strokes.shape[0], left : left + strokes.shape[1]] = strokes
    return canvas


def cut_out(strokes: np.ndarray) -> np.ndarray:
    """Strokes (H, W) without the empty rows and columns about them."""
    rows, columns = np.flatnonzero(strokes.any(axis=1)), np.flatnonzero(strokes.any(axis=0))
    return strokes[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def photographed(digit: Digit, chalk: bool = False, width: int | None = None) -> bytes:
    """JPEG of a digit on unevenly lit paper or on a board, with noise and a warm tint.

    The strokes are the digit's own or those of a pen.
    """
    random = digit.random()
    side = int(random.integers(180, 420))
    strokes = smooth_pen(digit.lines(side), width) if width else 4 * np.clip(digit.enlarged(side) - 89.0, 0, 63.75)
    covered = placed(np.rint(strokes).astype(np.uint8), 600, 800, random) / 255
    light = np.linspace(0.95, 0.55, 800)[None] * np.linspace(1, 0.75, 600)[:, None]
    scene = 0.25 * light + 0.6 * covered if chalk else light * (1 - 0.75 * covered)
    scene = scene + random.normal(0, 0.02, scene.shape)
    colours = np.clip(255 * scene[..., None] * np.array([1, 0.97, 0.9]), 0, 255).astype(np.uint8)
    return as_file(colours, "JPEG", quality=80)


# Turns a digit into what the drawing pad would send, uint8 (H, W), or into the bytes of an uploaded file.
Way = Callable[[Digit], np.ndarray | bytes]


def _penned(digit: Digit, width: int, side: int = SIDE) -> bytes:
    return as_file(255 - pen(digit.lines(side), width))


def _penned_jpeg(digit: Digit, width: int, quality: int) -> bytes:
    return as_file(255 - pen(digit.lines(), width), "JPEG", quality=quality)


def _dashes(digit: Digit, dash: int, gap: int, width: int) -> bytes:
    return as_file(255 - pen(broken(digit.lines(), dash, gap), width))


def _jpeg(digit: Digit, side: int, quality: int) -> bytes:
    return as_file(255 - (digit.pixels if side == 28 else digit.enlarged(side)), "JPEG", quality=quality)


def _brush(digit: Digit, size: int) -> np.ndarray:
    """The pad's brush, whose size is in thousandths of the pad's side."""
    strokes = Image.fromarray(smooth_pen(digit.lines(), size * SIDE / 1000))
    return np.asarray(strokes.resize((PAD, PAD), Image.Resampling.BOX))


def _small(digit: Digit, side: int, canvas: int) -> bytes:
    size = (side, side)
    filter = Image.Resampling.BOX if side < 28 else Image.Resampling.BICUBIC
    strokes = np.asarray(Image.fromarray(digit.pixels).resize(size, filter))
    return as_file(255 - placed(strokes, canvas, canvas, digit.random()))


WAYS: Mapping[str, Way] = {
    **{f"pen of {width} px in 280": partial(_penned, width=width) for width in (1, 2, 3, 4, 6, 8, 12, 20, 30, 40)},
    **{f"pen of 1 px in {side}": partial(_penned, width=1, side=side) for side in (28, 64, 100, 1000)},
    **{
        f"pen of {width} px, soft, white on black": lambda digit, width=width: as_file(smooth_pen(digit.lines(), width))
        for width in (1, 3)
    },
    **{
        f"pen of 2 px, {name} on nothing": lambda digit, ink=ink: as_file(on_nothing(smooth_pen(digit.lines(), 2), ink))
        for name, ink in (("black", 0), ("white", 255))
    },
    **{f"pen of 2 px, JPEG {quality}": partial(_penned_jpeg, width=2, quality=quality) for quality in (50, 75, 95)},
    "pen of 2 px, blue on yellow, JPEG 75": lambda digit: as_file(
        coloured(pen(digit.lines(), 2), (30, 60, 170), (250, 240, 200)), "JPEG", quality=75
    ),
    "pen pressed from 1 to 16 px": lambda digit: as_file(255 - swelling_pen(digit.lines(), 1, 16)),
    "pen pressed from 4 to 24 px": lambda digit: as_file(255 - swelling_pen(digit.lines(), 4, 24)),
    "broad nib, 16 x 2 px": lambda digit: as_file(255 - nib(digit.lines(), 16, 2)),
    "dashes, 6 on, 4 off, 1 px": partial(_dashes, dash=6, gap=4, width=1),
    "dots, 2 on, 6 off, 2 px": partial(_dashes, dash=2, gap=6, width=2),
    **{f"28 x 28, JPEG {quality}": partial(_jpeg, side=28, quality=quality) for quality in (50, 75, 85, 95)},
    "56 x 56, JPEG 75": partial(_jpeg, side=56, quality=75),
    "280 x 280, JPEG 50": partial(_jpeg, side=280, quality=50),
    **{f"pad, brush {size}": partial(_brush, size=size) for size in (40, 75, 130)},
    "off-centre in 28": lambda digit: as_file(placed(cut_out(digit.pixels), 28, 28, digit.random())),
    "off-centre in 500 x 640": lambda digit: as_file(placed(digit.enlarged(), 500, 640, digit.random())),
    "small, 14 in 28": partial(_small, side=14, canvas=28),
    "small, 60 in 280": partial(_small, side=60, canvas=280),
    "yellow on green": lambda digit: as_file(coloured(digit.enlarged(), (255, 220, 0), (20, 60, 20))),
    "inverted, 28": lambda digit: as_file(255 - digit.pixels),
    "inverted, 280": lambda digit: as_file(255 - digit.enlarged()),
    "photograph, pen on paper": photographed,
    "photograph, chalk on a board": partial(photographed, chalk=True),
    "photograph, pen of 3 px": partial(photographed, width=3),
}
