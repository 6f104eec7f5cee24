"""The part of a standalone script that changes training images at random."""

from string import Template

from mnist_core.config import RunConfig
from mnist_core.data import AUGMENTATION_CATALOGUE, used_augmentations


def augmentation_settings(config: RunConfig) -> list[tuple[str, object, str]]:
    """Names, values and comments of the constants that `augment` in a script may use."""
    entries = [entry for entry in AUGMENTATION_CATALOGUE.values() if entry.constant]
    return [(entry.constant, getattr(config, entry.field), entry.comment) for entry in entries]


def augmentation_code(config: RunConfig, device: str) -> str:
    """Code of `augment(images)`: random changes of float images (B, C, H, W) in [0, 1]; empty without augmentation.

    Draws every random number that the run drew, in its order, but writes out only the changes that the run made.
    """
    used = used_augmentations(config)
    if not used:
        return ""
    on = "" if device == "cpu" else ", device=DEVICE"
    what = ", ".join(entry.word for entry in used)
    resampled = [entry for entry in used if entry.how != "pixels"]
    pixels = [entry for entry in used if entry.how == "pixels"]
    lines = [f'"""Each image {what} at random."""']
    if resampled:
        lines = [
            f'"""Each image {what} at random.',
            "",
            f"One bilinear resampling {'moves it' if pixels else 'does it all'}, with black beyond the border.",
            '"""',
            *_movement_code(config, on, sized=any(entry.how == "bend" for entry in resampled)),
            *(line for entry in resampled for line in _code(entry.code, on)),
            f'{"images =" if pixels else "return"} F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", '
            "align_corners=False)",
        ]
    if pixels:
        lines += [*(line for entry in pixels for line in _code(entry.code, on)), "return images"]
    return "def augment(images):\n" + "\n".join(f"    {line}" if line else "" for line in lines)


def _code(code: str, on: str) -> list[str]:
    return Template(code).substitute(on=on).strip("\n").splitlines()


def _movement_code(config: RunConfig, on: str, sized: bool) -> list[str]:
    """Lines that compute `grid`: where each pixel of each image comes from, after movements of the whole image.

    `sized`: whether later lines need `size`.
    """
    names = {"turn": config.rotate, "growth": config.scale, "right": config.shift, "down": config.shift}
    drawn = ", ".join(name if used else "_" for name, used in names.items())
    sized = bool(sized or config.shift or config.crop_flip)
    lines = [
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
        lines += _code(_CROP_FLIP, on)
    moved = ("right * pixel", "down * pixel") if config.shift or config.crop_flip else ("none", "none")
    return [
        *lines,
        "pixel = 2 / size  # affine_grid's coordinates go from -1 to 1"
        if "pixel" in moved[0]
        else f"none = torch.zeros(count{on})",
        f"rows = torch.stack(({row}, {moved[0]}, -sin, cos, {moved[1]}), dim=1)",
        "grid = F.affine_grid(rows.view(count, 2, 3), list(images.shape), align_corners=False)",
    ]


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
