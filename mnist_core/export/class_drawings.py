"""The drawings of a class as files: a folder of images that the app itself can read, and a table of labels.

The archive holds `train/<digit>/` and `test/<digit>/` with images of 28 x 28 pixels, placed as MNIST places its digits,
`originals/` with the pictures of the pad, and `labels.csv`. People are numbered, not named.
"""

import csv
import io
import zipfile
from collections import defaultdict
from collections.abc import Sequence

from mnist_core.config import dataset
from mnist_core.data import place_drawing
from mnist_core.errors import ExportError, StoreError
from mnist_core.plots import png
from mnist_core.store import ClassDrawing, Store, read_drawings

_SHAPE = (1, 28, 28)
# An image folder needs two classes at least.
_FEWEST_CLASSES = 2


def export_drawings(store: Store) -> bytes:
    """All drawings of the class as a ZIP archive; damaged ones are left out. Raises NotAllowedError, ExportError.

    Of each digit every second drawing is a training image, beginning with the second: the app reads image folders with
    both splits only. A digit that was drawn once is among the originals alone.
    """
    store.check_teacher("export the drawings of the class")
    images = {drawing: image for drawing in reversed(read_drawings(store)) if (image := _image(drawing)) is not None}
    splits = _splits(list(images))
    if len({drawing.label for drawing in splits}) < _FEWEST_CLASSES:
        raise ExportError("There are too few drawings: two digits with two drawings each are the least.")
    content, table = io.BytesIO(), io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["original", "image", "split", "label", "person"])
    persons: dict[str | None, str] = {None: ""}
    with zipfile.ZipFile(content, "w") as archive:
        for number, (drawing, image) in enumerate(images.items(), 1):
            name, split = f"{number:04}.png", splits.get(drawing, "")
            path = f"{split}/{drawing.label}/{name}" if split else ""
            archive.writestr(f"originals/{name}", drawing.png)
            if path:
                archive.writestr(path, image)
            person = persons.setdefault(drawing.owner, str(len(persons)))
            rows.writerow([f"originals/{name}", path, split, drawing.label, person])
        archive.writestr("labels.csv", table.getvalue())
    return content.getvalue()


def _splits(drawings: Sequence[ClassDrawing]) -> dict[ClassDrawing, str]:
    """In which split each drawing is; those of a digit that was drawn once are in none."""
    by_digit: dict[int, list[ClassDrawing]] = defaultdict(list)
    for drawing in drawings:
        by_digit[drawing.label].append(drawing)
    return {
        drawing: ("test", "train")[index % 2]
        for of_digit in by_digit.values()
        if len(of_digit) > 1
        for index, drawing in enumerate(of_digit)
    }


def _image(drawing: ClassDrawing) -> bytes | None:
    """The drawing as MNIST would show it, a PNG of 28 x 28 pixels; None if it is damaged."""
    try:
        placed = place_drawing(drawing.pixels, _SHAPE, dataset("mnist").framing)
    except StoreError:
        return None
    return None if placed is None else png(placed.image[0])
