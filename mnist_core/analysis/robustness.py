"""How well a network still recognises images that were changed: seven kinds of change, each at growing severity.

Severity 0 leaves an image as it is. What is random in a change (which way, where) is drawn once for an image and a
kind, so that a higher severity is more of the same; and every call draws the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mnist_core.analysis.costs import answering_seconds
from mnist_core.store import Run

# Images that are changed and predicted together.
CHUNK = 100
# Number of severities, the unchanged images at severity 0 included.
LEVELS = 6

# Amounts in pixels are meant for images of this width and grow with the width.
_SIZE = 28
# The colour of the covering square: visible on dark and on light ground.
_GREY = 128
# Seed of everything random in this module.
_SEED = 20_000
# Measured on one core: time to change an image.
_CHANGE_SECONDS = 2e-5

Change = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
# Takes uint8 images (N, C, H, W) and returns scores (N, classes); the class with the largest is the prediction.
Predictor = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Corruption:
    """A kind of change with its amounts at severities 1, 2, ..., in `unit`."""

    name: str
    help: str
    unit: str
    amounts: tuple[float, ...]
    change: Change
    # Which random numbers the change draws: a number of its own, so that its place in the list means nothing.
    stream: int

    def label(self, severity: int) -> str:
        """The amount at a severity as it is read at an axis, without its unit."""
        return f"{self.amounts[severity - 1]:g}" if severity else "0"


@dataclass(frozen=True)
class RobustnessCounts:
    """Intermediate result: of `images` images, how many each network has right, int (corruptions, LEVELS)."""

    # Share of the work, from 0 to 1.
    done: float
    images: int
    right: Mapping[str, np.ndarray]


def corrupt(images: np.ndarray, kind: Corruption, severity: int, offset: int = 0) -> np.ndarray:
    """Change uint8 images (N, C, H, W); severity 0 leaves them as they are. Beyond the border images are black.

    What is random depends only on the kind and on `offset`, the index of the first of these images among all.
    """
    if severity == 0:
        return images
    random = np.random.default_rng([_SEED, kind.stream, offset])
    changed = kind.change(images.astype(np.float32), kind.amounts[severity - 1], random)
    return np.clip(np.rint(changed), 0, 255).astype(np.uint8)


def count_right_answers(
    networks: Mapping[str, Predictor],
    images: np.ndarray,
    labels: np.ndarray,
    untouched: Mapping[str, np.ndarray] | None = None,
) -> Iterator[RobustnessCounts]:
    """Count each network's right predictions for all changes of uint8 images (N, C, H, W) with labels (N,).

    Yields intermediate counts as they grow. `untouched` says which of the unchanged images a network has right, bool
    (N,), where that is stored: then severity 0 is the recorded accuracy, whatever machine measures the rest. Every
    change is computed once for all networks. The images are processed in chunks, so intermediate counts are always
    about the first of them.
    """
    right = {key: np.zeros((len(CORRUPTIONS), LEVELS), dtype=np.int64) for key in networks}
    for start in range(0, len(images), CHUNK):
        chunk, truth = images[start : start + CHUNK], labels[start : start + CHUNK]
        counts = {key: value.copy() for key, value in right.items()}
        for done, (row, severity) in enumerate(cells := list(_cells())):
            yield RobustnessCounts((start + len(chunk) * done / len(cells)) / len(images), start, right)
            changed = corrupt(chunk, CORRUPTIONS[row], severity, start)
            for key, answer in networks.items():
                if severity == 0 and untouched is not None and key in untouched:
                    hits = int(untouched[key][start : start + CHUNK].sum())
                else:
                    hits = int((answer(changed).argmax(axis=1) == truth).sum())
                counts[key][row if severity else slice(None), severity] += hits
        right = counts
    yield RobustnessCounts(1.0, len(images), right)


def sample_images(count: int, wanted: int) -> np.ndarray:
    """Ascending indices of a fixed random sample of `wanted` of `count` images; all if there are no more."""
    if wanted >= count:
        return np.arange(count)
    return np.sort(np.random.default_rng(_SEED).choice(count, wanted, replace=False))


def measuring_seconds(runs: Sequence[Run], images: int) -> float:
    """About how long `count_right_answers` takes for these runs on one core. Raises what `answering_seconds` does."""
    changed = images * len(list(_cells()))
    return changed * _CHANGE_SECONDS + sum(answering_seconds(run, changed) for run in runs)


def _cells() -> Iterator[tuple[int, int]]:
    """Rows and severities in the order of measuring; severity 0 once, as it is the same for all kinds."""
    yield 0, 0
    for row in range(len(CORRUPTIONS)):
        for severity in range(1, LEVELS):
            yield row, severity


def _rotated(images: np.ndarray, degrees: float, random: np.random.Generator) -> np.ndarray:
    angles = np.radians(degrees) * random.choice((-1, 1), len(images))
    return _moved(images, angles=angles)


def _shifted(images: np.ndarray, pixels: float, random: np.random.Generator) -> np.ndarray:
    ways = random.uniform(0, 2 * np.pi, len(images))
    return _moved(images, steps=pixels * images.shape[3] / _SIZE * np.stack((np.sin(ways), np.cos(ways)), axis=1))


def _scaled(images: np.ndarray, percent: float, random: np.random.Generator) -> np.ndarray:
    return _moved(images, factors=1 + random.choice((-1, 1), len(images)) * percent / 100)


def _moved(
    images: np.ndarray,
    angles: np.ndarray | float = 0.0,
    factors: np.ndarray | float = 1.0,
    steps: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Images turned (radians) and enlarged about their middle, then moved by a step (down, right): bilinear."""
    count, channels, height, width = images.shape
    angles, factors = (np.broadcast_to(value, count)[:, None, None] for value in (angles, factors))
    down, right = np.broadcast_to(steps, (count, 2)).T[:, :, None, None]
    y = np.arange(height)[:, None] - (height - 1) / 2 - down
    x = np.arange(width) - (width - 1) / 2 - right
    # Shape (N, H, W): where each pixel of the result comes from.
    rows = (np.cos(angles) * y - np.sin(angles) * x) / factors + (height - 1) / 2
    columns = (np.sin(angles) * y + np.cos(angles) * x) / factors + (width - 1) / 2
    # A black border, so that pixels from outside the image are black.
    framed = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1))).reshape(count, channels, -1)
    rows, columns = np.clip(rows + 1, 0, height + 1), np.clip(columns + 1, 0, width + 1)
    top, left = np.minimum(rows.astype(int), height), np.minimum(columns.astype(int), width)
    lower, further = (rows - top).astype(np.float32), (columns - left).astype(np.float32)
    # Index of the upper left of the four neighbours in the framed image.
    corners = top * (width + 2) + left
    moved = np.zeros((count, channels, height * width), dtype=np.float32)
    for offset, share in (
        (0, (1 - lower) * (1 - further)),
        (1, (1 - lower) * further),
        (width + 2, lower * (1 - further)),
        (width + 3, lower * further),
    ):
        places = np.broadcast_to((corners + offset).reshape(count, 1, -1), moved.shape)
        moved += share.reshape(count, 1, -1) * np.take_along_axis(framed, places, axis=2)
    return moved.reshape(images.shape)


