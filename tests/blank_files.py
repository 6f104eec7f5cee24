"""Blank files of a published data set: they have the right sizes, and tests damage them or need none to be missing."""

from pathlib import Path

from mnist_core.config.dataset_catalogue import dataset


def header(*sizes: int, kind: int = 8) -> bytes:
    """The head of an IDX file with these dimensions; its numbers are bytes where `kind` is 8, int32 where it is 12."""
    return bytes([0, 0, kind, len(sizes)]) + b"".join(size.to_bytes(4, "big") for size in sizes)


def write_blank_files(name: str, root: Path) -> None:
    """Black images and labels that are all 0, as sparse files, which take no space."""
    entry = dataset(name)
    columns = (entry.label_columns,) if entry.label_columns > 1 else ()
    for file, expected in entry.files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        count = entry.train_images if "train" in file else entry.test_images
        with path.open("wb") as stream:
            sizes = entry.shape[1:] if "images" in file else columns
            stream.write(header(count, *sizes, kind=12 if file.endswith("-int") else 8))
            assert expected
            stream.truncate(expected)
