"""How one picture file becomes pixels: orientation, depth, transparency, and the ground behind the strokes."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mnist_core.data import pictures
from mnist_core.data.mnist_5k import read_mnist_5k
from mnist_core.data.pictures import (
    Reading,
    are_one_colour,
    are_placed_like_mnist,
    common_ground,
    decode_picture,
    legacy_pixels,
    picture_ground,
    single_picture_pixels,
    to_pixels,
)

# Number of channels: colour type in a PNG's header.
SHAPES = {1: 0, 2: 4, 3: 2, 4: 6}


def strokes(size: int = 28) -> np.ndarray:
    """A bright L, soft at one edge, on black: uint8 (size, size), neither symmetric nor the same when turned."""
    field = np.zeros((size, size), dtype=np.uint8)
    field[size // 7 : -size // 7, size // 4 : size // 2] = 250
    field[-size // 3 : -size // 7, size // 4 : -size // 7] = 250
    field[size // 7 : -size // 7, size // 2] = 128
    return field


def opened(image: Image.Image, kind: str = "PNG", **options: object) -> Image.Image:
    """The image, written to a file of this kind and read again."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return Image.open(stream)


def deep_png(values: np.ndarray) -> Image.Image:
    """A PNG with 16 bits a value, of values (H, W, channels)."""
    height, width, channels = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, SHAPES[channels], 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    return Image.open(io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(chunks)))


def deep(values: np.ndarray, factor: float) -> Image.Image:
    """Grey values times a factor in a PNG of 16 bits."""
    return deep_png(np.rint(values[..., None] * float(factor)).astype(np.uint16))


def covered(colour: int, cover: np.ndarray) -> Image.Image:
    """One grey value under the alpha values (H, W)."""
    return opened(Image.merge("LA", (Image.new("L", cover.shape[::-1], colour), Image.fromarray(cover))))


