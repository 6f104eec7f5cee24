"""Pictures from strangers: only PNG and JPEG are decoded, within limits, from regular files inside the folder."""

import io
import os
import resource
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_core.config import limits
from mnist_core.data import handwriting, image_folder
from mnist_core.data.folder_layout import folder_class_names, list_folder
from mnist_core.data.image_folder import read_folder
from mnist_core.errors import DataError
from tests.app_process import ROOT
from tests.small_folders import write_images


def _head(width: int, height: int, kind: int = 0) -> bytes:
    return width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, kind, 0, 0, 0])


def _png_of(width: int, height: int, *parts: tuple[bytes, bytes], kind: int = 0) -> bytes:
    """A PNG whose header states this size, with these chunks between header and end."""
    whole = [(b"IHDR", _head(width, height, kind)), *parts, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")
        for name, content in whole
    )


def png(width: int, height: int, bits: int = 8, kind: int = 0) -> bytes:
    """A PNG of zeros with any number of pixels, made without holding them in memory."""
    channels = {0: 1, 2: 3, 6: 4}[kind]
    packer, row = zlib.compressobj(1), bytes(1 + width * channels * bits // 8)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([bits, kind, 0, 0, 0])
    parts = [(b"IHDR", head), (b"IDAT", data), (b"IEND", b"")]
    chunks = [
        len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")
        for name, content in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def saved(form: str, **how: object) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(stream, form, **how)
    return stream.getvalue()


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 32\n%%EndComments\n(x) = showpage\n%%EOF\n"
DISGUISED: dict[str, bytes] = {
    "EPS": POSTSCRIPT,
    **{
        form: saved(form)
        for form in ("GIF", "BMP", "TIFF", "WEBP", "ICO", "PPM", "TGA", "PCX", "SGI", "JPEG2000", "DDS")
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_images(tmp_path / "pictures")


def failure(folder: Path, size: int = 8, colour: bool = False) -> str:
    with pytest.raises(DataError) as caught:
        read_folder(str(folder), size, colour)
    return str(caught.value)


@pytest.fixture
def ghostscript(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], bool]:
    """A `gs` on the path that leaves a trace when it is started."""
    trace, script = tmp_path / "started", tmp_path / "bin" / "gs"
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\ntouch {trace}\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    # Pillow looks for the program only once, so it must look again.
    from PIL import EpsImagePlugin

    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    return trace.exists


@pytest.mark.parametrize("rule", [1, 2])
@pytest.mark.parametrize("form", DISGUISED)
def test_only_png_and_jpeg_are_decoded_whatever_a_file_is_called(
    folder: Path, ghostscript: Callable[[], bool], form: str, rule: int
):
    path = folder / "train" / "2" / "00.png"
    path.write_bytes(DISGUISED[form])
    with pytest.raises(DataError, match="PNG or JPEG") as caught:
        read_folder(str(folder), 8, False, rule)
    assert str(path) in str(caught.value)
    with pytest.raises(DataError):
        handwriting.read_picture(DISGUISED[form])
    assert not ghostscript()


def test_a_png_may_be_called_a_jpeg_and_a_phones_jpeg_may_hold_a_second_picture(folder: Path):
    shutil.copy(folder / "train" / "2" / "00.png", folder / "train" / "2" / "00b.jpg")
    two = saved("MPO", save_all=True, append_images=[Image.new("RGB", (32, 32))])
    (folder / "train" / "2" / "99.jpg").write_bytes(two)
    assert len(read_folder(str(folder), 8, False).train[0]) == 26


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (png(13_300, 13_300), "pixels"),
        (png(7_100, 7_100), "7,100 × 7,100 pixels"),
        (png(50_000_001, 1), "pixels"),
        (png(3_500, 3_500, 16, 2), "3,500 × 3,500 pixels with more than 8 bits"),
        (png(3_500, 3_500, 16, 0), "3,500 × 3,500 pixels with more than 8 bits"),
    ],
    ids=["13,300 a side", "7,100 a side", "one line", "deep colour", "deep grey"],
)
def test_a_picture_with_too_many_pixels_is_refused_before_it_is_decoded(folder: Path, content: bytes, words: str):
    path = folder / "test" / "10" / "00.png"
    path.write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    message = failure(folder)
    assert words in message
    assert str(path) in message
    with pytest.raises(DataError, match="too large"):
        handwriting.read_picture(content)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


@pytest.mark.long
def test_many_large_pictures_are_decoded_one_at_a_time(tmp_path: Path):
    folder = tmp_path / "large"
    content = png(6_000, 6_000, 8, 6)
    for split in ("train", "test"):
        for name in ("a", "b"):
            (folder / split / name).mkdir(parents=True)
            for number in range(3):
                (folder / split / name / f"{number}.png").write_bytes(content + bytes(30_000))
    code = (
        "import resource, sys; from mnist_core.data.image_folder import read_folder\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "read_folder(sys.argv[1], 8, False)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    command = [sys.executable, "-c", code, str(folder)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    # 36 million pixels of four bytes, of which a few copies exist while one is decoded: 144 MB each.
    assert int(ended.stdout) < 900_000


def test_what_all_pictures_take_together_is_bounded_before_any_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "MAX_FOLDER_BYTES", 32 * 64 * 64)
    assert len(read_folder(str(folder), 64, False).train[0]) == 24
    (folder / "train" / "2" / "00.png").write_bytes(b"is not looked at")
    assert "take 0.0 GB at 65 × 65 pixels" in failure(folder, 65)
    assert "in colour" in failure(folder, 64, colour=True)


def test_so_are_the_bytes_of_a_file_and_how_many_there_are(folder: Path, monkeypatch: pytest.MonkeyPatch):
    path = folder / "train" / "10" / "00.png"
    with path.open("ab") as file:
        # A sparse file: it takes no room on the disk.
        file.truncate(limits.MAX_PICTURE_BYTES + 1)
    message = failure(folder)
    assert str(path) in message
    assert "100,000,001 bytes" in message
    monkeypatch.setattr(limits, "MAX_FOLDER_PICTURES", 31)
    assert "31" in failure(folder)


def test_a_pipe_or_a_device_called_like_a_picture_is_left_out_and_never_opened(folder: Path):
    os.mkfifo(folder / "train" / "2" / "pipe.png")
    os.mkfifo(folder / "train" / "pipe.png")
    (folder / "train" / "10" / "nowhere.jpg").symlink_to(folder / "train" / "10" / "gone.jpg")
    # Reading the file would wait for ever, so another process tries it.
    code = (
        "import sys; from mnist_core.data.image_folder import read_folder; "
        "found = read_folder(sys.argv[1], 8, False); print(len(found.train[0]), found.facts.left_out)"
    )
    command = [sys.executable, "-c", code, str(folder)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert ended.stdout.split(maxsplit=1)[0] == "24", ended.stderr
    assert list_folder(str(folder)).left_out == {"no file": 2}


def test_links_that_go_in_circles_are_left_out(folder: Path):
    (folder / "train" / "2" / "self.png").symlink_to(folder / "train" / "2" / "self.png")
    (folder / "train" / "one").symlink_to(folder / "train" / "two")
    (folder / "train" / "two").symlink_to(folder / "train" / "one")
    assert len(read_folder(str(folder), 8, False).train[0]) == 24
    assert list_folder(str(folder)).left_out == {"no file": 1}


def test_devices_and_sockets_called_like_pictures_are_left_out(folder: Path):
    class_folder = folder / "train" / "2"
    try:
        os.mknod(class_folder / "zero.png", 0o020666, os.makedev(1, 5))
        os.mknod(class_folder / "disk.png", 0o060666, os.makedev(7, 0))
    except PermissionError:
        pytest.skip("only root can make devices")
    (class_folder / "album.png").mkdir()
    assert len(read_folder(str(folder), 8, False).train[0]) == 24
    assert list_folder(str(folder)).left_out == {"no file": 2}


def test_the_number_of_classes_is_bounded_before_their_pictures_are_listed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    for number in range(limits.MAX_CLASSES - 1):
        for split in ("train", "test"):
            (folder / split / f"class {number}").mkdir()
    with pytest.raises(DataError, match=r"1,001 .* 1,000\b") as caught:
        folder_class_names(str(folder))
    assert "MNIST_LAB_MAX_CLASSES" in str(caught.value)
    monkeypatch.setenv("MNIST_LAB_MAX_CLASSES", "1001")
    assert len(folder_class_names(str(folder))) == 1001


@pytest.mark.parametrize("path", ["x" * 5000, "/" + "x" * 5000, "a\0b", "", "/dev/zero", "/proc/self/mem", "\u202e/x"])
def test_a_path_that_is_no_folder_is_told_in_a_few_words(path: str):
    with pytest.raises(DataError) as caught:
        folder_class_names(path)
    assert "give its path" in str(caught.value) or "train/<class>/*.png" in str(caught.value)
    assert len(str(caught.value)) < 600


CHUNKS: dict[str, bytes] = {
    "no width": _png_of(0, 5),
    "no height": _png_of(5, 0),
    "a line of 2 billion": _png_of(2**31 - 1, 1),
    "more than any": _png_of(2**32 - 1, 2**32 - 1),
    "no pixels": _png_of(8, 8),
    "few pixels": _png_of(8, 8, (b"IDAT", zlib.compress(bytes(20)))),
    "an unknown kind": _png_of(8, 8, (b"IDAT", zlib.compress(bytes(72))), kind=9),
    "two heads": _png_of(8, 8, (b"IHDR", _head(99_999, 99_999)), (b"IDAT", zlib.compress(bytes(72)))),
    "a comment of 200 MB": _png_of(8, 8, (b"zTXt", b"a\0\0" + zlib.compress(bytes(200_000_000)))),
    "a profile of 200 MB": _png_of(8, 8, (b"iCCP", b"a\0\0" + zlib.compress(bytes(200_000_000)))),
    "an animation": _png_of(
        8, 8, (b"acTL", (2**31 - 1).to_bytes(4, "big") + bytes(4)), (b"IDAT", zlib.compress(bytes(72)))
    ),
    "half of a PNG": png(64, 64)[:60],
    "half of a JPEG": saved("JPEG")[:300],
    "a JPEG without size": b"\xff\xd8\xff\xc0\x00\x11\x08" + bytes(4) + b"\x03\x01\x22\x00\xff\xd9",
    "a JPEG of 65,535 a side": b"\xff\xd8\xff\xc0\x00\x11\x08" + b"\xff" * 4 + b"\x03\x01\x22\x00\xff\xd9",
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
    "PDF": saved("PDF"),
}


@pytest.mark.parametrize("case", CHUNKS)
def test_a_picture_whose_parts_lie_is_refused_by_its_name_and_little_memory(folder: Path, case: str):
    path = folder / "train" / "2" / "00.png"
    path.write_bytes(CHUNKS[case])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert str(path) in failure(folder)
    with pytest.raises(DataError):
        handwriting.read_picture(CHUNKS[case])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_a_picture_that_becomes_a_pipe_after_it_was_listed_is_refused_at_once(folder: Path):
    path = folder / "train" / "2" / "00.png"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(OSError, match="regular"):
        image_folder._content(str(path))


@pytest.mark.parametrize("location", ["train/2/link.png", "train/3", "train"])
def test_a_link_out_of_the_folder_is_refused_and_one_inside_of_it_is_followed(
    folder: Path, tmp_path: Path, location: str
):
    elsewhere = write_images(tmp_path / "elsewhere", low=100)
    link, target = folder / location, elsewhere / "train" / "2" / "00.png"
    if location == "train/3":
        target = elsewhere / "train" / "2"
        shutil.copytree(folder / "test" / "2", folder / "test" / "3")
    elif location == "train":
        target = elsewhere / "train"
        shutil.rmtree(link)
    link.symlink_to(target)
    message = failure(folder)
    assert f"{link} is a link" in message
    assert f"outside of {folder}" in message
    link.unlink()
    # The same pictures inside the folder are read.
    shutil.copytree(elsewhere, folder / "pool")
    link.symlink_to(os.path.relpath(folder / "pool" / target.relative_to(elsewhere), link.parent))
    assert len(read_folder(str(folder), 8, False).train[0]) >= 24
    # The way to the folder itself may be a link.
    (tmp_path / "way").symlink_to(folder)
    assert len(read_folder(str(tmp_path / "way"), 8, False).train[0]) >= 24


def test_a_link_to_a_device_is_refused(folder: Path):
    (folder / "train" / "2" / "zero.png").symlink_to("/dev/zero")
    assert "zero.png is a link" in failure(folder)


def test_pictures_within_the_limits_are_read_as_before(folder: Path):
    content = png(2_000, 2_000, 16, 2)
    (folder / "train" / "2" / "deep.png").write_bytes(content)
    assert np.array_equal(read_folder(str(folder), 8, False).train[0][12], np.zeros((1, 8, 8)))
    assert handwriting.read_picture(content).shape[2] == 3
