"""How a picture file becomes pixels: the one place that decides orientation, depth, transparency and polarity.

Folders, uploaded files and drawings are all read by it. Torch-free. The rule has a version, which a run records: a
run of rule 1 goes on reading its folder as it did (`legacy_pixels`).
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from mnist_core.config import MAX_DEEP_PIXELS, MAX_PICTURE_PIXELS
from mnist_core.config import READING_RULE as READING_RULE

# Background of the strokes.
Ground = Literal["dark", "bright"]

# Errors that `Image.open` and `decode_picture` raise for a file that is not a picture or is damaged.
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)

# EXIF tag of the orientation.
_ORIENTATION = 0x0112
# Operation that turns a picture upright, by the value of that tag (EXIF 2.32, section 4.6.4).
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Pillow's names for the layouts of PNGs with two bytes per value.
_DEEP_LAYOUTS = ("LA;16B", "RGB;16B", "RGBA;16B")
# Two deep pictures have different depths if the largest value of one is more than this many times that of the other.
_SAME_DEPTH = 4
# Out of 255: a difference from the background below _HIDDEN is hardly visible, one of _CLEAR is clearly visible.
_HIDDEN, _CLEAR = 30, 102
# Number of images from which the background of a data set is judged, and the share of them that must agree.
_JUDGED, _AGREEMENT = 1000, 0.8
# As a share of the strongest stroke: anything fainter may be an artefact of compression.
_FAINT = 0.1


class LargePictureError(ValueError):
    """A picture has more pixels or bytes than allowed."""


class AnimationError(ValueError):
    """The file is an animation: several pictures that are shown one after another."""


@dataclass(frozen=True)
class DecodedPicture:
    """A picture upright and resized, before decisions that depend on other pictures too: depth and background."""

    # Pixels (H, W) or (H, W, 3), black where transparent: uint8, or float32 for a file with more than 8 bits a value.
    values: np.ndarray
    # Opacity, uint8 (H, W): 0 is transparent, 255 is opaque. None if nothing is transparent.
    cover: np.ndarray | None = None
    # Largest value of a file with more than 8 bits a value; None for other files.
    highest: float | None = None
    # Whether the file stored the picture turned or mirrored.
    turned: bool = False

    @property
    def plain(self) -> bool:
        """Whether `values` are already the final pixels."""
        return self.cover is None and self.highest is None


@dataclass(frozen=True)
class Reading:
    """Decisions shared by pictures that belong together, such as all files of a folder."""

    # Pairs (largest value, bits) in rising order. A deep picture has the bits of the first pair whose value is at least
    # its own largest value.
    depths: tuple[tuple[float, int], ...] = ()
    # Background of transparent pictures, except of a picture that would hardly be visible on it.
    behind: Literal["white", "black"] = "white"

    @classmethod
    def of(cls, pictures: Iterable[DecodedPicture]) -> "Reading":
        """The reading of these pictures; plain ones may be left out.

        Depth: files store 8, 10, 12 or 14 bits in 16 without saying so. Pictures whose largest values are within a
        factor of 4 of each other's share the depth of the largest. Behind: white, unless most are seen better on
        black and not clearly on white.
        """
        special = [picture for picture in pictures if not picture.plain]
        depths = _depths([picture.highest for picture in special if picture.highest])
        contrasts = [_contrasts(picture, depths) for picture in special if picture.cover is not None]
        votes = [on_white < _CLEAR and on_black > on_white for on_white, on_black in contrasts if on_white or on_black]
        return cls(depths, "black" if 2 * sum(votes) > len(votes) else "white")


def open_picture(content: bytes) -> ImageFile.ImageFile:
    """The PNG or JPEG in a file, opened but not decoded; no decoder of another format is tried.

    Raises one of UNREADABLE; LargePictureError if it has too many pixels.
    """
    try:
        image = Image.open(io.BytesIO(content), formats=["PNG", "JPEG"])
    except UnidentifiedImageError:
        raise ValueError("its content is not a PNG or JPEG, whatever its name says") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise LargePictureError(f"it has more than {MAX_PICTURE_PIXELS / 1e6:g} million pixels") from error
    assert isinstance(image, ImageFile.ImageFile)
    deep = image.mode[0] in "IF" or _layout(image) in _DEEP_LAYOUTS
    highest = MAX_DEEP_PIXELS if deep else MAX_PICTURE_PIXELS
    if image.width * image.height > highest:
        kind = " with more than 8 bits a value" if deep else ""
        raise LargePictureError(
            f"it has {image.width:,} × {image.height:,} pixels{kind}, more than {highest / 1e6:g} million pixels"
        )
    return image


def decode_picture(
    image: Image.Image, colour: bool, *, square: int | None = None, longest: int | None = None
) -> DecodedPicture:
    """An opened picture, upright, in grey or colour: stretched to a square, or with its longest side reduced.

    Raises one of UNREADABLE, for an animation as well.
    """
    _refuse_animation(image)
    mode = "RGB" if colour else "L"
    side = square or longest
    # Draft mode lets the JPEG decoder read a large photograph at a fraction of its size.
    if side and min(image.size) >= 2 * side:
        image.draft(mode, (side, side))
    wide = _wide_values(image)
    if wide is None:
        # Load first: some formats turn the picture upright while loading and then reset the tag.
        image.load()
    turn = _UPRIGHT.get(_orientation(image))
    if wide is not None:
        return _decoded_wide(*wide, turn, colour, square, longest)
    if turn is not None:
        image = image.transpose(turn)
    if not _has_transparency(image):
        return DecodedPicture(np.asarray(_resized(image.convert(mode), square, longest)), turned=turn is not None)
    image = image.convert("RGBA")
    cover = image.getchannel("A")
    on_black = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image).convert(mode)
    values = np.asarray(_resized(on_black, square, longest))
    if cover.getextrema() == (255, 255):
        return DecodedPicture(values, turned=turn is not None)
    return DecodedPicture(values, np.asarray(_resized(cover, square, longest)), turned=turn is not None)


def to_pixels(picture: DecodedPicture, reading: Reading) -> np.ndarray:
    """The picture as uint8 (H, W) or (H, W, 3)."""
    values = picture.values
    if picture.highest is not None:
        top = 2.0 ** _bits(picture.highest, reading.depths) - 1
        values = np.rint(np.clip(values * (255 / top), 0, 255)).astype(np.uint8)
    if picture.cover is None:
        return values
    on_white, on_black = _contrasts(picture, reading.depths)
    white = reading.behind == "white"
    if (on_white if white else on_black) < _HIDDEN and on_white != on_black:
        white = on_white > on_black
    return _on_white(values, picture.cover) if white else values


def single_picture_pixels(
    image: Image.Image, colour: bool, *, square: int | None = None, longest: int | None = None
) -> np.ndarray:
    """One opened picture by itself, such as an uploaded file, as uint8 (H, W) or (H, W, 3); raises one of UNREADABLE.

    `square` and `longest` as in `decode_picture`.
    """
    picture = decode_picture(image, colour, square=square, longest=longest)
    return to_pixels(picture, Reading.of([picture]))


def legacy_pixels(image: Image.Image, colour: bool, square: int) -> np.ndarray:
    """An opened picture by rule 1: as stored, transparency on white, the upper 8 of 16 bits; uint8 as `to_pixels`."""
    mode = "RGB" if colour else "L"
    if image.width >= 2 * square:
        image.draft(mode, (square, square))
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert(mode)
    if image.size != (square, square):
        image = image.resize((square, square), Image.Resampling.BILINEAR)
    return np.asarray(image)


def picture_ground(grey: np.ndarray) -> Ground:
    """Background of one grey picture (H, W), judged by its border."""
    return "bright" if _on_bright(grey[None])[0] else "dark"


def common_ground(images: np.ndarray) -> Ground | None:
    """Background of a data set's uint8 images (N, C, H, W); None if the images do not agree.

    Photographs have no uniform background, so most sets of them do not agree.
    """
    bright = _on_bright(_judged(images))
    share = float(bright.mean()) if len(bright) else 0.5
    if max(share, 1 - share) < _AGREEMENT:
        return None
    return "bright" if share > 0.5 else "dark"


def are_placed_like_mnist(images: np.ndarray) -> bool:
    """Whether most of a data set's uint8 images (N, 1, S, S) place their strokes as MNIST does.

    Then the longest side of the strokes is 20/28 of the image, and their centre of mass is its middle; both may be off
    by 1/28 and by the blur of resizing.
    """
    side = images.shape[3]
    if images.shape[1:] != (1, side, side) or (behind := common_ground(images)) is None:
        return False
    grey = _judged(images)
    strength = 255 - grey if behind == "bright" else grey
    strength = strength - strength.min(axis=(1, 2), keepdims=True)
    strength = np.where(strength < _FAINT * strength.max(axis=(1, 2), keepdims=True), 0, strength)
    longest, off_centre = np.zeros(len(grey)), np.zeros(len(grey))
    for axis in (1, 2):
        # Shape (N, S).
        along = strength.sum(axis=axis)
        first, last = (along > 0).argmax(axis=1), side - 1 - (along[:, ::-1] > 0).argmax(axis=1)
        longest = np.maximum(longest, last - first + 1)
        off_centre = np.maximum(off_centre, np.abs(along @ (np.arange(side) + 0.5) / along.sum(axis=1) - side / 2))
    part = side / 28
    agree = (np.abs(longest - 20 * part) <= part + 1) & (off_centre <= part + 0.5)
    return bool(len(agree)) and float(agree.mean()) >= _AGREEMENT


def _judged(images: np.ndarray) -> np.ndarray:
    """A sample of a data set's images (N, C, H, W) in grey, by which it is judged: float (n, H, W)."""
    chosen = images[np.linspace(0, len(images) - 1, min(_JUDGED, len(images))).astype(int)]
    return chosen[~are_one_colour(chosen)].mean(axis=1)


