"""Drawings of a class: bounds, pictures that are refused, whose they are, and the digit that is asked for next."""

from collections.abc import Callable

import numpy as np
import pytest

from mnist_core.errors import NotAllowedError, StoreError
from mnist_core.store import StudentStore, drawings, forget_people, send_out
from mnist_core.store.drawings import DRAWING_SIDE, ClassDrawing
from mnist_core.store.store import Store


def bar(top: int = 20, bottom: int = 90, grey: int = 255) -> np.ndarray:
    picture = np.zeros((DRAWING_SIDE, DRAWING_SIDE), dtype=np.uint8)
    picture[top:bottom, 50:60] = grey
    return picture


def test_a_drawing_comes_back_as_it_was_drawn(lab: Store, students: list[StudentStore]):
    picture = bar()
    picture[30] = np.arange(DRAWING_SIDE)
    drawing = drawings.add_drawing(students[0], 7, picture)
    assert drawings.read_drawings(lab) == [drawing]
    assert (drawing.owner, drawing.label) == (students[0].owner, 7)
    assert np.array_equal(drawing.pixels, picture)
    assert drawings.labelled_drawings(students[1]) == [ClassDrawing(**{**vars(drawing), "owner": None})]


def test_a_picture_is_known_again_by_whoever_has_drawn_it(lab: Store, students: list[StudentStore]):
    drawings.add_drawing(students[0], 7, bar())
    assert drawings.has_drawn(students[0], bar())
    assert not drawings.has_drawn(students[0], bar(top=21))
    assert not drawings.has_drawn(students[1], bar())
    assert not drawings.has_drawn(lab, bar())


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((112, 112), np.uint8),
        bar(grey=20),
        bar(50, 58),
        np.full((112, 112), 255, np.uint8),
        np.zeros((112, 112, 3), np.uint8),
        np.full((28, 28), 255, np.uint8),
        bar().astype(np.float64),
        None,
        b"PNG",
    ],
    ids=["blank", "faint", "dot", "full", "colour", "small", "numbers", "nothing", "bytes"],
)
def test_what_shows_no_writing_is_refused(lab: Store, picture: object):
    with pytest.raises(StoreError):
        drawings.add_drawing(lab, 7, picture)  # type: ignore[arg-type]
    assert drawings.count_by_digit(lab) == (0,) * 10


@pytest.mark.parametrize("label", [-1, 10])
def test_only_digits_are_taken(lab: Store, label: int):
    with pytest.raises(StoreError):
        drawings.add_drawing(lab, label, bar())
    with pytest.raises(StoreError):
        drawings.ask_for_digit(lab, label)


def test_a_person_and_a_class_make_no_more_than_their_share(
    lab: Store, students: list[StudentStore], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(drawings, "MOST_OF_A_DIGIT", 2)
    monkeypatch.setattr(drawings, "MOST_DRAWINGS", 6)
    anna, ben, _ = students
    for store, label in ((anna, 7), (anna, 7), (anna, 1), (ben, 7)):
        drawings.add_drawing(store, label, bar())
    with pytest.raises(StoreError, match="another digit"):
        drawings.add_drawing(anna, 7, bar())
    # Without a login many may draw at one machine: only the class's number counts.
    for _ in range(2):
        drawings.add_drawing(lab, 7, bar())
    assert drawings.next_digit(ben) is None
    with pytest.raises(StoreError, match="all that is kept"):
        drawings.add_drawing(ben, 2, bar())
    assert drawings.count_by_digit(ben) == (0, 1, 0, 0, 0, 0, 0, 5, 0, 0)
    assert drawings.count_own_by_digit(anna) == (0, 1, 0, 0, 0, 0, 0, 2, 0, 0)


def test_a_student_looks_at_and_deletes_own_drawings_only(lab: Store, students: list[StudentStore]):
    anna, ben, _ = students
    own, other, teachers = (drawings.add_drawing(store, 3, bar()) for store in (anna, ben, lab))
    assert drawings.read_drawings(anna) == [own]
    changes: list[Callable[[], object]] = [
        lambda: drawings.remove_drawings(anna, [own.id, other.id]),
        lambda: drawings.remove_drawings(anna, [teachers.id]),
        lambda: drawings.remove_drawings_of(anna, ben.owner),
        lambda: drawings.remove_drawings_of(anna, None),
        lambda: drawings.remove_all_drawings(anna),
        lambda: drawings.ask_for_digit(anna, 3),
    ]
    for change in changes:
        with pytest.raises(NotAllowedError):
            change()
    assert {drawing.id for drawing in drawings.read_drawings(lab)} == {own.id, other.id, teachers.id}
    before = drawings.drawings_stamp(lab)
    assert drawings.remove_drawings(anna, [own.id]) == 1
    assert drawings.drawings_stamp(lab) != before
    assert drawings.count_persons(lab) is None
    assert drawings.remove_drawings_of(lab, None) == 1
    assert drawings.read_drawings(lab) == [other]
    assert drawings.count_persons(lab) == 1
    assert drawings.remove_all_drawings(lab) == 1
    assert drawings.count_by_digit(lab) == (0,) * 10


def test_drawings_of_forgotten_people_go_and_those_of_who_was_sent_out_stay(lab: Store, students: list[StudentStore]):
    anna, ben, _ = students
    for store in (anna, ben):
        drawings.add_drawing(store, 3, bar())
    send_out(lab, [anna.owner or "", ben.owner or ""])
    assert len(drawings.read_drawings(lab)) == 2
    forget_people(lab, [anna.owner or ""])
    assert [drawing.owner for drawing in drawings.read_drawings(lab)] == [ben.owner]


def test_the_next_digit_is_the_teachers_or_one_with_the_fewest_drawings(
    lab: Store, students: list[StudentStore], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(drawings, "MOST_OF_A_DIGIT", 1)
    anna, ben, _ = students
    for label in range(10):
        assert drawings.next_digit(lab) == label
        drawings.add_drawing(lab, label, bar())
    first = drawings.next_digit(anna)
    assert first is not None
    drawings.add_drawing(anna, first, bar())
    assert drawings.next_digit(ben) != first
    drawings.ask_for_digit(lab, 4)
    assert drawings.next_digit(ben) == drawings.asked_digit(ben) == 4
    drawings.add_drawing(ben, 4, bar())
    # He has drawn as many of it as a person may.
    assert drawings.next_digit(ben) not in (4, first)
    drawings.ask_for_digit(lab, None)
    lab.set_setting("class_digit", "7; drop")
    assert drawings.asked_digit(lab) is None


def test_a_damaged_picture_is_an_error_with_a_remedy(lab: Store):
    drawing = drawings.add_drawing(lab, 3, bar())
    for content in (b"", drawing.png[:60], b"GIF89a"):
        with pytest.raises(StoreError, match="Delete it"):
            _ = ClassDrawing(**{**vars(drawing), "png": content}).pixels
