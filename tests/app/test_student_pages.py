"""The pages as a student of a class sees them: nothing of what may not be seen, no button for what may not be done."""

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.access.known_people import known_people
from dashboard.access.tokens import token_file
from mnist_core.config.run_config import RunConfig
from mnist_core.store import (
    StudentStore,
    let_in,
    name_person,
    open_poll,
    read_people,
    send_out,
    set_allowed_folders,
)
from mnist_core.store.connections import writing
from mnist_core.store.schema import people
from mnist_core.store.store import Store
from mnist_core.tournament import begin_tournament
from tests.app.pages import as_person, opened, tables, texts, unopened
from tests.labs import train_now
from tests.small_studies import write_photographs

pytestmark = pytest.mark.usefixtures("quiet")
TINY = RunConfig(dataset="mnist-5k", architecture="softmax", train_images=200, validation_images=100, epochs=1)
PAGES = ["train", "sweeps", "inspect", "draw", "compare", "studies", "data", "class"]


@pytest.fixture
def lab(store: Store) -> Store:
    return store


@pytest.fixture
def anna(lab: Store, monkeypatch: pytest.MonkeyPatch) -> StudentStore:
    """The store of a student who has opened the link; from now on the pages are hers."""
    person, _ = let_in(lab, "student")
    name_person(lab, person.id, "Anna")
    as_person(monkeypatch, person)
    return StudentStore(lab, person.id)


def labels(at: AppTest) -> set[str]:
    return {button.label for button in at.button}


@pytest.fixture
def class_lab(lab: Store, anna: StudentStore) -> dict[str, int]:
    """Runs of the teacher, of Anna and of Ben, by name."""
    ben = StudentStore(lab, let_in(lab, "student")[0].id)
    stores = {"teacher": lab, "anna": anna, "ben": ben}
    for seed, (name, store) in enumerate(stores.items()):
        store.enqueue(TINY.replace(seed=seed), name)
    while run := lab.claim():
        train_now(lab, run)
    return {run.name: run.number for run in lab.runs()}


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_for_a_student_and_names_nothing_of_others(class_lab: dict[str, int], page: str):
    at = opened(page, runs=[str(number) for number in class_lab.values()])
    assert not at.error
    shown = repr(at.main)
    assert "ben" not in texts(at).lower()
    assert f"'{class_lab['ben']}'" not in shown.replace('"', "'") or page in ("data", "class")


def test_what_a_browser_asked_for_before_it_went_is_still_done_as_its_person(
    class_lab: dict[str, int], anna: StudentStore, monkeypatch: pytest.MonkeyPatch
):
    at = opened("train", runs=[str(class_lab["anna"])])
    # The header goes with the connection, while a run of the page may still be under way.
    monkeypatch.setattr(type(st.context), "headers", property(lambda context: {}))
    assert not at.run().error
    assert "ben" not in texts(at).lower()
    assert anna.owner
    send_out(Store.open(), [anna.owner])
    known_people().forget(anna.owner)
    assert at.run().exception
    assert unopened("train").run().exception


def test_a_student_gets_buttons_for_own_runs_only(class_lab: dict[str, int], anna: StudentStore):
    waiting = {name: store.enqueue(TINY) for name, store in (("own", anna), ("teacher", Store.open()))}
    at = opened("train", runs=[str(waiting["teacher"].number)])
    assert not {"Stop", "Pause"} & labels(at)
    assert [number.label for number in at.number_input if number.label == "Runs at once"] == []
    at = opened("train", runs=[str(waiting["own"].number)])
    assert {"Stop", "Pause"} <= labels(at)
    own, teachers = str(class_lab["anna"]), str(class_lab["teacher"])
    for numbers, is_allowed in (([own], True), ([teachers], False), ([own, teachers], False)):
        at = opened("compare", runs=numbers, table="true")
        assert set(tables(at)["runs-table"]["Name"]) >= {"anna", "teacher"}
        assert "ben" not in set(tables(at)["runs-table"]["Name"])
        delete = next(button for button in at.button if button.key == "delete")
        assert delete.disabled != is_allowed


def test_a_student_may_look_into_allowed_folders_only(lab: Store, anna: StudentStore, tmp_path: Path):
    folder = write_photographs(tmp_path / "pictures")
    at = opened("data", dataset="folder", folder=str(folder))
    assert at.error
    assert "class0" not in texts(at)
    at = opened("train", dataset="folder", folder=str(folder))
    assert at.error
    set_allowed_folders(lab, [str(tmp_path)])
    assert not opened("data", dataset="folder", folder=str(folder)).error


def test_the_class_page_offers_students_to_take_part_only(class_lab: dict[str, int], lab: Store, anna: StudentStore):
    open_poll(lab, "race", [TINY, TINY.replace(architecture="mlp-10")], 1)
    at = opened("class", part="Vote")
    assert {"This one"} <= labels(at)
    assert not {"Start the race", "Close this vote"} & labels(at)
    assert not {"Begin", "End the tournament"} & labels(opened("class", part="Tournament"))
    begin_tournament(lab, "spring", "mnist-5k", "softmax", 2)
    at = opened("class", part="Tournament")
    assert "Enter" in labels(at)
    assert "End the tournament" not in labels(at)
    at = opened("class", part="People")
    assert not {"Send out", "Send out who has no name", "Forget", "New link of the class"} & labels(at)
    # Own use against own bounds, and nothing of others.
    assert any("20 runs" in caption.value for caption in at.caption)
    assert "Room (MB)" not in tables(at)["people"]


def test_the_teacher_sees_what_the_class_uses_and_sends_out_who_has_no_name(
    class_lab: dict[str, int], lab: Store, monkeypatch: pytest.MonkeyPatch
):
    token_file().begin()
    as_person(monkeypatch, let_in(lab, "teacher")[0])
    at = opened("class", part="People")
    assert set(tables(at)["people"]["Room (MB)"]) == {"0"}
    assert any("of 500 runs" in caption.value for caption in at.caption)
    # Ben has no name; he was last seen long ago.
    with writing(lab.engine).begin() as connection:
        connection.execute(people.update().values(seen=0.0))
    next(button for button in at.button if button.label == "Send out who has no name").click()
    assert not at.run().exception
    assert [person.name for person in read_people(lab, "student")] == ["Anna"]


def test_a_student_without_a_name_is_asked_for_one_first(lab: Store, monkeypatch: pytest.MonkeyPatch):
    person, _ = let_in(lab, "student")
    as_person(monkeypatch, person)
    at = opened("compare")
    assert [title.value for title in at.title] == ["Welcome"]
    at.text_input[0].set_value("Ben")
    next(button for button in at.button if button.label == "Start").click()
    assert [title.value for title in at.run().title] == ["Compare"]