def _on_bright(grey: np.ndarray) -> np.ndarray:
    """Which of grey pictures (N, H, W) have a border brighter than the middle of their range: bool (N,)."""
    border = np.concatenate((grey[:, 0], grey[:, -1], grey[:, 1:-1, 0], grey[:, 1:-1, -1]), axis=1)
    middle = (grey.min(axis=(1, 2)).astype(float) + grey.max(axis=(1, 2))) / 2
    return np.median(border, axis=1) > middle


def are_one_colour(images: np.ndarray) -> np.ndarray:
    """Which of uint8 images (N, C, H, W) have a single colour and so show nothing: bool (N,)."""
    first = images[:, :, :1, :1]
    return (images == first).all(axis=(1, 2, 3))


def _refuse_animation(image: Image.Image) -> None:
    # Photographs of some phones (MPO) and scans of several pages (TIFF) have several frames too; their first one is
    # used.
    if image.format in ("GIF", "PNG", "WEBP") and (frames := getattr(image, "n_frames", 1)) > 1:
        raise AnimationError(f"it is an animation of {frames} pictures; save one of them")


def _orientation(image: Image.Image) -> Any:
    """The EXIF orientation; 1, which is upright, if it is missing or unreadable."""
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except Exception:
        # Pillow can raise anything for a damaged EXIF block, but the pixels are still good.
        return 1


