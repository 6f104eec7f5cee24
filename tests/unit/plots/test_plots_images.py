"""Pictures of arrays: pixels in the right order, zero in the neutral colour, one scale for all."""

import io

import numpy as np
import pytest
from PIL import Image

from mnist_core import plots

RANDOM = np.random.default_rng(0)


def _read(content: bytes) -> np.ndarray:
    assert content.startswith(b"\x89PNG")
    return np.asarray(Image.open(io.BytesIO(content)))


@pytest.mark.parametrize("channels", [(), (3,)])
def test_sprite_places_every_image(channels: tuple[int, ...]) -> None:
    images = RANDOM.integers(0, 256, (7, 4, 5, *channels), dtype=np.uint8)
    picture = _read(plots.sprite(images, columns=3, scale=2, gap=1))
    assert picture.shape[:2] == (3 * 9 - 1, 3 * 11 - 1)
    shown = np.zeros(picture.shape[:2], dtype=bool)
    for index, image in enumerate(images):
        top, left = index // 3 * 9, index % 3 * 11
        tile = picture[top : top + 8, left : left + 10]
        np.testing.assert_array_equal(tile[::2, ::2, :-1].squeeze(), image)
        np.testing.assert_array_equal(tile[1::2, 1::2, :-1].squeeze(), image)
        shown[top : top + 8, left : left + 10] = True
    # The last channel is opacity.
    np.testing.assert_array_equal(picture[..., -1], np.where(shown, 255, 0))


def test_full_sprite_without_gaps_is_plain_and_small() -> None:
    images = RANDOM.integers(0, 256, (6, 28, 28), dtype=np.uint8)
    picture = _read(plots.sprite(images, columns=6))
    np.testing.assert_array_equal(picture, np.concatenate(list(images), axis=1))


def test_fewer_images_than_columns_and_wrong_types() -> None:
    assert _read(plots.sprite(np.zeros((2, 3, 3), dtype=np.uint8), columns=10)).shape == (3, 6)
    with pytest.raises(TypeError, match="uint8"):
        plots.sprite(np.zeros((2, 3, 3)), columns=10)


def test_channels_last() -> None:
    grey = RANDOM.integers(0, 256, (2, 1, 4, 5), dtype=np.uint8)
    colour = RANDOM.integers(0, 256, (2, 3, 4, 5), dtype=np.uint8)
    np.testing.assert_array_equal(plots.channels_last(grey), grey[:, 0])
    assert plots.channels_last(colour).shape == (2, 4, 5, 3)
    np.testing.assert_array_equal(plots.channels_last(colour)[1, 2, 3], colour[1, :, 2, 3])


def test_weights_share_one_scale_around_zero() -> None:
    weights = RANDOM.normal(size=(20, 10, 10)).astype(np.float32)
    weights[0, 0, 0] = 0
    # Without a limit these two weights would make all others pale.
    weights[0, 0, 1], weights[0, 0, 2] = 50, -50
    colours, limit = plots.weight_images(weights)
    assert colours.shape == (20, 10, 10, 3)
    assert colours.dtype == np.uint8
    assert 2.5 < limit < 4
    assert np.mean(np.abs(weights) <= limit) == pytest.approx(0.998, abs=0.001)
    red, _, blue = (colours[..., channel].astype(int) for channel in range(3))
    assert colours[0, 0, 0].tolist() == [247, 247, 247]
    assert (red > blue)[weights > 0.2].all()
    assert (red < blue)[weights < -0.2].all()
    same = weights[5, 5, 5]
    again, _ = plots.weight_images(np.where(np.arange(20)[:, None, None] == 3, same, weights))
    assert np.abs(again[3, 0, 0].astype(int) - colours[5, 5, 5]).max() <= 8


def test_the_scale_begins_ends_and_crosses_zero_as_weights_do() -> None:
    scale = _read(plots.weight_scale(257, 4))
    assert scale.shape == (4, 257, 3)
    colours, limit = plots.weight_images(np.array([[[-1.0, 0, 1]]]))
    assert limit == 1
    np.testing.assert_array_equal(scale[0, [0, 128, 256]], colours[0, 0])


def test_weights_that_are_all_zero() -> None:
    colours, limit = plots.weight_images(np.zeros((2, 3, 3)))
    assert limit == 0
    assert (colours == 247).all()


def test_colour_weights() -> None:
    weights = np.zeros((2, 3, 4, 4))
    weights[0, 0], weights[1, 2] = 0.5, -0.5
    pictures, limit = plots.colour_weight_images(weights)
    assert limit == 0.5
    assert pictures.shape == (2, 4, 4, 3)
    assert pictures[0, 0, 0].tolist() == [255, 128, 128]
    assert pictures[1, 0, 0].tolist() == [128, 128, 0]


def test_mean_images() -> None:
    images = RANDOM.integers(0, 256, (50, 3, 4, 4), dtype=np.uint8)
    labels = np.arange(50) % 3
    means = plots.mean_images(images, labels, 4)
    np.testing.assert_allclose(means[1], images[labels == 1].mean(axis=0), atol=0.51)
    assert not means[3].any()
