"""Random changes to a batch of training images, made on the device by one resampling of each image."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from mnist_core.config import AUGMENTATIONS, RunConfig

# Pixels of padding before a random crop, as usual for CIFAR-10 (He et al. 2015, section 4.2).
_CROP_PADDING = 4
# Standard deviation in pixels of the Gaussian that smooths an elastic field (Simard et al. 2003).
_SMOOTHNESS = 4.0


def has_augmentation(config: RunConfig) -> bool:
    """Whether the config changes its training images at random."""
    return any(getattr(config, name) for name in AUGMENTATIONS)


def augment(images: Tensor, config: RunConfig, generator: torch.Generator | None = None) -> Tensor:
    """Float images in [0, 1] (B, C, H, W), H = W, each shifted, turned, scaled, bent, cropped and mirrored at random.

    Each image gets its own change, bilinear, with black beyond the border; the images themselves come back if the
    config asks for nothing. Random numbers come from torch's global generator of the device unless one is given,
    so that restoring its state repeats them.
    """
    if not has_augmentation(config):
        return images
    theta = _affine(images, config, generator)
    # Shape (B, H, W, 2).
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    if config.elastic:
        grid = grid + _displacements(images, config.elastic, generator)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


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
