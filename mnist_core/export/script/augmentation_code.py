"""The part of a standalone script that changes training images at random."""

from string import Template

from mnist_core.config import RunConfig
from mnist_core.data import has_augmentation

# What each field of an augmentation does to an image, and the constant that holds its value, with its comment.
WORDS = {"rotate": "turned", "shift": "moved", "scale": "resized", "elastic": "bent", "crop_flip": "cropped, mirrored"}
_CONSTANTS = {
    "shift": ("SHIFT", "pixels each way"),
    "rotate": ("ROTATE", "degrees either way"),
    "scale": ("GROWTH", "share by which an image shrinks or grows"),
    "elastic": ("ELASTIC", "pixels, standard deviation"),
}


def augmentation_settings(config: RunConfig) -> list[tuple[str, object, str]]:
    """Names, values and comments of the constants that `augment` in a script may use."""
    return [(constant, getattr(config, field), comment) for field, (constant, comment) in _CONSTANTS.items()]


def augmentation_code(config: RunConfig, device: str) -> str:
    """Code of `augment(images)`: random changes of float images (B, C, H, W) in [0, 1]; empty without augmentation.

    Draws every random number that the run drew, in its order, but writes out only the changes that the run made.
    """
    if not has_augmentation(config):
        return ""
    on = "" if device == "cpu" else ", device=DEVICE"
    names = {"turn": config.rotate, "growth": config.scale, "right": config.shift, "down": config.shift}
    drawn = ", ".join(name if used else "_" for name, used in names.items())
    sized = config.shift or config.crop_flip or config.elastic
    changes = [word for name, word in WORDS.items() if getattr(config, name)]
    lines = [
        f'"""Each image {", ".join(changes)} at random.',
        "",
        "One bilinear resampling does it all, with black beyond the border.",
        '"""',
        "count, size = len(images), images.shape[-1]" if sized else "count = len(images)",
        f"{drawn} = torch.rand(4, count{on}).mul(2).sub(1)  # from -1 to 1, four numbers an image",
        *_turned(config, on),
    ]
    if config.shift:
        lines.append("right, down = right * SHIFT, down * SHIFT  # pixels")
    elif config.crop_flip:
        lines.append(f"right = down = torch.zeros(count{on})  # pixels")
    row = "cos, sin"
    if config.crop_flip:
        row = "cos * mirror, sin * mirror"
        lines += Template(_CROP_FLIP).substitute(on=on).strip().splitlines()
    moved = ("right * pixel", "down * pixel") if config.shift or config.crop_flip else ("none", "none")
    lines += [
        "pixel = 2 / size  # affine_grid's coordinates go from -1 to 1"
        if "pixel" in moved[0]
        else f"none = torch.zeros(count{on})",
        f"rows = torch.stack(({row}, {moved[0]}, -sin, cos, {moved[1]}), dim=1)",
        "grid = F.affine_grid(rows.view(count, 2, 3), list(images.shape), align_corners=False)",
    ]
    if config.elastic:
        lines += Template(_ELASTIC).substitute(on=on).strip().splitlines()
    lines.append('return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)')
    return "def augment(images):\n" + "\n".join(f"    {line}" if line else "" for line in lines)


def _turned(config: RunConfig, on: str) -> list[str]:
    """Lines that compute `cos` and `sin` of each image's rotation, divided by its enlargement."""
    lines = []
    if config.scale:
        lines.append("shrink = 1 / (1 + growth * GROWTH)  # a larger image: the sampled region is smaller")
    if config.rotate:
        factor = "shrink * " if config.scale else ""
        lines.append("angle = turn * math.radians(ROTATE)")
        lines.append(f"cos, sin = {factor}torch.cos(angle), {factor}torch.sin(angle)")
    else:
        cos = "shrink" if config.scale else f"torch.ones(count{on})"
        lines.append(f"cos, sin = {cos}, torch.zeros(count{on})")
    return lines


_CROP_FLIP = """
draws = torch.rand(3, count$on)
steps = draws[:2].mul(9).floor().sub(4)  # as a crop after padding by 4 pixels: -4 to 4
right, down = right + steps[0], down + steps[1]
mirror = (draws[2] < 0.5).float().mul(2).sub(1)  # -1 or 1
"""

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
