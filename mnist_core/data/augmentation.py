"""Random changes to a batch of training images, made on the device; an entry each, with what a script says of it.

Movements of the whole image (shift, rotate, scale, crop_flip) and bends are done by one resampling; what changes the
brightness of pixels comes after it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from mnist_core.config import RunConfig

# Pixels of padding before a random crop, as usual for CIFAR-10 (He et al. 2015, section 4.2).
_CROP_PADDING = 4
# Standard deviation in pixels of the Gaussian that smooths an elastic field (Simard et al. 2003).
_SMOOTHNESS = 4.0


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What one field of RunConfig does to training images. No field has a default, so an entry cannot forget one."""

    # The field; without an effect where its value is 0 or False.
    field: str
    # What happens to an image: "turned".
    word: str
    # The name of the field's value in an exported script and a comment on it; "" if the script does not need it.
    constant: str
    comment: str
    # "move": a part of `_affine`, which `export.script.augmentation_code` writes out; `change` and `code` are not used.
    # "bend": `change(images, value, generator)` is how far away each pixel comes from, (B, H, W, 2) in the coordinates
    #         of affine_grid; `code` adds the same to `grid`.
    # "pixels": `change(images, value, generator)` are the changed images; `code` changes `images`.
    how: Literal["move", "bend", "pixels"]
    change: Callable[[Tensor, float, torch.Generator | None], Tensor] | None
    # Lines of an exported script that draw the same random numbers; $on is ", device=DEVICE" on a GPU, else nothing.
    code: str


def has_augmentation(config: RunConfig) -> bool:
    """Whether the config changes its training images at random."""
    return bool(used_augmentations(config))


def used_augmentations(config: RunConfig) -> list[Augmentation]:
    """The entries that have an effect, in the order in which they draw random numbers."""
    return [entry for name, entry in AUGMENTATION_CATALOGUE.items() if getattr(config, name)]


def augment(images: Tensor, config: RunConfig, generator: torch.Generator | None = None) -> Tensor:
    """Float images in [0, 1] (B, C, H, W), H = W, each changed at random as the config asks.

    Each image gets its own change, bilinear, with black beyond the border; the images themselves come back if the
    config asks for nothing. Random numbers come from torch's global generator of the device unless one is given,
    so that restoring its state repeats them.
    """
    used = used_augmentations(config)
    if any(entry.how != "pixels" for entry in used):
        # Shape (B, H, W, 2).
        grid = F.affine_grid(_affine(images, config, generator), list(images.shape), align_corners=False)
        for entry in used:
            if entry.how == "bend" and entry.change:
                grid = grid + entry.change(images, getattr(config, entry.field), generator)
        images = F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    for entry in used:
        if entry.how == "pixels" and entry.change:
            images = entry.change(images, getattr(config, entry.field), generator)
    return images


def _affine(images: Tensor, config: RunConfig, generator: torch.Generator | None) -> Tensor:
    """Where each output pixel comes from, as (B, 2, 3) in the coordinates of affine_grid (-1 to 1)."""
    count, size = len(images), images.shape[-1]
    turn, growth, right, down = torch.rand(4, count, device=images.device, generator=generator).mul_(2).sub_(1)
    angle = turn * math.radians(config.rotate)
    # Sampling a smaller region makes the image larger.
    shrink = 1 / (1 + growth * config.scale)
    cos, sin = shrink * torch.cos(angle), shrink * torch.sin(angle)
    # Shifts in pixels.
    right, down = right * config.shift, down * config.shift
    mirror = torch.ones_like(right)
    if config.crop_flip:
        draws = torch.rand(3, count, device=images.device, generator=generator)
        # Whole pixels from -4 to 4.
        steps = draws[:2].mul(2 * _CROP_PADDING + 1).floor_().sub_(_CROP_PADDING)
        right, down = right + steps[0], down + steps[1]
        mirror = (draws[2] < 0.5).float().mul_(2).sub_(1)
    pixel = 2 / size
    rows = (cos * mirror, sin * mirror, right * pixel, -sin, cos, down * pixel)
    return torch.stack(rows, dim=1).view(count, 2, 3)


def _displacements(images: Tensor, strength: float, generator: torch.Generator | None) -> Tensor:
    """A smooth random field (B, H, W, 2) in the grid's coordinates, with a standard deviation of `strength` pixels.

    White noise smoothed by a Gaussian along both axes (Simard, Steinkraus, Platt 2003), on knots one standard
    deviation of it apart: less noise to draw, the same smoothness. Each row of the smoothing matrix has norm 1, so
    that every pixel, at the border too, moves with the same variance. Simard's setting (sigma 4, alpha 34) is 1.4.
    """
    count, size = len(images), images.shape[-1]
    # Shape (K,).
    knots = torch.arange(-2 * _SMOOTHNESS, size + 2 * _SMOOTHNESS, _SMOOTHNESS, device=images.device)
    noise = torch.randn(count, 2, len(knots), len(knots), device=images.device, generator=generator)
    pixels = torch.arange(size, device=images.device, dtype=torch.float32)
    # Shape (H, K).
    smooth = torch.exp(-((pixels[:, None] - knots) ** 2) / (2 * _SMOOTHNESS**2))
    smooth = smooth / smooth.norm(dim=1, keepdim=True)
    # Shape (B, 2, H, W).
    field = smooth @ noise @ smooth.T
    return field.mul_(2 * strength / size).permute(0, 2, 3, 1)


# Noise on knots, smoothed: the code of `_displacements`.
_ELASTIC = """

# Simard, Steinkraus, Platt 2003: noise on knots 4 pixels apart, smoothed by a Gaussian of 4 pixels.
knots = torch.arange(-8.0, size + 8.0, 4.0$on)
noise = torch.randn(count, 2, len(knots), len(knots)$on)
place = torch.arange(size$on, dtype=torch.float32)
smooth = torch.exp(-((place[:, None] - knots) ** 2) / 32)
smooth = smooth / smooth.norm(dim=1, keepdim=True)
field = smooth @ noise @ smooth.T  # (B, 2, H, W)
grid = grid + (field * (2 * ELASTIC / size)).permute(0, 2, 3, 1)
"""


def _movement(field: str, word: str, constant: str, comment: str) -> Augmentation:
    return Augmentation(field=field, word=word, constant=constant, comment=comment, how="move", change=None, code="")


AUGMENTATION_CATALOGUE: Mapping[str, Augmentation] = MappingProxyType(
    {
        entry.field: entry
        for entry in (
            _movement("shift", "moved", "SHIFT", "pixels each way"),
            _movement("rotate", "turned", "ROTATE", "degrees either way"),
            _movement("scale", "resized", "GROWTH", "share by which an image shrinks or grows"),
            _movement("crop_flip", "cropped, mirrored", "", ""),
            Augmentation(
                field="elastic",
                word="bent",
                constant="ELASTIC",
                comment="pixels, standard deviation",
                how="bend",
                change=_displacements,
                code=_ELASTIC,
            ),
        )
    }
)
