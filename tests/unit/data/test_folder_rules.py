"""Image folders as people make them: rotated, transparent or 16-bit pictures, other files, names in two spellings."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
from PIL import Image

from mnist_core.config.run_config import RunConfig
from mnist_core.data import folder_remarks, image_folder
from mnist_core.data.folder_layout import folder_class_names
from mnist_core.data.mnist_5k import read_mnist_5k
from mnist_core.data.pictures import LargePictureError
from mnist_core.data.sources import DatasetArrays, load_arrays
from mnist_core.errors import DataError

Save = Callable[[np.ndarray, Path], None]


def digits(count: int, classes: int = 3) -> dict[str, list[tuple[int, np.ndarray]]]:
    """Real digits as (label, uint8 (28, 28)): `count` of each class to train on and half as many to test."""
    (train_images, train_labels), (test_images, test_labels) = read_mnist_5k()
    chosen: dict[str, list[tuple[int, np.ndarray]]] = {}
    for split, images, labels, wanted in (
        ("train", train_images, train_labels, count),
        ("test", test_images, test_labels, count // 2),
    ):
        chosen[split] = [
            (label, images[at, 0]) for label in range(classes) for at in np.flatnonzero(labels == label)[:wanted]
        ]
    return chosen


def write(root: Path, save: dict[str, Save], count: int = 4, names: dict[str, tuple[str, ...]] | None = None) -> Path:
    """A folder of digits, written by a function for each split."""
    for split, chosen in digits(count).items():
        for number, (label, image) in enumerate(chosen):
            name = names[split][label] if names else str(label)
            (root / split / name).mkdir(parents=True, exist_ok=True)
            save[split](image, root / split / name / f"{number:03}.png")
    return root


def png(image: np.ndarray, path: Path) -> None:
    Image.fromarray(image).save(path)


def white_on_transparent(image: np.ndarray, path: Path) -> None:
    Image.merge("LA", (Image.new("L", (28, 28), 255), Image.fromarray(image))).save(path)


def turned_jpeg(image: np.ndarray, path: Path) -> None:
    """A photograph that was taken with the camera on its side, four times as large."""
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = Image.fromarray(np.ascontiguousarray(np.rot90(image))).resize((112, 112))
    lying.save(path.with_suffix(".jpg"), quality=95, exif=exif)


def deep(factor: int) -> Save:
    """Grey values times a factor in a PNG of 16 bits."""

    def save(image: np.ndarray, path: Path) -> None:
        Image.fromarray(image.astype(np.uint16) * np.uint16(factor)).save(path)

    return save


def read(root: Path, rule: int = 2, **fields: object) -> DatasetArrays:
    config = RunConfig.parse({"dataset": "folder", "folder": str(root)} | fields)
    return load_arrays(config, root, rule)


def test_a_split_that_was_photographed_on_the_side_is_read_upright(tmp_path: Path):
    upright = read(write(tmp_path / "a", {"train": png, "test": png}))
    turned = read(write(tmp_path / "b", {"train": png, "test": turned_jpeg}))
    assert turned.folder
    assert turned.folder.turned == len(turned.test_labels)
    difference = np.abs(turned.test_images.astype(int) - upright.test_images).mean()
    lying = np.abs(np.rot90(turned.test_images, axes=(2, 3)).astype(int) - upright.test_images).mean()
    assert difference < 5 < lying


def test_white_strokes_on_transparent_ground_are_seen(tmp_path: Path):
    drawn = read(write(tmp_path / "a", {"train": png, "test": png}))
    for colour in (False, True):
        clear = read(
            write(tmp_path / "b", dict.fromkeys(("train", "test"), white_on_transparent)), folder_colour=colour
        )
        assert np.abs(clear.train_images.astype(int) - drawn.train_images).max() <= 1
        assert clear.folder
        assert (clear.folder.transparent, clear.folder.behind, clear.folder.one_colour) == (
            18,
            "black",
            0,
        )


@pytest.mark.parametrize("factor", [1, 16, 257])
def test_deep_files_are_as_bright_as_their_values(tmp_path: Path, factor: int):
    plain = read(write(tmp_path / "a", {"train": png, "test": png}))
    wide = read(write(tmp_path / "b", dict.fromkeys(("train", "test"), deep(factor))))
    assert np.abs(wide.train_images.astype(int) - plain.train_images).max() <= 1
    assert np.abs(wide.test_images.astype(int) - plain.test_images).max() <= 1


def test_a_test_split_is_read_as_the_training_split_is(tmp_path: Path):
    """A test split of 12-bit files beside a training split of 8-bit files of the same brightness."""
    mixed = read(write(tmp_path, {"train": png, "test": deep(16)}))
    assert mixed.test_images.max() > 250
    assert mixed.folder
    assert mixed.folder.depths[-1][1] == 12


def test_rule_1_reads_as_it_always_did(tmp_path: Path):
    """The first rule still reads pictures as it did, because runs that began with it must find their images."""
    root = write(tmp_path / "a", {"train": white_on_transparent, "test": deep(1)})
    old = read(root, rule=1)
    assert (old.train_images.min(), old.test_images.max()) == (255, 0)
    assert old.folder
    assert old.folder.one_colour == 18
    lying = read(write(tmp_path / "b", {"train": png, "test": turned_jpeg}), rule=1).test_images
    upright = read(tmp_path / "b").test_images
    assert np.abs(np.rot90(lying, -1, axes=(2, 3)).astype(int) - upright).mean() < 2


@pytest.mark.parametrize("colour", [False, True])
def test_photographs_are_the_same_by_both_rules(tmp_path: Path, colour: bool):
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in ("a", "b"):
            (tmp_path / split / name).mkdir(parents=True)
            for number, (mode, kind) in enumerate((m, k) for m in ("RGB", "L", "P", "CMYK") for k in ("png", "jpg")):
                small = Image.fromarray(random.integers(0, 256, (9, 12, 3), dtype=np.uint8))
                image = small.resize((300, 200)).convert(mode)
                if (mode, kind) not in (("CMYK", "png"), ("P", "jpg")):
                    image.save(tmp_path / split / name / f"{number}.{kind}")
            cut_out = random.integers(0, 200, (40, 40, 4), dtype=np.uint8)
            Image.fromarray(cut_out).save(tmp_path / split / name / "cut out.png")
    new, old = (read(tmp_path, rule, folder_colour=colour) for rule in (2, 1))
    # Half-transparent pixels may be rounded differently.
    assert np.abs(new.train_images.astype(int) - old.train_images).max() <= 2
    assert new.folder
    assert new.folder.behind == "white"


def test_names_in_two_spellings_are_the_same_classes(tmp_path: Path):
    names = ("zéro", "Übung", "二")
    spelled = {
        "train": tuple(normalize("NFC", name) for name in names),
        "test": tuple(normalize("NFD", name) for name in names),
    }
    assert spelled["train"] != spelled["test"]
    arrays = read(write(tmp_path, {"train": png, "test": png}, names=spelled))
    assert sorted(arrays.classes) == sorted(spelled["train"])
    assert np.bincount(arrays.test_labels).tolist() == [2, 2, 2]
    zero = arrays.classes.index(normalize("NFC", "zéro"))
    expected = read(write(tmp_path / "plain", {"train": png, "test": png}))
    assert np.array_equal(arrays.test_images[arrays.test_labels == zero], expected.test_images[:2])


def test_two_directories_of_one_name_are_refused(tmp_path: Path):
    write(tmp_path, {"train": png, "test": png})
    for form in ("NFC", "NFD"):
        (tmp_path / "train" / normalize("NFC" if form == "NFC" else "NFD", "é")).mkdir()
    with pytest.raises(DataError, match=r"two folders .* 'é'"):
        folder_class_names(str(tmp_path))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("10", "2", "1", "-1", "0.5"), ("-1", "0.5", "1", "2", "10")),
        (("digit 10", "digit 9", "digit 2"), ("digit 2", "digit 9", "digit 10")),
        (("b", "7", "a", "11"), ("7", "11", "a", "b")),
        (("07", "7", "6"), ("6", "07", "7")),
        (("nan", "inf", "1"), ("1", "inf", "nan")),
    ],
)
def test_names_that_are_numbers_are_ordered_as_numbers(
    tmp_path: Path, names: tuple[str, ...], expected: tuple[str, ...]
):
    for split in ("train", "test"):
        for name in names:
            (tmp_path / split / name).mkdir(parents=True)
    assert folder_class_names(str(tmp_path)) == expected
    assert folder_class_names(str(tmp_path), rule=1) == tuple(sorted(names))


def test_what_is_left_out_or_blank_is_counted_and_named(tmp_path: Path):
    root = write(tmp_path, {"train": png, "test": png})
    first = root / "train" / "0"
    for suffix, count in ((".bmp", 2), (".WEBP", 1), (".tif", 1), (".gif", 1)):
        for number in range(count):
            Image.new("L", (28, 28), 9).save(first / f"x{number}{suffix}")
    (first / ".DS_Store").write_bytes(b"hidden")
    (first / "README").write_bytes(b"no suffix")
    (first / "deeper").mkdir()
    (root / "test" / "1" / "also deeper").mkdir()
    Image.new("L", (28, 28)).save(root / "train" / "loose.png")
    Image.new("L", (1, 1), 48).save(first / "one pixel.png")
    Image.new("RGB", (28, 28), "red").save(root / "test" / "2" / "red.png")
    facts = read(root).folder
    assert facts
    assert facts.left_out == {".bmp": 2, ".webp": 1, ".tif": 1, ".gif": 1, "without suffix": 1}
    assert (facts.beside, facts.deeper, facts.one_colour) == (1, 2, 2)
    assert facts.one_colour_files == ("train/0/one pixel.png", "test/2/red.png")
    warnings = " ".join(folder_remarks.folder_warnings(facts))
    for part in ("6 files", "2 .bmp", "1 .webp", "1 image beside", "2 folders", "train/0/one pixel.png"):
        assert part in warnings


def test_a_plain_folder_calls_for_no_remark(tmp_path: Path):
    facts = read(write(tmp_path, {"train": png, "test": png})).folder
    assert facts
    assert folder_remarks.folder_warnings(facts) == []


def deep_rgb(path: Path, values: np.ndarray) -> None:
    """A PNG with three values of 16 bits a pixel."""
    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    stream = io.BytesIO(b"\x89PNG\r\n\x1a\n")
    stream.seek(0, io.SEEK_END)
    for name, data in parts:
        stream.write(struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)))
    path.write_bytes(stream.getvalue())


def test_every_encoding_of_one_digit_in_a_folder_shows_it(tmp_path: Path):
    root = write(tmp_path, {"train": png, "test": png})
    digit = digits(1)["train"][0][1]
    class_folder = root / "train" / "0"
    rgb = np.repeat(digit[..., None], 3, axis=2)
    Image.fromarray(np.where(digit > 127, 255, 0).astype(np.uint8)).convert("1").save(class_folder / "a onebit.png")
    Image.fromarray(digit).convert("P").save(class_folder / "a palette.png")
    Image.merge("LA", (Image.fromarray(digit), Image.new("L", (28, 28), 255))).save(class_folder / "a la.png")
    Image.fromarray(rgb).convert("CMYK").save(class_folder / "a cmyk.jpg", quality=95)
    for factor in (1, 16, 257):
        deep(factor)(digit, class_folder / f"a sixteen-{factor}.png")
        deep_rgb(class_folder / f"a rgb-sixteen-{factor}.png", rgb.astype(np.uint16) * np.uint16(factor))
    for colour in (False, True):
        arrays = read(root, folder_colour=colour)
        written = len(list(class_folder.glob("a *")))
        shown = arrays.train_images[: 4 + written].astype(int)
        names = sorted(path.name for path in class_folder.iterdir())
        for name, image in zip(names, shown, strict=True):
            if name.startswith("a "):
                assert np.corrcoef(image.ravel(), np.broadcast_to(digit, image.shape).ravel())[0, 1] > 0.9, name
                assert image.max() > 240, name
        assert arrays.folder
        assert arrays.folder.one_colour == 0


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="only Linux has files that say no size")
def test_a_file_that_holds_more_than_its_size_says_is_not_read_whole(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(image_folder, "MAX_PICTURE_BYTES", 100)
    assert Path("/proc/self/status").stat().st_size == 0
    with pytest.raises(LargePictureError):
        image_folder._content("/proc/self/status")
