"""Handwriting: geometry, kinds of pictures, other data sets' framing, and what is refused."""

import io

import numpy as np
import pytest
from PIL import Image

from mnist_core.config.dataset_catalogue import BOX_OF_20_BY_MASS, DATASET_CATALOGUE, MIDDLE_SQUARE, Framing
from mnist_core.data import handwriting, pictures
from mnist_core.data.handwriting import place_drawing, read_picture
from mnist_core.data.pictures import Ground
from mnist_core.data.strokes import extract_strokes
from mnist_core.errors import DataError

SHAPE = (1, 28, 28)


def _bar(height: int = 200, width: int = 30) -> np.ndarray:
    canvas = np.zeros((280, 280), dtype=np.uint8)
    canvas[20 : 20 + height, 200 : 200 + width] = 255
    return canvas


def _box(image: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
    return int(rows[0]), int(columns[0]), len(rows), len(columns)


def _prepared(picture: np.ndarray, shape: tuple[int, int, int] = SHAPE, dataset: str = "mnist") -> np.ndarray:
    placed = place_drawing(picture, shape, DATASET_CATALOGUE[dataset].framing)
    assert placed is not None
    return placed.image


def _file(picture: np.ndarray, kind: str = "PNG", exif: Image.Exif | None = None) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, **({"exif": exif} if exif else {}))
    return file.getvalue()


def test_the_longest_side_becomes_20_and_proportions_stay() -> None:
    assert _box(_prepared(_bar())[0]) == (4, 13, 20, 3)
    assert _box(_prepared(_bar().T.copy())[0]) == (13, 4, 3, 20)


def test_the_centre_of_mass_is_in_the_middle_not_the_box() -> None:
    canvas = np.zeros((280, 280), dtype=np.uint8)
    # Draw a thick stem and a thin arm, like an L.
    canvas[40:240, 60:100] = 255
    canvas[230:240, 60:220] = 255
    image = _prepared(canvas)[0].astype(float)
    rows, columns = np.indices(image.shape)
    assert abs((image * rows).sum() / image.sum() - 14) <= 0.5
    assert abs((image * columns).sum() / image.sum() - 14) <= 0.5
    # Centred by its box alone, the drawing would lie further left.
    assert _box(image)[1] > 4


def test_nothing_is_cut_off_when_the_mass_is_far_from_the_middle() -> None:
    canvas = np.zeros((280, 280), dtype=np.uint8)
    canvas[0:4, 0:280] = 255
    canvas[0:280, 0:60] = 255
    assert _box(_prepared(canvas)[0])[2:] == (20, 20)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (3, 2), (1000, 3), (2000, 1500)])
def test_any_size_of_drawing(size: tuple[int, int]) -> None:
    image = _prepared(np.full(size, 200, dtype=np.uint8))
    assert image.shape == SHAPE
    assert image.max() == 200
    assert max(_box(image[0])[2:]) == 20


def test_blank_is_none() -> None:
    for shape in ((280, 280), (280, 280, 3), (280, 280, 4), (1, 1)):
        assert place_drawing(np.zeros(shape, dtype=np.uint8), SHAPE, BOX_OF_20_BY_MASS) is None
    assert place_drawing(np.full((280, 280, 4), 255, dtype=np.uint8), SHAPE, BOX_OF_20_BY_MASS) is None
    random = np.random.default_rng(0)
    paper = np.clip(random.normal(225, 4, (300, 400, 3)), 0, 255).astype(np.uint8)
    assert place_drawing(paper, SHAPE, BOX_OF_20_BY_MASS) is None
    assert place_drawing(np.full((40, 40, 3), 7, dtype=np.uint8), (3, 32, 32), MIDDLE_SQUARE) is None


def test_every_way_to_draw_the_same_strokes() -> None:
    strokes = _bar()
    white_on_black = np.repeat(strokes[..., None], 3, axis=2)
    opaque = np.full_like(strokes, 255)
    zero = np.zeros_like(strokes)
    ways = {
        "white on black": white_on_black,
        "black on white": 255 - white_on_black,
        "blue on white": np.where(strokes[..., None] > 0, np.array([20, 40, 160]), 255).astype(np.uint8),
        "opaque": np.dstack((white_on_black, opaque)),
        "white on nothing": np.dstack((white_on_black, strokes)),
        "black on nothing": np.dstack((zero, zero, zero, strokes)),
        "grey on black": (white_on_black * 0.6).astype(np.uint8),
    }
    expected = _prepared(strokes)
    for name, picture in ways.items():
        np.testing.assert_allclose(_prepared(picture), expected, atol=2, err_msg=name)


