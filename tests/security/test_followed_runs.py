"""Who gets what at the address where pages ask how their runs are getting on: nobody, students and the teacher."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from dashboard.train import renewing
from mnist_core.config.run_config import RunConfig
from mnist_core.store.people import name_person, read_people, send_out
from mnist_core.store.store import Store
from mnist_core.store.student_store import StudentStore
from tests.app_process import entry_cookie, wait_until
from tests.gated_app import gated_app
from tests.http_answers import Answer, ask_json
from tests.protocol_client import Visitor, elements_of

LONG = RunConfig(dataset="mnist-5k", architecture="softmax", train_images=500, epochs=10_000)


@dataclass(frozen=True)
class Lab:
    port: int
    store: Store


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Run 1 is the teacher's, run 2 that of a student whom no other test is."""
    with gated_app(tmp_path_factory.mktemp("followed")) as (port, store):
        entry_cookie(port, store.root)
        owner = read_people(store, "student")[0].id
        store.enqueue(LONG)
        StudentStore(store, owner).enqueue(LONG.replace(seed=1))
        wait_until(lambda: all(run.step for run in store.runs()))
        yield Lab(port, store)


def named_student(lab: Lab) -> str:
    """The cookie of a new student who has a name, and so sees pages."""
    cookie = entry_cookie(lab.port, lab.store.root)
    newest = max(read_people(lab.store, "student"), key=lambda person: person.created)
    name_person(lab.store, newest.id, "Ada")
    return cookie


def token_of(visitor: Visitor, query: str) -> str:
    (component,) = [
        component
        for component in elements_of(visitor.open("train", query), "bidi_component")
        if component.component_name == "mnist_lab_renewal"
    ]
    return json.loads(component.json)["view"]


def look(lab: Lab, cookie: str, body: object, kind: str = "application/json") -> Answer:
    return ask_json(lab.port, f"/{renewing.ADDRESS}", cookie, body, kind)


def test_a_page_is_answered_to_its_own_person_alone(lab: Lab) -> None:
    teacher, student = entry_cookie(lab.port, lab.store.root, "teacher"), named_student(lab)
    with Visitor(lab.port, teacher) as visitor:
        token = token_of(visitor, "runs=1&runs=2")
        assert look(lab, "", {"view": token}).status == 401
        assert look(lab, student, {"view": token}).status == 404
        said = look(lab, teacher, {"view": token})
        assert (said.status, said.headers["cache-control"]) == (200, "no-store")
        fields = json.loads(said.body)
        assert {"figure-1", "state-1", "figure-2", "state-2"} == set(fields["html"])
        assert fields["messages"]["curves"]["points"] > 0
        assert fields["pause"] >= 500


def test_a_student_is_told_of_runs_that_the_student_may_see(lab: Lab) -> None:
    cookie = named_student(lab)
    with Visitor(lab.port, cookie) as visitor:
        token = token_of(visitor, "runs=1&runs=2")
        assert set(json.loads(look(lab, cookie, {"view": token}).body)["html"]) == {"figure-1", "state-1"}


def test_a_page_is_told_to_run_when_another_run_waits(lab: Lab) -> None:
    cookie = entry_cookie(lab.port, lab.store.root, "teacher")
    with Visitor(lab.port, cookie) as visitor:
        token = token_of(visitor, "runs=1")
        assert "run" not in json.loads(look(lab, cookie, {"view": token}).body)
        other = lab.store.enqueue(LONG.replace(seed=9))
        wait_until(lambda: json.loads(look(lab, cookie, {"view": token}).body).get("run", False))
        lab.store.request(other.id, "stop")


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"[" * 50_000, {}, {"view": 3}, {"view": None}, ["view"]])
def test_what_is_no_question_is_refused_in_a_sentence(lab: Lab, body: object) -> None:
    said = look(lab, entry_cookie(lab.port, lab.store.root), body)
    assert said.status == 400
    assert json.loads(said.body)["problem"]


def test_a_token_of_nothing_and_a_form_of_another_site_get_no_answer(lab: Lab) -> None:
    cookie = entry_cookie(lab.port, lab.store.root)
    assert look(lab, cookie, {"view": "nonsense"}).status == 404
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert look(lab, cookie, {"view": "nonsense"}, kind).status == 400


def test_who_is_sent_out_gets_no_answer_any_more(lab: Lab) -> None:
    cookie = named_student(lab)
    newest = max(read_people(lab.store, "student"), key=lambda person: person.created)
    with Visitor(lab.port, cookie) as visitor:
        token = token_of(visitor, "runs=1")
        assert look(lab, cookie, {"view": token}).status == 200
        send_out(lab.store, [newest.id])
        # For a second and a half the app remembers who is let in.
        while (said := look(lab, cookie, {"view": token})).status == 200:
            pass
        assert said.status in (401, 403, 404)
