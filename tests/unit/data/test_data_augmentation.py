"""Augmentation: each kind does what its name says, nothing else, and depends on the random state alone."""

import math

import pytest
import torch
from torch import Tensor

from mnist_core.config.run_config import RunConfig
from mnist_core.data.augmentation import augment, has_augmentation

EVERYTHING = RunConfig(shift=3, rotate=20, scale=0.2, elastic=1.4, crop_flip=True)


def blob(count: int, size: int = 28, row: float = 13.5, column: float = 13.5, width: float = 2.5) -> Tensor:
    """`count` equal images (count, 1, size, size) of a soft round spot of total brightness about 39."""
    pixels = torch.arange(size, dtype=torch.float32)
    spot = torch.exp(-((pixels[:, None] - row) ** 2 + (pixels - column) ** 2) / (2 * width**2))
    return spot.expand(count, 1, size, size).contiguous()


def centres(images: Tensor) -> Tensor:
    """Row and column of the centre of brightness of each image: (B, 2), in pixels from the middle."""
    coordinates = torch.arange(images.shape[-1], dtype=torch.float32) - (images.shape[-1] - 1) / 2
    mass = images.sum(dim=(1, 2, 3))
    return (
        torch.stack([images.sum(dim=(1, 3)) @ coordinates, images.sum(dim=(1, 2)) @ coordinates], dim=1) / mass[:, None]
    )


def spread(images: Tensor) -> Tensor:
    """Root mean square distance of brightness from its centre along one axis: (B,), in pixels."""
    coordinates = torch.arange(images.shape[-1], dtype=torch.float32) - (images.shape[-1] - 1) / 2
    squares = (coordinates[:, None] ** 2 + coordinates**2) / 2
    mass = images.sum(dim=(1, 2, 3))
    return ((images * squares).sum(dim=(1, 2, 3)) / mass - centres(images).square().mean(dim=1)).sqrt()


def test_nothing_asked_for_changes_nothing_and_draws_nothing() -> None:
    images = torch.rand(4, 1, 28, 28)
    state = torch.get_rng_state()
    assert not has_augmentation(RunConfig())
    assert augment(images, RunConfig()) is images
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    "config",
    [RunConfig(shift=1), RunConfig(rotate=1), RunConfig(scale=0.1), RunConfig(elastic=1), RunConfig(crop_flip=True)],
    ids=lambda config: next(iter(config.changed())),
)
def test_each_kind_changes_images_and_keeps_their_shape_and_range(config: RunConfig) -> None:
    torch.manual_seed(0)
    images = torch.rand(16, 3, 32, 32)
    changed = augment(images, config)
    assert has_augmentation(config)
    assert changed.shape == images.shape
    assert changed.dtype == torch.float32
    assert 0 <= changed.min() <= changed.max() <= 1 + 1e-6
    assert (changed - images).abs().amax(dim=(1, 2, 3)).min() > 1e-4
    assert len({image.numpy().tobytes() for image in changed}) == 16


def test_shift_moves_the_centre_by_up_to_that_many_pixels_each_way() -> None:
    torch.manual_seed(0)
    moved = centres(augment(blob(500), RunConfig(shift=4)))
    assert moved.abs().max() <= 4.01
    assert moved.amax(dim=0).min() > 3.8
    assert moved.amin(dim=0).max() < -3.8
    assert moved.mean(dim=0).abs().max() < 0.4
    # The shifts in the two directions are independent.
    assert torch.corrcoef(moved.T)[0, 1].abs() < 0.15


def test_shift_keeps_brightness_and_form() -> None:
    torch.manual_seed(0)
    images = blob(100)
    moved = augment(images, RunConfig(shift=4))
    torch.testing.assert_close(moved.sum(dim=(1, 2, 3)), images.sum(dim=(1, 2, 3)), rtol=2e-3, atol=0)
    # Interpolation widens the spot by half a pixel at most: from 2.5 to sqrt(2.5^2 + 0.25).
    assert spread(images).max() - 1e-3 <= spread(moved).min()
    assert spread(moved).max() <= math.hypot(2.5, 0.5) + 1e-3


