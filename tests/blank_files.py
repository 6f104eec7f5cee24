"""Blank files of a published data set: they have the right sizes, and tests damage them or need none to be missing."""

from pathlib import Path

from mnist_core.data.dataset_catalogue import dataset


def header(*sizes: int) -> bytes:
    """The head of an IDX file of bytes with these dimensions."""
    return bytes([0, 0, 8, len(sizes)]) + b"".join(size.to_bytes(4, "big") for size in sizes)


def write_blank_files(name: str, root: Path) -> None:
    """Black images and labels that are all 0, as sparse files, which take no space."""
    for file, expected in dataset(name).files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        count = 60_000 if "train" in file else 10_000
        with path.open("wb") as stream:
            stream.write(header(count, 28, 28) if "images" in file else header(count))
            assert expected
            stream.truncate(expected)