def together(images: list[Image.Image], colour: bool = False) -> list[np.ndarray]:
    """Pictures read as those of one folder."""
    decoded = [decode_picture(image, colour, square=28) for image in images]
    reading = Reading.of(decoded)
    return [to_pixels(picture, reading) for picture in decoded]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_is_read_upright(orientation: int, kind: str):
    stored = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: np.transpose,
        6: np.rot90,
        7: lambda a: np.rot90(a, 2).T,
        8: lambda a: np.rot90(a, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = opened(Image.fromarray(np.ascontiguousarray(stored[orientation](strokes()))), kind, exif=exif)
    assert np.abs(single_picture_pixels(image, False, square=28).astype(int) - strokes()).max() <= (
        0 if kind == "PNG" else 60
    )


@pytest.mark.parametrize("orientation", [0, 9, 255])
def test_an_orientation_that_does_not_exist_is_upright(orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(
        single_picture_pixels(opened(Image.fromarray(strokes()), exif=exif), False, square=28), strokes()
    )


def test_a_damaged_exif_block_costs_nothing_but_the_orientation():
    image = opened(Image.fromarray(strokes()), exif=b"Exif\0\0garbage of no meaning")
    assert np.array_equal(single_picture_pixels(image, False, square=28), strokes())


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "PA", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("colour", [False, True])
def test_every_kind_of_pixel_shows_the_same(mode: str, colour: bool):
    black_and_white = np.where(strokes() > 0, 255, 0).astype(np.uint8)
    image = Image.fromarray(black_and_white)
    image = image.convert("RGB").convert(mode) if mode == "CMYK" else image.convert(mode)
    if mode in ("CMYK", "PA"):
        image = opened(image, "TIFF")
    read = single_picture_pixels(image if mode in ("CMYK", "PA") else opened(image), colour, square=28)
    assert read.shape == ((28, 28, 3) if colour else (28, 28))
    assert np.array_equal(read if not colour else read[..., 0], black_and_white)


@pytest.mark.parametrize(("factor", "bits"), [(1, 8), (4, 10), (16, 12), (64, 14), (257, 16)])
def test_the_depth_of_a_16_bit_file_is_that_of_its_values(factor: int, bits: int):
    read = single_picture_pixels(deep(strokes(), factor), False, square=28)
    assert np.abs(read.astype(int) - np.rint(strokes() * (factor * 255.0) / (2.0**bits - 1))).max() <= 1
    assert read.max() >= 240


@pytest.mark.parametrize("channels", [2, 3, 4])
@pytest.mark.parametrize("factor", [1, 16, 257])
def test_colour_and_alpha_of_16_bits_have_a_depth_too(channels: int, factor: int):
    values = np.repeat(strokes()[..., None], channels, axis=2).astype(np.uint32) * factor
    if channels in (2, 4):
        values[..., -1] = 255 * factor
    read = single_picture_pixels(deep_png(values.astype(np.uint16)), True, square=28)
    assert np.abs(read - strokes()[..., None].astype(int)).max() <= 2


def test_a_dark_picture_of_a_folder_stays_as_dark_as_it_is():
    """Largest values on both sides of 4095 are exposures of one camera, not files of two depths."""
    dim, bright, brighter = together([deep(strokes(), factor) for factor in (3900 / 250, 4300 / 250, 12_000 / 250)])
    assert dim.max() == pytest.approx(3900 / 16383 * 255, abs=1)
    assert bright.max() == pytest.approx(4300 / 16383 * 255, abs=1)
    assert brighter.max() == pytest.approx(12_000 / 16383 * 255, abs=1)


def test_files_of_several_depths_in_a_folder_are_all_seen():
    read = together([deep(strokes(), factor) for factor in (1, 16, 257)] + [deep(np.zeros((28, 28)), 1)])
    assert [image.max() >= 240 for image in read] == [True, True, True, False]


@pytest.mark.parametrize("colour", [0, 60, 128])
def test_dark_strokes_on_transparent_ground_stand_on_white(colour: int):
    read = single_picture_pixels(covered(colour, strokes()), False, square=28)
    assert (read[0, 0], int(read.min())) == (255, pytest.approx(colour, abs=6))


@pytest.mark.parametrize("colour", [200, 230, 255])
@pytest.mark.parametrize("in_colour", [False, True])
def test_bright_strokes_on_transparent_ground_stand_on_black(colour: int, in_colour: bool):
    read = single_picture_pixels(covered(colour, strokes()), in_colour, square=28)
    assert (read[0, 0].max(), int(read.max())) == (0, pytest.approx(colour, abs=6))


def test_what_is_seen_well_on_white_stays_there():
    """A cut-out photograph and white paper with a transparent margin keep their white background."""
    random = np.random.default_rng(0)
    photograph = np.dstack((random.integers(40, 255, (28, 28, 3)), np.where(strokes() > 0, 255, 0))).astype(np.uint8)
    paper = np.dstack((np.repeat(255 - strokes()[..., None], 3, axis=2), np.full((28, 28), 255))).astype(np.uint8)
    paper[:3, :, 3] = 0
    for picture in (photograph, paper):
        for colour in (False, True):
            read = single_picture_pixels(opened(Image.fromarray(picture)), colour, square=28)
            assert np.array_equal(read, legacy_pixels(opened(Image.fromarray(picture)), colour, 28))


def test_a_folder_has_one_ground_for_its_strokes_where_all_are_seen():
    """Pens from light grey to white: read alone, some would be put on white, which would invert them."""
    read = together([covered(colour, strokes()) for colour in (140, 200, 230, 255)])
    assert [int(image[0, 0]) for image in read] == [0, 0, 0, 0]


def test_strokes_that_the_ground_of_their_folder_hides_get_the_other():
    read = together([covered(colour, strokes()) for colour in (0, 30, 60, 255)])
    assert [int(image[0, 0]) for image in read] == [255, 255, 255, 0]
    assert not are_one_colour(np.stack(read)[:, None]).any()


def test_transparency_by_a_colour_that_counts_as_clear():
    values = np.where(strokes() > 0, 255, 0).astype(np.uint8)
    read = single_picture_pixels(opened(Image.fromarray(values), transparency=0), False, square=28)
    assert (read[0, 0], read.max()) == (0, 255)
    wide = opened(Image.fromarray(values.astype(np.uint16) * np.uint16(257)), transparency=0)
    assert np.array_equal(single_picture_pixels(wide, False, square=28), values)


def test_pictures_of_any_size_are_read():
    assert (
        single_picture_pixels(opened(Image.new("L", (1, 1), 48)), False, square=28).tolist()
        == np.full((28, 28), 48).tolist()
    )
    assert single_picture_pixels(opened(Image.new("RGB", (3, 900), "red")), True, longest=90).shape == (90, 1, 3)
    assert single_picture_pixels(opened(Image.fromarray(strokes())), False, longest=90).shape == (28, 28)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_an_animation_is_refused(kind: str):
    frames = [Image.new("L", (9, 9), value) for value in (0, 90, 200)]
    with pytest.raises(ValueError, match="3 pictures"):
        single_picture_pixels(opened(frames[0], kind, save_all=True, append_images=frames[1:]), False, square=28)


def test_ground_of_pictures_and_data_sets():
    dark = np.stack([strokes()] * 9 + [np.zeros((28, 28), np.uint8)])[:, None]
    assert (picture_ground(strokes()), picture_ground(255 - strokes())) == ("dark", "bright")
    assert (common_ground(dark), common_ground(255 - dark)) == ("dark", "bright")
    assert common_ground(np.repeat(255 - dark, 3, axis=1)) == "bright"
    assert common_ground(np.concatenate((dark, 255 - dark))) is None
    assert common_ground(np.random.default_rng(0).integers(0, 256, (100, 3, 8, 8)).astype(np.uint8)) is None
    assert common_ground(np.zeros((3, 1, 8, 8), np.uint8)) is None


def test_images_of_one_colour():
    red = np.zeros((3, 8, 8), np.uint8)
    red[0] = 200
    speck = red.copy()
    speck[1, 7, 7] = 1
    assert are_one_colour(np.stack((red, speck))).tolist() == [True, False]


@pytest.mark.parametrize("side", [20, 28, 56])
@pytest.mark.parametrize("bright", [True, False])
def test_digits_placed_like_mnist_are_told_from_others(side: int, bright: bool):
    digits = read_mnist_5k()[0][0][:200]
    resized = np.stack([np.asarray(Image.fromarray(digit[0]).resize((side, side), 2)) for digit in digits])[:, None]
    filled = np.stack([_filled(digit[0], side) for digit in digits])[:, None]
    moved = np.roll(resized, side // 6, axis=3)
    for images, expected in ((resized, True), (filled, False), (moved, False)):
        assert are_placed_like_mnist(255 - images if bright else images) is expected


def test_what_holds_no_strokes_is_not_placed_like_mnist():
    random = np.random.default_rng(0)
    assert not are_placed_like_mnist(random.integers(0, 256, (50, 1, 28, 28)).astype(np.uint8))
    assert not are_placed_like_mnist(random.integers(0, 256, (50, 3, 28, 28)).astype(np.uint8))
    assert not are_placed_like_mnist(np.zeros((5, 1, 28, 28), dtype=np.uint8))


def _filled(digit: np.ndarray, side: int) -> np.ndarray:
    rows, columns = np.flatnonzero(digit.any(axis=1)), np.flatnonzero(digit.any(axis=0))
    cut = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.asarray(Image.fromarray(cut).resize((side, side), 2))


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_an_opacity_of_any_depth_is_a_share_of_the_full_one(bits: int):
    full = 2**bits - 1
    assert pictures._share(np.array([0.0, full])).tolist() == [0.0, 1.0]