def test_shift_out_of_the_image_brings_in_black() -> None:
    torch.manual_seed(0)
    moved = augment(torch.ones(200, 1, 8, 8), RunConfig(shift=6))
    assert moved.amin(dim=(1, 2, 3)).min() == 0
    assert moved.mean(dim=(1, 2, 3)).min() < 0.3


def test_rotation_turns_about_the_middle_by_up_to_that_angle() -> None:
    torch.manual_seed(0)
    # The blob lies 7 pixels to the right of the middle.
    images = blob(500, column=20.5, width=1.5)
    turned = centres(augment(images, RunConfig(rotate=30)))
    torch.testing.assert_close(turned.norm(dim=1), torch.full((500,), 7.0), atol=0.03, rtol=0)
    angles = torch.rad2deg(torch.atan2(turned[:, 0], turned[:, 1]))
    assert 29 < angles.max() <= 30.2
    assert -30.2 <= angles.min() < -29


def test_scale_grows_and_shrinks_by_up_to_that_fraction() -> None:
    torch.manual_seed(0)
    sizes = spread(augment(blob(500, width=3), RunConfig(scale=0.3))) / 3
    assert 1.28 < sizes.max() < 1.33
    assert 0.68 < sizes.min() < 0.73
    assert centres(augment(blob(50), RunConfig(scale=0.3))).abs().max() < 0.01


def test_elastic_moves_pixels_by_that_many_smoothly_and_as_much_near_the_border() -> None:
    torch.manual_seed(0)
    # The brightness of a pixel tells from which column it came.
    ramp = torch.arange(28.0).expand(1000, 1, 28, 28) / 27
    # Far enough from the border for all sources to lie inside the image.
    moved = (augment(ramp, RunConfig(elastic=0.7)) - ramp)[:, 0, 4:24, 4:24] * 27
    assert moved.std().item() == pytest.approx(0.7, rel=0.03)
    by_pixel = moved.std(dim=0)
    assert 0.6 < by_pixel.min() < by_pixel.max() < 0.8
    # Neighbouring pixels move nearly together.
    assert (moved[..., 1:] - moved[..., :-1]).std() < 0.2
    # Distant pixels do not.
    assert torch.corrcoef(torch.stack([moved[:, 0, 0], moved[:, 19, 19]]))[0, 1].abs() < 0.1


def test_crop_and_flip_gives_exactly_a_window_of_the_padded_image_or_of_its_mirror_image() -> None:
    torch.manual_seed(0)
    images = torch.rand(64, 3, 12, 12)
    changed = augment(images, RunConfig(crop_flip=True))
    padded = torch.nn.functional.pad(images, (4, 4, 4, 4))
    seen: set[tuple[int, int, bool]] = set()
    for mirrored, source in ((False, padded), (True, padded.flip(3))):
        for row in range(9):
            for column in range(9):
                window = source[:, :, row : row + 12, column : column + 12]
                equal = (window - changed).abs().amax(dim=(1, 2, 3)) < 1e-4
                seen |= {(int(index), row * 9 + column, mirrored) for index in equal.nonzero()}
    assert len({index for index, _, _ in seen}) == len(seen) == 64
    assert 16 < sum(mirrored for _, _, mirrored in seen) < 48
    assert len({corner for _, corner, _ in seen}) > 30


def test_all_at_once_repeats_with_the_global_random_state() -> None:
    images = torch.rand(8, 3, 32, 32)
    torch.manual_seed(5)
    first, second = augment(images, EVERYTHING), augment(images, EVERYTHING)
    torch.manual_seed(5)
    assert torch.equal(augment(images, EVERYTHING), first)
    state = torch.get_rng_state()
    assert torch.equal(augment(images, EVERYTHING), second)
    torch.set_rng_state(state)
    assert torch.equal(augment(images, EVERYTHING), second)
    assert not torch.equal(first, second)


def test_own_generator_leaves_the_global_one_alone() -> None:
    images = torch.rand(8, 1, 28, 28)
    state = torch.get_rng_state()
    first = augment(images, EVERYTHING, torch.Generator().manual_seed(1))
    assert torch.equal(first, augment(images, EVERYTHING, torch.Generator().manual_seed(1)))
    assert torch.equal(torch.get_rng_state(), state)