def test_specks_and_shade_are_no_strokes() -> None:
    random = np.random.default_rng(1)
    strokes = _bar(180, 26) > 0
    light = np.linspace(230, 150, 280)[None] * np.ones((280, 1))
    paper = np.where(strokes, 0.3 * light, light) + random.normal(0, 3, light.shape)
    # Add a speck in the far corner.
    paper[250:253, 30:33] = 60
    picture = np.repeat(np.clip(paper, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    cleaned = extract_strokes(picture)
    assert not cleaned[240:, :60].any()
    assert not cleaned[:, :150].any()
    assert (cleaned[strokes] > 200).mean() > 0.9
    assert (cleaned > 0).sum() < 1.3 * strokes.sum()
    assert _box(_prepared(picture)[0])[2] == 20


@pytest.mark.parametrize("width", [1, 2, 4, 6])
@pytest.mark.parametrize("tall", [True, False])
def test_thin_lines_get_the_width_of_the_data_sets_own(width: int, tall: bool) -> None:
    canvas = _bar(width=width) if tall else _bar(width=width).T.copy()
    prepared = place_drawing(canvas, SHAPE, BOX_OF_20_BY_MASS)
    assert prepared is not None
    assert prepared.thickened
    _, _, *box = _box(prepared.image[0])
    assert max(box) == 20, "as long as before"
    # The usual width, 0.11 of the longest side, is 2.2 pixels, which soft edges spread over 2 to 4.
    assert 2 <= min(box) <= 4
    assert prepared.image.sum() / 255 == pytest.approx(2.2 * 20, rel=0.35)


@pytest.mark.parametrize("width", [14, 22, 40])
def test_lines_as_thick_as_the_data_sets_own_stay_as_they_are(width: int) -> None:
    prepared = place_drawing(_bar(width=width), SHAPE, BOX_OF_20_BY_MASS)
    assert prepared is not None
    assert not prepared.thickened
    assert prepared.image.sum() / 255 == pytest.approx(width / 10 * 20, rel=0.3)


def test_hairlines_beside_thick_lines_get_the_usual_width() -> None:
    strokes = np.zeros((200, 160), dtype=np.uint8)
    # A thick stem with three thin arms.
    strokes[10:190, 20:44] = 255
    strokes[10:190, 146:150] = 255
    for row in (10, 90, 186):
        strokes[row : row + 4, 44:150] = 255
    pen = DATASET_CATALOGUE["mnist"].framing.pen
    assert pen
    redrawn, changed = handwriting._with_pen(strokes, pen)
    assert changed
    across = redrawn[:, redrawn.shape[1] // 2] / 255
    assert across.sum() / 3 == pytest.approx(pen.usual * handwriting._FINE, abs=0.5)


def test_nothing_jumps_where_thickening_ends() -> None:
    rows, columns = np.indices((280, 280)) - 140
    from_ring = np.abs(np.hypot(rows, 1.4 * columns) - 90)
    rings = [np.rint(255 * np.clip(width / 2 - from_ring, 0, 1)).astype(np.uint8) for width in np.arange(2, 16, 0.5)]
    # Amount of ink in pixels.
    amounts = [_prepared(ring).sum() / 255 for ring in rings]
    assert min(amounts) < 60, "where thickening has ended"
    assert max(amounts) > 100
    assert np.abs(np.diff(amounts)).max() < 16


def test_other_data_sets_lines_are_not_thickened() -> None:
    for name in ("fashion-mnist", "kmnist"):
        prepared = place_drawing(_bar(width=2), SHAPE, DATASET_CATALOGUE[name].framing)
        assert prepared is not None
        assert not prepared.thickened


def _turned_round(picture: np.ndarray, ground: Ground | None, framing: Framing = MIDDLE_SQUARE) -> tuple[bool, str]:
    """Whether bright and dark were exchanged, and the value of the background of the result."""
    prepared = place_drawing(picture, SHAPE, framing, ground)
    assert prepared is not None
    return prepared.inverted, pictures.picture_ground(prepared.image[0])


@pytest.mark.parametrize("framing", [MIDDLE_SQUARE, BOX_OF_20_BY_MASS])
def test_a_network_that_learned_dark_on_bright_is_given_that(framing: Framing) -> None:
    drawing, paper = _bar(), np.repeat(255 - _bar()[..., None], 3, axis=2)
    assert _turned_round(drawing, "bright", framing) == (True, "bright")
    assert _turned_round(drawing, "dark", framing) == (False, "dark")
    assert _turned_round(paper, "bright", framing) == (False, "bright")
    assert _turned_round(paper, "dark", framing) == (True, "dark")
    as_drawn, inverted = (place_drawing(drawing, SHAPE, framing, ground) for ground in ("dark", "bright"))
    assert as_drawn is not None
    assert inverted is not None
    np.testing.assert_array_equal(inverted.image, 255 - as_drawn.image)


def test_where_the_ground_is_not_known_a_picture_stays_as_it_is() -> None:
    assert _turned_round(_bar(), None) == (False, "dark")
    assert _turned_round(np.repeat(255 - _bar()[..., None], 3, axis=2), None) == (False, "bright")


def test_traces_of_compression_do_not_move_a_drawing() -> None:
    picture = np.repeat(255 - _bar()[..., None], 3, axis=2)
    noisy = picture.copy()
    noisy[250:258, 10:18] = 252
    np.testing.assert_array_equal(_prepared(noisy), _prepared(picture))


def test_other_data_sets_frame_differently() -> None:
    assert _box(_prepared(_bar(), dataset="fashion-mnist")[0])[2] == 28
    assert _box(_prepared(_bar(), dataset="mnist-5k")[0])[2] == 20
    drawn = _prepared(_bar(), (3, 32, 32), "cifar10")
    assert drawn.shape == (3, 32, 32)
    assert drawn.any()


def test_colour_pictures_are_only_resized_from_their_middle() -> None:
    picture = np.zeros((60, 100, 3), dtype=np.uint8)
    picture[:, 50:] = (250, 20, 90)
    # Green outside the middle square, which must be cut off.
    picture[:, :20] = (0, 255, 0)
    image = _prepared(picture, (3, 32, 32), "cifar10")
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image[:, 16, 28], (250, 20, 90), atol=2)
    assert image[1].max() <= 22
    grey = _prepared(picture, (1, 40, 40), "folder")
    assert grey.shape == (1, 40, 40)


def test_files_are_turned_upright_and_made_small() -> None:
    picture = np.full((400, 1600, 3), 240, dtype=np.uint8)
    picture[100:300, 1200:1500] = 10
    exif = Image.Exif()
    # Orientation 6: to be turned by 90 degrees clockwise.
    exif[0x0112] = 6
    picture_read = read_picture(_file(picture, "JPEG", exif))
    assert picture_read.shape == (960, 240, 3)
    # The right end of the stored picture is now at the bottom.
    assert picture_read[-150, 120, 0] < 40
    assert picture_read[50, 120, 0] > 200


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("colour", [True, False])
def test_usual_files_are_read(kind: str, colour: bool) -> None:
    strokes = 255 - _bar()
    picture_read = read_picture(_file(np.repeat(strokes[..., None], 3, axis=2) if colour else strokes, kind))
    assert picture_read.shape == (280, 280, 3)
    assert _box(_prepared(picture_read)[0])[2] == 20


def _deep(strokes: np.ndarray) -> bytes:
    """12 bits a value in a file of 16, as scanners and microscopes write them."""
    return _file(strokes.astype(np.uint16) * 16)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("1 bit", _file(np.asarray(_bar() > 0))),
        ("16 bits", _file(_bar().astype(np.uint16) * 257)),
        ("12 bits in 16", _deep(_bar())),
        ("8 bits in 16", _file(_bar().astype(np.uint16))),
        ("grey with transparency", _file(np.dstack((np.full_like(_bar(), 255), _bar())))),
    ],
)
def test_whatever_the_encoding_the_strokes_are_found(name: str, content: bytes) -> None:
    np.testing.assert_allclose(_prepared(read_picture(content)), _prepared(_bar()), atol=2, err_msg=name)


