"""Where the images of a `folder` data set lie: train/<class>/*.png|jpg|jpeg and test/<class>/*.png|jpg|jpeg."""

import os
from pathlib import Path

from mnist_core.errors import DataError

_SUFFIXES = (".png", ".jpg", ".jpeg")
_LAYOUT = "An image folder holds train/<class>/*.png|jpg and test/<class>/*.png|jpg"


def class_names(folder: str) -> tuple[str, ...]:
    """Names of the class directories, sorted; raises DataError unless train/ and test/ hold the same two or more."""
    names = {split: _directories(Path(folder).expanduser(), split) for split in ("train", "test")}
    for here, there in (("train", "test"), ("test", "train")):
        alone = sorted(names[here] - names[there])
        if alone:
            raise DataError(
                f"{folder}: the class {_listed(alone)} is in {here}/ but not in {there}/. "
                "Give both the same class directories."
            )
    if len(names["train"]) < 2:
        raise DataError(f"{folder}/train holds {len(names['train'])} class directories; at least 2 are needed.")
    return tuple(sorted(names["train"]))


def image_files(folder: str, split: str, name: str) -> list[str]:
    """Paths of the images of one class in `split` ("train" or "test"), sorted; raises DataError if there is none."""
    directory = Path(folder).expanduser() / split / name
    try:
        with os.scandir(directory) as entries:
            paths = sorted(entry.path for entry in entries if _is_image(entry.name))
    except OSError as error:
        raise DataError(f"{directory} cannot be read ({error.strerror}). Check its permissions.") from None
    if not paths:
        raise DataError(f"{directory} holds no .png, .jpg or .jpeg image. Add some, or remove the class everywhere.")
    return paths


def _directories(folder: Path, split: str) -> set[str]:
    if not folder.is_dir():
        raise DataError(f"{folder} is not a directory. {_LAYOUT}; give its path.")
    try:
        with os.scandir(folder / split) as entries:
            return {entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")}
    except FileNotFoundError:
        raise DataError(f"{folder} has no directory {split}/. {_LAYOUT}.") from None
    except OSError as error:
        raise DataError(f"{folder / split} cannot be read ({error.strerror}). {_LAYOUT}.") from None


def _is_image(name: str) -> bool:
    return name.lower().endswith(_SUFFIXES) and not name.startswith(".")


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} (and {len(names) - 5} more)"
