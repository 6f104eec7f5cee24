"""What a class has drawn: handwritten digits with the label that was asked for, a test set of the class's own.

A drawing is kept as the pad made it, 112 x 112 pixels, and not as a network sees it: the rule that places strokes in
28 x 28 pixels may change, and it differs between data sets. From the pad's picture every network gets its own image.
"""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from PIL import Image

from mnist_core.errors import NotAllowedError, StoreError
from mnist_core.store.connections import writing
from mnist_core.store.run import new_id
from mnist_core.store.schema import drawings
from mnist_core.store.store import Store

# The digits that are asked for.
DRAWN_DIGITS = range(10)
# Side of a drawing in pixels; white strokes on black.
DRAWING_SIDE = 112
# What a row's picture is: 1 is a grey PNG of 112 x 112 pixels, white strokes on black.
DRAWING_RULE = 1
# The most drawings of a class, and of one digit by one person who has logged in.
MOST_DRAWINGS, MOST_OF_A_DIGIT = 2000, 20

_ASKED = "class_digit"
# A brighter pixel is ink.
_INK = 127
# Less than this part of the side is a dot, and more than this part of the pixels is no writing any more.
_SMALLEST, _FULLEST = 0.125, 0.6


@dataclass(frozen=True)
class ClassDrawing:
    """A digit that somebody drew for the class."""

    id: str
    # Id of the person; None without logins, for the teacher, and where the owner is not told.
    owner: str | None
    # The digit that was asked for.
    label: int
    png: bytes
    # Unix seconds.
    created: float
    rule: int

    @property
    def pixels(self) -> np.ndarray:
        """The picture, uint8 (112, 112), white strokes on black. Raises StoreError if it is damaged."""
        try:
            with Image.open(io.BytesIO(self.png), formats=["PNG"]) as picture:
                values = np.array(picture.convert("L"))
        except (OSError, SyntaxError, ValueError):
            values = np.zeros((0, 0), dtype=np.uint8)
        if values.shape != (DRAWING_SIDE, DRAWING_SIDE):
            raise StoreError("A drawing of the class is damaged. Delete it, or bring it back from a backup.")
        return values


def add_drawing(store: Store, label: int, picture: np.ndarray) -> ClassDrawing:
    """Keep a drawing of the digit that was asked for; `picture` is uint8 (112, 112), white strokes on black.

    Raises StoreError if it shows no writing, or no more drawings are taken.
    """
    _check_picture(label, picture)
    now = store.clock()
    drawing = ClassDrawing(new_id(now), store.owner, label, _png(picture), now, DRAWING_RULE)
    with writing(store.engine).begin() as connection:
        # Counted within the transaction: thirty people hand in at the same moment.
        if _count(connection) >= MOST_DRAWINGS:
            raise StoreError(f"The class has {MOST_DRAWINGS:,} drawings already; that is all that is kept.")
        own_count = _count(connection, drawings.c.owner == store.owner, drawings.c.label == label)
        if store.owner is not None and own_count >= MOST_OF_A_DIGIT:
            raise StoreError(f"You have drawn {label} {MOST_OF_A_DIGIT} times already. Draw another digit.")
        connection.execute(drawings.insert().values(**vars(drawing)))
    return drawing


def has_drawn(store: Store, picture: np.ndarray) -> bool:
    """Whether whoever has this store has handed in this very picture; no two drawings by hand are equal."""
    with store.engine.connect() as connection:
        return _count(connection, drawings.c.owner == store.owner, drawings.c.png == _png(picture)) > 0


def read_drawings(store: Store) -> list[ClassDrawing]:
    """The drawings that whoever has this store may look at, the newest first: a student's own, for the teacher all."""
    return _read(store, *_own(store))


def labelled_drawings(store: Store) -> list[ClassDrawing]:
    """All drawings in the order of their coming, without their owners: for networks to answer, not to be shown."""
    return [ClassDrawing(**{**vars(drawing), "owner": None}) for drawing in reversed(_read(store))]


def drawings_stamp(store: Store) -> str:
    """A text that is another one as soon as a drawing is added or removed."""
    with store.engine.connect() as connection:
        ids = connection.execute(sa.select(drawings.c.id).order_by(drawings.c.id)).scalars().all()
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()


def count_by_digit(store: Store) -> tuple[int, ...]:
    """How many drawings of each digit the class has."""
    return _by_digit(store)


def count_own_by_digit(store: Store) -> tuple[int, ...]:
    """How many drawings of each digit are from whoever has this store: a student, or all without a login."""
    return _by_digit(store, drawings.c.owner == store.owner)


def count_persons(store: Store) -> int | None:
    """From how many persons the drawings are; None if some are from nobody in particular, because of no login."""
    query = sa.select(drawings.c.owner).distinct()
    with store.engine.connect() as connection:
        owners = connection.execute(query).scalars().all()
    return None if None in owners else len(owners)