@pytest.mark.parametrize("mode", ["P", "CMYK"])
def test_palettes_and_inks_of_a_printer_are_read(mode: str) -> None:
    file = io.BytesIO()
    picture = Image.fromarray(np.repeat(255 - _bar()[..., None], 3, axis=2))
    picture.convert(mode).save(file, "PNG" if mode == "P" else "JPEG", quality=100, subsampling=0)
    np.testing.assert_allclose(_prepared(read_picture(file.getvalue())), _prepared(_bar()), atol=2)


def test_an_animation_says_what_it_is() -> None:
    file = io.BytesIO()
    frames = [Image.fromarray(_bar(height)) for height in (100, 150, 200)]
    frames[0].save(file, "PNG", save_all=True, append_images=frames[1:])
    with pytest.raises(DataError, match="animation of 3"):
        read_picture(file.getvalue())


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", _file(_bar())[:150], b"<svg></svg>"])
def test_what_is_no_picture_is_refused_with_a_remedy(content: bytes) -> None:
    with pytest.raises(DataError, match="upload a PNG or JPEG"):
        read_picture(content)


def test_enormous_pictures_are_refused_before_they_are_decoded() -> None:
    file = io.BytesIO()
    Image.new("1", (8000, 8000)).save(file, "PNG")
    with pytest.raises(DataError, match="save it smaller"):
        read_picture(file.getvalue())


def test_a_ridge_has_no_neighbour_that_is_farther_from_the_edge() -> None:
    depths = np.array([[3, 1, 2, 1, 0, 0, 1, 1, 3]], dtype=float)
    # The 2 is a ridge although a 3 is two pixels away.
    assert handwriting._ridges(depths).tolist() == [[True, False, True, False, False, False, True, False, True]]


def test_a_small_digit_in_an_image_of_the_right_size_is_enlarged() -> None:
    small = np.zeros((28, 28), dtype=np.uint8)
    small[10:18, 12:16] = 255
    assert _box(_prepared(small)[0])[2] == 20


@pytest.mark.parametrize("turned", [0, 1, 2, 3])
def test_a_stroke_along_one_edge_does_not_decide_what_the_ground_is(turned: int) -> None:
    picture = np.zeros((60, 40), dtype=np.uint8)
    picture[:, 30:] = 255
    strokes = extract_strokes(np.rot90(picture, turned).copy())
    assert np.array_equal(np.rot90(strokes, -turned), extract_strokes(picture))
    assert np.array_equal(extract_strokes(picture[:, ::-1].copy()), extract_strokes(picture)[:, ::-1])