def _blurred(images: np.ndarray, pixels: float, random: np.random.Generator) -> np.ndarray:
    sigma = pixels * images.shape[3] / _SIZE
    down, across = (_smoothing(size, sigma) for size in images.shape[2:])
    return down @ images @ across


def _smoothing(size: int, sigma: float) -> np.ndarray:
    """A Gaussian (sigma in pixels) as a matrix (size, size) for one axis; black beyond the border: float32."""
    reach = np.arange(-size, size + 1)
    distance = np.subtract.outer(np.arange(size), np.arange(size))
    return (np.exp(-0.5 * (distance / sigma) ** 2) / np.exp(-0.5 * (reach / sigma) ** 2).sum()).astype(np.float32)


def _noisy(images: np.ndarray, percent: float, random: np.random.Generator) -> np.ndarray:
    return images + 2.55 * percent * random.standard_normal(images.shape, dtype=np.float32)


def _faded(images: np.ndarray, percent: float, random: np.random.Generator) -> np.ndarray:
    means = images.mean(axis=(1, 2, 3), keepdims=True)
    return means + (1 - percent / 100) * (images - means)


def _covered(images: np.ndarray, pixels: float, random: np.random.Generator) -> np.ndarray:
    height, width = images.shape[2:]
    side = min(round(pixels * width / _SIZE), height, width)
    # Drawn as shares of the free room, which makes the position independent of the side: a larger square covers a
    # smaller one.
    shares = random.random((len(images), 2))
    tops, lefts = np.floor(shares * (height - side + 1, width - side + 1)).astype(int).T
    covered = images.copy()
    for image, top, left in zip(covered, tops, lefts, strict=True):
        image[:, top : top + side, left : left + side] = _GREY
    return covered


CORRUPTIONS = (
    Corruption(
        name="Rotation",
        help="Turned to one side or the other.",
        unit="degrees",
        amounts=(10, 20, 30, 45, 60),
        change=_rotated,
        stream=0,
    ),
    Corruption(
        name="Shift",
        help="Moved in any direction.",
        unit="pixels",
        amounts=(1, 2, 3, 4, 6),
        change=_shifted,
        stream=1,
    ),
    Corruption(
        name="Scale",
        help="Smaller or larger by this much.",
        unit="%",
        amounts=(10, 20, 30, 40, 50),
        change=_scaled,
        stream=2,
    ),
    Corruption(
        name="Blur",
        help="Gaussian blur of this standard deviation.",
        unit="pixels",
        amounts=(0.5, 1, 1.5, 2, 3),
        change=_blurred,
        stream=3,
    ),
    Corruption(
        name="Noise",
        help="Gaussian noise, its standard deviation in per cent of white.",
        unit="%",
        amounts=(10, 20, 30, 45, 60),
        change=_noisy,
        stream=4,
    ),
    Corruption(
        name="Contrast",
        help="Drawn this far towards the image's mean brightness.",
        unit="%",
        amounts=(30, 50, 70, 80, 90),
        change=_faded,
        stream=5,
    ),
    Corruption(
        name="Occlusion",
        help="A grey square with this side, anywhere.",
        unit="pixels",
        amounts=(4, 7, 10, 13, 16),
        change=_covered,
        stream=6,
    ),
)
if len({kind.stream for kind in CORRUPTIONS}) < len(CORRUPTIONS):
    raise ImportError("two corruptions draw the same random numbers: give each a stream of its own")