def _has_transparency(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info


def _resized(image: Image.Image, square: int | None, longest: int | None) -> Image.Image:
    if square:
        return image if image.size == (square, square) else image.resize((square, square), Image.Resampling.BILINEAR)
    if longest and max(image.size) > longest:
        factor = longest / max(image.size)
        size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    return image


def _wide_values(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Values of a file with more than 8 bits each, float32 (H, W, 1 or 3), and opacity (H, W) in [0, 1].

    None for any other file. Pillow keeps only the upper byte of each value of a deep colour PNG; the lower ones come
    from reading the same bytes once more as little-endian.
    """
    clear = image.info.get("transparency")
    if image.mode[0] in "IF":
        values = np.asarray(image).astype(np.float32)[..., None]
        if image.mode == "F" and values.max() <= 1:
            # Floating-point pixels hold brightness from 0 to 1.
            values = values * 65535
        return np.maximum(values, 0), _cover(values, clear)
    layout = _layout(image)
    if layout not in _DEEP_LAYOUTS or not isinstance(image, ImageFile.ImageFile) or image.fp is None:
        return None
    image.fp.seek(0)
    content = image.fp.read()
    png = ["PNG"]
    with Image.open(io.BytesIO(content), formats=png) as upper, Image.open(io.BytesIO(content), formats=png) as lower:
        assert isinstance(lower, ImageFile.ImageFile)
        lower.tile = [lower.tile[0]._replace(args="RGBA" if layout == "LA;16B" else layout.replace("16B", "16L"))]
        high, low = np.asarray(upper).astype(np.float32), np.asarray(lower).astype(np.float32)
    # Pillow reads four values of one byte, which are really two values of two bytes.
    if layout == "LA;16B":
        return 256 * low[..., :1] + low[..., 1:2], _share(256 * low[..., 2] + low[..., 3])
    values = 256 * high + low
    if layout == "RGBA;16B":
        return values[..., :3], _share(values[..., 3])
    return values, _cover(values, clear)


def _layout(image: Image.Image) -> str:
    """Pillow's name for how an undecoded PNG stores its values; empty for any other picture."""
    if not isinstance(image, ImageFile.ImageFile) or image.format != "PNG" or not image.tile:
        return ""
    return str(image.tile[0].args)


def _cover(values: np.ndarray, clear: Any) -> np.ndarray | None:
    """Opacity of values (H, W, channels), one colour of which may count as transparent."""
    if not isinstance(clear, int | tuple):
        return None
    return (values != np.array(clear, dtype=np.float32)).any(axis=2).astype(np.float32)


def _share(alpha: np.ndarray) -> np.ndarray:
    """Alpha values with more than 8 bits as shares of full opacity."""
    highest = float(alpha.max())
    return alpha / (2.0 ** _bits(highest, ()) - 1)


def _decoded_wide(
    values: np.ndarray,
    share: np.ndarray | None,
    turn: Image.Transpose | None,
    colour: bool,
    square: int | None,
    longest: int | None,
) -> DecodedPicture:
    """`decode_picture` for values float32 (H, W, 1 or 3) with their opacity (H, W)."""
    if share is not None and share.min() >= 1:
        share = None
    if not colour and values.shape[2] == 3:
        # Weights of ITU-R BT.601, the same as Pillow's.
        values = values @ np.array([[0.299], [0.587], [0.114]], dtype=np.float32)
    if share is not None:
        values = values * share[..., None]
    highest = float(values.max())

    def plane(numbers: np.ndarray) -> np.ndarray:
        image = Image.fromarray(np.ascontiguousarray(numbers, dtype=np.float32))
        return np.asarray(_resized(image if turn is None else image.transpose(turn), square, longest))

    planes = [plane(values[..., channel]) for channel in range(values.shape[2])]
    resized = np.stack(planes * (3 // len(planes)), axis=2) if colour else planes[0]
    cover = None if share is None else np.rint(255 * np.clip(plane(share), 0, 1)).astype(np.uint8)
    return DecodedPicture(resized, cover, highest, turn is not None)


def _depths(highest: Sequence[float]) -> tuple[tuple[float, int], ...]:
    """Groups of similar largest values: the largest of each group, and the bits that hold it."""
    rising = sorted(highest)
    ends = [
        value
        for value, following in zip(rising, [*rising[1:], float("inf")], strict=False)
        if following > _SAME_DEPTH * value
    ]
    return tuple((value, _bits(value, ())) for value in ends)


def _bits(highest: float, depths: Sequence[tuple[float, int]]) -> int:
    """Depth of a picture with this largest value: that of its group, or the smallest even number of bits from 8 on."""
    own_depth = max(8, 2 * -(-int(highest).bit_length() // 2))
    return next((bits for limit, bits in depths if highest <= limit), own_depth)


def _contrasts(picture: DecodedPicture, depths: tuple[tuple[float, int], ...]) -> tuple[int, int]:
    """Largest difference, out of 255, of a transparent picture from a white and from a black background."""
    assert picture.cover is not None
    on_black = to_pixels(DecodedPicture(picture.values, None, picture.highest), Reading(depths))
    return 255 - int(_on_white(on_black, picture.cover).min()), int(on_black.max())


def _on_white(values: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Move uint8 values from a black background to a white one."""
    clear = 255 - (cover if values.ndim == 2 else cover[..., None]).astype(np.int16)
    return np.minimum(values + clear, 255).astype(np.uint8)
