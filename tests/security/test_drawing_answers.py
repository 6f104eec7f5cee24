"""Who gets what at the address where browsers ask about drawings: nobody, students and the teacher, at the real app."""

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from dashboard.draw import answering
from mnist_core.config.run_config import RunConfig
from mnist_core.store.people import read_people, send_out
from mnist_core.store.store import Store
from mnist_core.store.student_store import StudentStore
from tests.app_process import entry_cookie, wait_until
from tests.gated_app import gated_app
from tests.http_answers import Answer, ask_json
from tests.labs import trained_run

TINY = RunConfig(dataset="mnist-5k", architecture="softmax", train_images=500, epochs=1)


@dataclass(frozen=True)
class Lab:
    port: int
    store: Store
    teacher: str
    student: str
    # Ids of a run of the teacher, and one of another student, which this one may not see.
    shared: str
    hidden: str


def picture() -> str:
    """A vertical line in base64, as the pad sends it."""
    pixels = np.zeros((112, 112), np.uint8)
    pixels[20:90, 50:60] = 255
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()


def question(*runs: object, **changed: object) -> dict[str, object]:
    return {"runs": list(runs), "image": picture(), "seq": 7, "ended": True, **changed}


def ask_about(lab: Lab, cookie: str, body: object, kind: str = "application/json") -> Answer:
    return ask_json(lab.port, f"/{answering.ADDRESS}", cookie, body, kind)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with gated_app(tmp_path_factory.mktemp("answers")) as (port, store):
        entry_cookie(port, store.root)
        owner = read_people(store, "student")[0].id
        shared = trained_run(store, TINY)
        # The app trains it.
        hidden = StudentStore(store, owner).enqueue(TINY.replace(seed=1))
        wait_until(lambda: store.run(hidden.id).state == "finished")
        teacher, student = entry_cookie(port, store.root, "teacher"), entry_cookie(port, store.root)
        yield Lab(port, store, teacher, student, shared.id, hidden.id)


def test_nobody_gets_an_answer(lab: Lab) -> None:
    for cookie in ("", lab.student[:-2]):
        assert ask_about(lab, cookie, question(lab.shared)).status == 401


def test_a_student_gets_answers_of_what_is_shared_alone_and_the_teacher_of_all(lab: Lab) -> None:
    marks = {run.id: f"data-run='{run.number}'" for run in lab.store.runs()}
    for cookie, seen in ((lab.student, [lab.shared]), (lab.teacher, [lab.shared, lab.hidden])):
        said = ask_about(lab, cookie, question(lab.shared, lab.hidden, "nonsense"))
        assert said.status == 200
        assert said.headers["cache-control"] == "no-store"
        fields = json.loads(said.body)
        assert {run for run, mark in marks.items() if mark in fields["html"]} == set(seen)
        assert fields["html"].count("data-answer=") == len(seen)
        assert "data-seq='7' data-ended='true'" in fields["html"]
        assert fields["pause"] >= 90
    said = ask_about(lab, lab.student, question(lab.hidden))
    fields = json.loads(said.body)
    assert (said.status, fields["passes"], "html" in fields) == (404, False, False)


def test_an_empty_or_damaged_picture_is_an_empty_pad(lab: Lab) -> None:
    for image in ("", "no picture", base64.b64encode(b"\x89PNG\r\n\x1a\nrubbish").decode()):
        said = ask_about(lab, lab.student, question(lab.shared, image=image))
        assert said.status == 200
        assert "data-answer=" not in json.loads(said.body)["html"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"[" * 50_000,
        question(3),
        question("x", seq="1"),
        question("x", ended=None),
        question("x", image=None),
        question(*["x"] * 101),
        question("x", image="A" * 200_000),
    ],
)
def test_what_is_no_question_is_refused_in_a_sentence(lab: Lab, body: object) -> None:
    said = ask_about(lab, lab.student, body)
    assert said.status == 400
    assert json.loads(said.body)["problem"]
    assert json.loads(said.body)["passes"] is False


def test_a_form_of_another_site_gets_no_answer(lab: Lab) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        assert ask_about(lab, lab.teacher, question(lab.shared), kind).status == 400


def test_who_is_sent_out_gets_no_answer_any_more(lab: Lab) -> None:
    cookie = entry_cookie(lab.port, lab.store.root)
    newest = max(read_people(lab.store, "student"), key=lambda person: person.created)
    assert ask_about(lab, cookie, question(lab.shared)).status == 200
    send_out(lab.store, [newest.id])
    # For a second and a half the app remembers who is let in.
    while (said := ask_about(lab, cookie, question(lab.shared))).status == 200:
        pass
    assert said.status in (401, 403)
