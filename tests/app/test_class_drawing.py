"""Our handwriting without a browser: what the teacher and a student are offered, and refusals in words."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from dashboard.components.pad import pad
from mnist_core.config.run_config import RunConfig
from mnist_core.store import (
    DRAWING_SIDE,
    StudentStore,
    add_drawing,
    asked_digit,
    count_by_digit,
    let_in,
    name_person,
    read_drawings,
)
from mnist_core.store.store import Store
from tests.app.pages import opened, ran, tables, texts, unopened
from tests.app.test_student_pages import as_person
from tests.labs import trained_run

pytestmark = pytest.mark.usefixtures("quiet")
PART = "Our handwriting"
PICTURE = np.zeros((DRAWING_SIDE, DRAWING_SIDE), np.uint8)
PICTURE[20:90, 50:60] = 255


def prepare(store: Store) -> None:
    """Two networks."""
    for seed in (0, 1):
        config = RunConfig(dataset="mnist-5k", architecture="softmax", train_images=300, epochs=1, seed=seed)
        trained_run(store, config)


def message(number: int, picture: np.ndarray) -> dict[str, object]:
    """What the pad sends of this drawing."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    image = base64.b64encode(file.getvalue()).decode()
    return {"number": number, "seq": number + 1, "ended": True, "image": image, "strokes": []}


def hand_in(at: AppTest, number: int, picture: np.ndarray | None) -> AppTest:
    """Press the button with this picture on the pad of this drawing."""
    if picture is not None:
        at.session_state["class-pad"] = {"drawing": message(number, picture)}
    return ran(next(button for button in at.button if button.key == "hand-in").click())


def test_pad_and_store_agree_on_the_size_of_a_drawing():
    assert pad.SIDE == DRAWING_SIDE


def test_a_lab_without_logins_collects_drawings_and_ranks_networks(store: Store):
    at = opened("class", part=PART)
    assert "handwriting" not in tables(at)
    at = hand_in(at, 0, None)
    assert [warning.value for warning in at.warning]
    assert sum(count_by_digit(store)) == 0
    at = hand_in(at, 0, PICTURE)
    assert [(drawing.label, drawing.owner) for drawing in read_drawings(store)] == [(0, None)]
    assert not at.warning
    # The pad is empty again, and the next digit is asked for.
    at = hand_in(at, 1, PICTURE)
    assert [drawing.label for drawing in read_drawings(store)] == [1, 0]
    table = tables(at)["handwriting"]
    assert sorted(table["Network"]) == sorted(f"{run.number} · {run.name}" for run in store.runs())
    assert set(table["Drawings"]) == {2}
    # A second answer to one click adds nothing.
    assert sum(count_by_digit(store)) == 2


@pytest.mark.parametrize("was_handed_in", [False, True])
def test_an_open_page_goes_on_at_an_app_that_has_been_started_anew(store: Store, was_handed_in: bool):
    if was_handed_in:
        add_drawing(store, 3, PICTURE)
    at = unopened("class", part=PART)
    at.session_state["class-pad"] = {"drawing": message(2, PICTURE) | {"label": 3}}
    # It is still what it was meant to be, and is there once.
    hand_in(ran(at), 2, None)
    assert [drawing.label for drawing in read_drawings(store)] == [3]


def test_the_teacher_asks_for_a_digit(store: Store):
    at = opened("class", part=PART)
    asked = next(group for group in at.button_group if group.key == "class-asked")
    at = ran(asked.set_value("7"))
    assert asked_digit(store) == 7
    hand_in(at, 0, PICTURE)
    assert [drawing.label for drawing in read_drawings(store)] == [7]


def test_a_student_draws_and_sees_own_drawings_only(store: Store, monkeypatch: pytest.MonkeyPatch):
    (anna, _), (ben, _) = let_in(store, "student"), let_in(store, "student")
    for person, name in ((anna, "Anna"), (ben, "Ben")):
        name_person(store, person.id, name)
    add_drawing(StudentStore(store, ben.id), 3, PICTURE)
    as_person(monkeypatch, anna)
    at = opened("class", part=PART)
    assert "class-asked" not in {group.key for group in at.button_group}
    assert "Ben" not in texts(at) + repr(tables(at)["handwriting"])
    assert not [component for component in at.get("bidi_component") if "gallery" in component.proto.component_name]
    assert not {"Delete all drawings of the class", "Delete it"} & {button.label for button in at.button}
    assert not at.get("download_button")
    at = hand_in(at, 0, PICTURE)
    assert read_drawings(store)[0].owner == anna.id
    assert [component for component in at.get("bidi_component") if "gallery" in component.proto.component_name]