def remove_drawings(store: Store, ids: Sequence[str]) -> int:
    """Remove drawings for good, and return how many; a student's own ones only. Raises NotAllowedError."""
    with writing(store.engine).begin() as connection:
        chosen = drawings.c.id.in_(list(ids))
        if store.owner is not None and _count(connection, chosen, drawings.c.owner.is_distinct_from(store.owner)):
            raise NotAllowedError("This drawing is another person's: only who drew it and the teacher may delete it.")
        return connection.execute(drawings.delete().where(chosen)).rowcount


def remove_drawings_of(store: Store, owner: str | None) -> int:
    """Remove all drawings of one person for good, and return how many; None is nobody. Raises NotAllowedError."""
    if store.owner is not None and owner != store.owner:
        raise NotAllowedError("Only the teacher may delete drawings of others.")
    with writing(store.engine).begin() as connection:
        return connection.execute(drawings.delete().where(drawings.c.owner == owner)).rowcount


def remove_all_drawings(store: Store) -> int:
    """Remove all drawings of the class for good, and return how many. Raises NotAllowedError."""
    store.check_teacher("do this with the drawings of the class")
    with writing(store.engine).begin() as connection:
        return connection.execute(drawings.delete()).rowcount


def ask_for_digit(store: Store, digit: int | None) -> None:
    """Ask everyone for this digit; with None for the one of which there are fewest drawings. Raises NotAllowedError."""
    store.check_teacher("do this with the drawings of the class")
    if digit is not None and digit not in DRAWN_DIGITS:
        raise StoreError(f"{digit} is no digit from 0 to 9.")
    store.set_setting(_ASKED, digit)


def asked_digit(store: Store) -> int | None:
    """The digit that the teacher asks for; None while it is the one of which there are fewest drawings."""
    digit = store.setting(_ASKED)
    return digit if type(digit) is int and digit in DRAWN_DIGITS else None


def next_digit(store: Store) -> int | None:
    """The digit to ask whoever has this store for; None if no more drawings are taken.

    It is the teacher's, else one of those with the fewest drawings in the class: among these the one of which this
    person has drawn fewest, beginning at another digit for each person, so that not all draw the same.
    """
    counts, own = count_by_digit(store), count_own_by_digit(store)
    open_digits = [digit for digit in DRAWN_DIGITS if store.owner is None or own[digit] < MOST_OF_A_DIGIT]
    if sum(counts) >= MOST_DRAWINGS or not open_digits:
        return None
    if (asked := asked_digit(store)) in open_digits:
        return asked
    first = 0 if store.owner is None else hashlib.sha256(store.owner.encode()).digest()[0] % 10
    return min(open_digits, key=lambda digit: (counts[digit], own[digit], (digit - first) % 10))


def _check_picture(label: int, picture: Any) -> None:
    """Raise StoreError unless this is a digit from 0 to 9 with a picture that shows some writing."""
    if label not in DRAWN_DIGITS:
        raise StoreError(f"{label} is no digit from 0 to 9.")
    side = DRAWING_SIDE
    if not isinstance(picture, np.ndarray) or picture.shape != (side, side) or picture.dtype != np.uint8:
        raise StoreError("This is not a drawing of the pad. Open the page again and draw once more.")
    ink = picture > _INK
    if not ink.any():
        raise StoreError(f"Nothing is drawn yet. Draw the {label} first.")
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1 < _SMALLEST * side:
        raise StoreError(f"That is only a dot. Draw the {label} larger.")
    if ink.mean() > _FULLEST:
        raise StoreError(f"Almost all of the pad is white. Clear it and draw the {label}.")


def _png(picture: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "PNG", optimize=True)
    return content.getvalue()


def _own(store: Store) -> list[sa.ColumnElement[bool]]:
    return [] if store.owner is None else [drawings.c.owner == store.owner]


def _by_digit(store: Store, *conditions: sa.ColumnElement[bool]) -> tuple[int, ...]:
    query = sa.select(drawings.c.label, sa.func.count().label("made")).where(*conditions).group_by(drawings.c.label)
    with store.engine.connect() as connection:
        counts = {row.label: row.made for row in connection.execute(query)}
    return tuple(counts.get(digit, 0) for digit in DRAWN_DIGITS)


def _count(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(drawings).where(*conditions)).scalar_one()


def _read(store: Store, *conditions: sa.ColumnElement[bool]) -> list[ClassDrawing]:
    query = sa.select(drawings).where(*conditions).order_by(drawings.c.created.desc(), drawings.c.id.desc())
    with store.engine.connect() as connection:
        return [ClassDrawing(**row) for row in connection.execute(query).mappings()]
