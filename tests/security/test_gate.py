"""Who gets in: every address of the real app as nobody, as student and as teacher, over real sockets."""

import asyncio
import http.client
import json
import re
import stat
import sys
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit import config
from streamlit.proto.BackMsg_pb2 import BackMsg
from uvicorn.protocols.utils import ClientDisconnected
from websockets.exceptions import InvalidStatus

from dashboard.access import links
from dashboard.access.gate import Gate, OnlyHere, cookie_name
from dashboard.access.guesses import MOST_GUESSES, Guesses, network_of
from dashboard.access.known_people import KnownPeople, known_people
from dashboard.access.settings import is_wanted
from dashboard.access.tokens import TokenFile, token_file
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import MnistLabError, NotAllowedError, StorageError
from mnist_core.store import write_quotas
from mnist_core.store.people import Person, find_people, let_in, name_person, read_people, recognise, send_out
from mnist_core.store.quotas import Quotas
from mnist_core.store.store import Store
from tests.app_process import app_process, entry_cookie, free_port, wait_until
from tests.blank_files import write_blank_files
from tests.gated_app import gated_app
from tests.http_answers import ask
from tests.protocol_client import Visitor, elements_of

PAGES = ["/", "/train", "/sweeps", "/inspect", "/draw", "/compare?runs=1", "/studies", "/data"]
ONLY_TEACHER = [
    "/_stcore/metrics",
    "/_stcore/metrics/",
    "/_stcore/agent/openapi.json",
    "/_stcore/agent/mcp",
    "/_stcore/agent/interact",
    "/_stcore/script-health-check",
    "/_stcore/unknown",
    "/_stcore",
]
OTHERS = [
    "/_stcore/health",
    "/_stcore/host-config",
    "/_stcore/stream",
    "/_stcore/bidi-components/x/y.js",
    "/train/_stcore/health",
    "/troubles",
    "/drawing-answers",
    "/media/unknown.png",
    "/component/x/index.html",
    "/app/static/unknown.js",
    "/static/index.html",
    "/index.html",
    "/favicon.png",
    "/auth/login",
    "/auth/logout",
    "/oauth2callback",
    "/nowhere",
    "/../app.py",
    "/%2e%2e/results/access.json",
    "/app/static/../../results/access.json",
]
WRONG = [
    {},
    {"Cookie": "mnist_lab_00000000=x"},
    {"Authorization": "Bearer x", "X-Forwarded-For": "127.0.0.1", "X-Forwarded-User": "teacher"},
]


@dataclass(frozen=True)
class Lab:
    port: int
    results: Path
    # Addresses of a file that somebody has made, and of a script of a component.
    media: str
    static: str
    teacher: str = field(repr=False)
    student: str = field(repr=False)

    def token(self, role: str) -> str:
        return json.loads((self.results / "access.json").read_text())[role]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The app with a gate and one run, and cookies of a teacher and of a student with a name."""
    with gated_app(tmp_path_factory.mktemp("gate")) as (port, store):
        results = store.root
        store.finish(store.enqueue(RunConfig(), claimed=True), "finished", test_accuracy=0.9)
        teacher, student = entry_cookie(port, results, "teacher"), entry_cookie(port, results)
        name_person(store, read_people(store, "student")[0].id, "Ann")
        with Visitor(port, teacher) as visitor:
            buttons = elements_of(visitor.open("inspect", "run=1&view=Files"), "download_button")
            media = visitor.file_of(buttons[0].deferred_file_id)
        with Visitor(port, teacher) as visitor:
            components = elements_of(visitor.open("train"), "bidi_component")
        folders = re.findall(r"/app/static/components-\w+", "".join(map(str, components)))
        yield Lab(port, results, media, f"{folders[0]}/curves.js", teacher, student)


def test_nobody_sees_anything_of_the_app(lab: Lab):
    assert lab.media.startswith("/media/")
    forged = {
        "x-mnist-lab-person": read_people(Store.open(lab.results), "teacher")[0].id,
        "X-Mnist-Lab-Role": "teacher",
    }
    secret = lab.teacher.partition("=")[2]
    wrong = [*WRONG, forged, {"Cookie": lab.teacher[:-1]}, {"Cookie": f"mnist_lab_person={secret}"}]
    for target in [*PAGES, *ONLY_TEACHER, *OTHERS, lab.media, lab.static]:
        for headers in wrong:
            answer = ask(lab.port, target, Accept="text/html", **headers)
            assert answer.status == 401, (target, headers)
            assert b"<form" in answer.body
            # The form leads back to the address that was asked for.
            shown = re.sub(rb'action="[^"]*"', b"", answer.body)
            assert not re.search(rb"streamlit|stcore|static|<script|Ann|torch", shown)
            assert answer.headers["cache-control"] == "no-store"
            assert "set-cookie" not in answer.headers
            # Scripts and pictures get a line.
            assert len(ask(lab.port, target, **headers).body) < 200
    for method in ("HEAD", "OPTIONS", "TRACE", "POST", "PUT", "DELETE", "PATCH"):
        for target in (
            "/",
            "/_stcore/upload_file/a/b",
            "/_stcore/agent/interact",
            lab.media,
            f"/?token={lab.token('student')}",
        ):
            answer = ask(lab.port, target, method, **forged)
            assert answer.status == 401, (method, target)
            assert not {"set-cookie", "access-control-allow-origin"} & answer.headers.keys()


def test_no_websocket_is_opened_for_nobody(lab: Lab):
    person = read_people(Store.open(lab.results), "teacher")[0].id
    for cookie, headers in (("", {}), (lab.student[:-2], {}), ("", {"x-mnist-lab-person": person})):
        with pytest.raises(InvalidStatus) as refused:
            Visitor(lab.port, cookie, headers)
        assert refused.value.response.status_code == 403


def test_student_and_teacher_get_pages_and_files_and_the_teacher_alone_the_figures_of_the_server(lab: Lab):
    for cookie in (lab.student, lab.teacher):
        for target in (*PAGES, "/_stcore/health", "/_stcore/host-config", "/troubles", lab.media, lab.static):
            answer = ask(lab.port, target, Cookie=cookie)
            assert answer.status == 200, target
            # A proxy must not keep for others what one person was given.
            assert "public" not in answer.headers["cache-control"]
            assert ask(lab.port, target.partition("?")[0], "HEAD", Cookie=cookie).status in (200, 405), target
    assert "immutable" in ask(lab.port, lab.static, Cookie=lab.student).headers["cache-control"]
    for target in ONLY_TEACHER:
        assert ask(lab.port, target, Cookie=lab.student).status == 403, target
        assert ask(lab.port, target, Cookie=lab.teacher).status != 403 or "interact" in target or "mcp" in target, (
            target
        )
    assert b"active_sessions" in ask(lab.port, "/_stcore/metrics", Cookie=lab.teacher).body


def test_an_upload_needs_the_cookie_and_still_streamlits_token(lab: Lab):
    with Visitor(lab.port, lab.student) as visitor:
        visitor.open("data")
        connection = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=30)
        body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\nabc\r\n--x--\r\n'
        both = f"{lab.student}; _streamlit_xsrf={visitor.xsrf}"
        for cookie, xsrf, expected in (
            (both, visitor.xsrf, 204),
            (both, "", 403),
            (f"_streamlit_xsrf={visitor.xsrf}", visitor.xsrf, 401),
        ):
            headers = {"Cookie": cookie, "X-Xsrftoken": xsrf, "Content-Type": "multipart/form-data; boundary=x"}
            connection.request("PUT", f"/_stcore/upload_file/{visitor.session}/file-1", body, headers)
            response = connection.getresponse()
            response.read()
            assert response.status == expected
        connection.close()


def test_a_student_uploads_so_much_within_an_hour_and_the_teacher_more(lab: Lab):
    store = Store.open(lab.results)
    write_quotas(store, Quotas(uploaded=1))
    size = 400_000
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + bytes(size) + b"\r\n--x--\r\n"
    )
    answers: dict[str, list[int]] = {}
    for role, cookie in (("student", lab.student), ("teacher", lab.teacher)):
        # A page that is loaded again begins no new count.
        for number in range(3):
            with Visitor(lab.port, cookie) as visitor:
                visitor.open("data")
                headers = {
                    "Cookie": f"{cookie}; _streamlit_xsrf={visitor.xsrf}",
                    "X-Xsrftoken": visitor.xsrf,
                    "Content-Type": "multipart/form-data; boundary=x",
                }
                connection = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=30)
                address = f"/_stcore/upload_file/{visitor.session}/file-{number}"
                connection.request("PUT", address, body, headers)
                answers.setdefault(role, []).append(connection.getresponse().status)
                connection.close()
    write_quotas(store, Quotas())
    assert answers == {"student": [204, 204, 429], "teacher": [204] * 3}


def test_a_student_cannot_empty_the_caches_of_all(lab: Lab):
    message = BackMsg()
    message.clear_cache = True

    def is_cached() -> bool:
        figures = ask(lab.port, "/_stcore/metrics", Cookie=lab.teacher).body
        return re.search(rb"""cache_type="st_cache_resource",[^}]*lab_store""", figures) is not None

    with Visitor(lab.port, lab.student) as visitor:
        visitor.open("data")
        visitor.send(message)
        # Messages are obeyed one after the other.
        visitor.file_of("none")
        assert is_cached()
    with Visitor(lab.port, lab.teacher) as visitor:
        visitor.send(message)
        wait_until(lambda: not is_cached())


def test_a_link_sets_a_cookie_and_leaves_the_address(lab: Lab):
    store = Store.open(lab.results)
    token = lab.token("student")
    answer = ask(lab.port, f"/compare?runs=1-3&token={token}&b=%C3%A4&c=a+b%0d%0aX:y")
    assert answer.status == 303
    assert answer.headers["location"] == "/compare?runs=1-3&b=%C3%A4&c=a+b%0d%0aX:y"
    pair, *flags = answer.headers["set-cookie"].split("; ")
    assert {flag.lower() for flag in flags} == {"httponly", "max-age=2592000", "path=/", "samesite=lax"}
    secret = pair.partition("=")[2]
    assert secret not in (lab.results / "runs.db").read_bytes().decode("latin-1")
    # A link that leads elsewhere with its help would send a person there.
    for target in ("/%2f%2fevil.example", "/%5cevil.example", "/%09/evil.example"):
        location = ask(lab.port, f"{target}?token={token}", Cookie=pair).headers["location"]
        assert re.match(r"/(?![/\\])[^\s]", location), location
    # A pasted link, also with a line end within.
    pasted = quote(f" http://127.0.0.1:{lab.port}/?a=1&token={token[:9]}\n{token[9:]}&b=2 ", safe="")
    assert ask(lab.port, f"/?token={pasted}", Cookie=pair).status == 303

    before = {person.id: person.role for person in read_people(store)}
    assert ask(lab.port, f"/?token={token}", Cookie=pair).headers["set-cookie"].startswith(pair)
    assert ask(lab.port, f"/?token={token}", Cookie=lab.teacher).status == 303
    assert {person.id: person.role for person in read_people(store)} == before
    assert ask(lab.port, "/_stcore/metrics", Cookie=pair).status == 403
    assert ask(lab.port, f"/?token={lab.token('teacher')}", Cookie=pair).status == 303
    assert ask(lab.port, "/_stcore/metrics", Cookie=pair).status == 200
    assert [person.id for person in read_people(store)] == list(before)


def test_wrong_links_are_limited_and_right_ones_of_the_same_address_are_not(lab: Lab):
    token = lab.token("student")
    right = f"/?token={token}"
    for wrong in [token[:-1], token + "x", token.upper(), "", "%C3%A4", "x" * 3000, *"abcd"]:
        assert ask(lab.port, f"/?token={wrong}", source="127.0.0.9").status == 401
    assert ask(lab.port, "/?token=one-more", source="127.0.0.9").status == 429
    assert ask(lab.port, right, source="127.0.0.9").status == 303
    assert ask(lab.port, "/?token=one-more", source="127.0.0.10").status == 401
    # Who is in and opens an old link is shown the page, wherever others try.
    answer = ask(lab.port, "/train?token=old&run=1", source="127.0.0.9", Cookie=lab.student)
    assert (answer.status, answer.headers["location"]) == (303, "/train?run=1")


def test_a_new_link_replaces_the_old_one_and_who_is_in_stays(lab: Lab):
    old, teachers = lab.token("student"), lab.token("teacher")
    TokenFile(lab.results).renew("student")
    assert ask(lab.port, f"/?token={old}").status == 401
    assert ask(lab.port, f"/?token={lab.token('student')}").status == 303
    assert lab.token("teacher") == teachers
    assert ask(lab.port, "/train", Cookie=lab.student).status == 200


def test_who_is_sent_out_by_another_process_loses_open_pages_within_two_seconds(lab: Lab):
    store, cookie = Store.open(lab.results), entry_cookie(lab.port, lab.results)
    person = read_people(store)[-1].id
    teacher = read_people(store, "teacher")[0].id
    with Visitor(lab.port, cookie, {"x-mnist-lab-person": teacher}) as visitor, Visitor(lab.port, lab.student) as other:
        # The forged header makes no teacher: a student without a name is asked for one, and sees no page.
        asked = visitor.open("train")
        assert len(elements_of(asked, "text_input")) == 1
        assert [button.form_id for button in elements_of(asked, "button")] == ["name"]
        assert elements_of(other.open("inspect", "run=1&view=Files"), "download_button")
        send_out(store, [person])
        assert visitor.seconds_until_closed(most=20) < 2.5
        assert visitor.socket.close_code == 1008
        assert ask(lab.port, "/train", Cookie=cookie).status == 401
        assert elements_of(other.open("inspect", "run=1&view=Files"), "download_button")


def test_a_restart_in_a_network_behind_a_proxy_keeps_people_and_links(tmp_path: Path):
    results, port = tmp_path / "results", free_port()
    (person, secret), store = let_in(Store.open(results), "student"), Store.open(results)
    TokenFile(results).begin()
    token = json.loads((results / "access.json").read_text())["student"]
    origin = "https://lab.example.org"
    env = {"STREAMLIT_SERVER_ADDRESS": "0.0.0.0", "MNIST_LAB_ORIGINS": origin, "MNIST_LAB_DATA": str(tmp_path)}
    write_blank_files("mnist", tmp_path)
    with app_process(results, port, env=env):
        assert f"{origin}/?token={token}\n" in (results / "app.log").read_text()
        assert ask(port, "/").status == 401
        through_proxy = ask(port, f"/?token={token}", Host="lab.example.org")
        assert "Secure" in through_proxy.headers["set-cookie"].split("; ")
        direct = ask(port, f"/?token={token}").headers["set-cookie"]
        assert "Secure" not in direct.split("; ")
        name = direct.partition("=")[0]
        assert ask(port, "/train", Cookie=f"{name}={secret}").status == 200
    assert person.id in {other.id for other in read_people(store)}
    assert stat.S_IMODE((results / "access.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"teacher": "a", "student": "a"}', b"[" * 100_000])
def test_a_damaged_file_of_links_is_made_anew_and_a_running_server_keeps_its_own(tmp_path: Path, content: bytes):
    path = tmp_path / "access.json"
    tokens = TokenFile(tmp_path)
    assert not tokens.begin()
    kept = tokens.current()
    assert kept.role_of(kept.teacher) == "teacher"
    assert kept.role_of(kept.student) == "student"
    assert kept.role_of("") is None
    path.write_bytes(content)
    assert tokens.current() == kept
    with pytest.raises(StorageError):
        TokenFile(tmp_path).current()
    assert TokenFile(tmp_path).begin()
    new = tokens.current()
    assert {new.teacher, new.student}.isdisjoint({kept.teacher, kept.student})


def test_the_links_of_a_new_lab_begin_its_folder_and_new_links_do_not_replace_one_that_is_away(tmp_path: Path):
    results = tmp_path / "new" / "results"
    tokens = TokenFile(results)
    assert not tokens.begin()
    assert stat.S_IMODE(results.stat().st_mode) == 0o700
    kept = tokens.current()
    results.rename(tmp_path / "away")
    with pytest.raises(StorageError):
        tokens.renew("student")
    assert not results.exists()
    (tmp_path / "away").rename(results)
    assert tokens.current() == kept


def test_where_the_links_cannot_be_kept_the_start_ends(tmp_path: Path):
    (tmp_path / "access.json").mkdir()
    with pytest.raises(StorageError, match=r"access\.json"):
        TokenFile(tmp_path).begin()


def test_only_this_machine_alone_needs_no_links(monkeypatch: pytest.MonkeyPatch):
    before = config.get_option("server.address")

    def wanted(address: str | None) -> bool:
        config.set_option("server.address", address)
        return is_wanted()

    try:
        assert not any(map(wanted, ("127.0.0.1", "localhost", "LOCALHOST", "::1", "::ffff:127.0.0.1")))
        everywhere = (
            None,
            "",
            "0.0.0.0",
            "::",
            "192.168.1.5",
            "lab.example.org",
            "localhost.evil.example",
            "127.1",
            "0",
        )
        assert all(map(wanted, everywhere))
        monkeypatch.setenv("MNIST_LAB_ACCESS", "on")
        assert wanted("127.0.0.1")
        monkeypatch.setenv("MNIST_LAB_ACCESS", "off")
        with pytest.raises(MnistLabError, match="MNIST_LAB_ACCESS"):
            wanted("0.0.0.0")
    finally:
        config.set_option("server.address", before)


def test_a_new_teachers_link_may_send_all_others_out_and_no_student(store: Store, monkeypatch: pytest.MonkeyPatch):
    token_file().begin()
    (student, secret), (asks, _), (_, others) = (let_in(store, role) for role in ("student", "teacher", "teacher"))
    for person in (student, asks):
        monkeypatch.setattr(links, "current_person", lambda person=person: person)
        old = links.teacher_link()
        if person is student:
            for renew in (links.renew_class_link, links.renew_teacher_link):
                with pytest.raises(NotAllowedError):
                    renew()
            assert links.teacher_link() == old
    assert links.renew_teacher_link() == links.teacher_link() != old
    assert recognise(store, others) is not None
    links.renew_teacher_link(send_others_out=True)
    assert recognise(store, others) is None
    assert recognise(store, secret) == student
    assert read_people(store, "teacher") == [asks]


def test_without_a_gate_what_comes_from_a_network_is_refused():
    passed: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        passed.append(scope)

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        answers.append(message)

    answers: list[Message] = []
    for server in (("127.0.0.1", 8501), ("::1", 8501), ("192.0.2.5", 8501), ("2001:db8::1", 8501)):
        for kind in ("http", "websocket"):
            scope = {"type": kind, "server": server, "method": "GET", "path": "/", "headers": []}
            # A new thread, because tests with a browser leave an event loop running in this one.
            with ThreadPoolExecutor(1) as pool:
                pool.submit(asyncio.run, OnlyHere(app)(scope, receive, send)).result()
    assert [scope["server"][0] for scope in passed] == ["127.0.0.1"] * 2 + ["::1"] * 2
    assert [answer["status"] for answer in answers if "status" in answer] == [403, 403]
    assert [answer["type"] for answer in answers].count("websocket.close") == 2


def test_an_answer_about_a_person_that_was_asked_for_before_a_change_is_not_kept(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    (person, secret), people = let_in(store, "student"), KnownPeople(store.root, store.url)
    names = iter(["Anna", "Ben"])

    def rename() -> None:
        name_person(store, person.id, next(names))
        people.forget(person.id)

    def recognise_slowly(store: Store, secret: str) -> Person | None:
        found = recognise(store, secret)
        rename()
        return found

    def find_slowly(store: Store, ids: Collection[str]) -> list[Person]:
        found = find_people(store, ids)
        rename()
        return found

    def name() -> str:
        found = people.by_secret(secret)
        assert found
        return found.name

    module = sys.modules[KnownPeople.__module__]
    monkeypatch.setattr(module, "recognise", recognise_slowly)
    monkeypatch.setattr(module, "find_people", find_slowly)
    assert [name(), name()] == ["", "Anna"]
    monkeypatch.undo()
    assert name() == "Ben"


@pytest.mark.parametrize("has_gate", [False, True])
def test_an_app_whose_browser_has_gone_hears_it_when_it_reads_and_not_when_it_writes(store: Store, has_gate: bool):
    heard: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        await socket.accept()
        await socket.send_bytes(b"drawn too late")
        with pytest.raises(WebSocketDisconnect) as gone:
            await socket.receive_bytes()
        heard.append(gone.value.code)

    messages = iter([{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1001}])

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        if message["type"] == "websocket.send":
            raise ClientDisconnected

    token_file().begin()
    _, secret = let_in(store, "student")
    cookie = f"{cookie_name()}={secret}".encode()
    scope = {"type": "websocket", "server": ("127.0.0.1", 8501), "path": "/", "headers": [(b"cookie", cookie)]}
    gated = Gate(app, known_people(), token_file()) if has_gate else OnlyHere(app)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, gated(scope, receive, send)).result()
    assert heard == [1001]


def test_guesses_are_counted_a_minute_in_a_bounded_memory():
    now = [0.0]
    guesses = Guesses(lambda: now[0])
    assert [guesses.add("a") for _ in range(MOST_GUESSES + 2)] == [False] * MOST_GUESSES + [True] * 2
    now[0] = 61.0
    assert not guesses.add("a")
    for number in range(10_000):
        guesses.add(str(number))
    assert len(guesses._times) < 5000
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db8:0:1::1")
    assert network_of("::ffff:192.0.2.1") != network_of("::ffff:192.0.2.2")


@pytest.mark.browser
@pytest.mark.long
def test_a_student_opens_the_link_chooses_a_name_sees_the_page_and_is_sent_out(lab: Lab, browser: Browser):
    hostile = "<b>Bo</b> [x](//e.test)"
    url = f"http://127.0.0.1:{lab.port}"
    store, tab = Store.open(lab.results), browser.new_page()
    tab.goto(f"{url}/train")
    tab.get_by_role("textbox").fill(f"{url}/?token={lab.token('student')}")
    tab.get_by_role("button").click()
    name = tab.get_by_role("textbox", name="call you")
    name.fill(" \u200b ")
    tab.get_by_role("button", name="Start").click()
    tab.get_by_role("alert").wait_for()
    name.fill(hostile)
    tab.get_by_role("button", name="Start").click()
    tab.get_by_role("heading", name="Train", level=1).wait_for()
    assert tab.url.startswith(f"{url}/train")
    assert "token" not in tab.url
    person = read_people(store, "student")[-1]
    assert person.name == hostile
    assert "mnist_lab" not in tab.evaluate("document.cookie")
    tab.goto(f"{url}/inspect?run=1")
    # Only a page that is drawn asks whether its person is still in.
    tab.get_by_role("heading", name="Inspect", level=1).wait_for()
    tab.locator("[data-test-script-state=notRunning]").wait_for()
    expect(name).to_have_count(0)
    send_out(store, [person.id])
    # The open page is replaced without a click.
    tab.get_by_role("status").filter(has_text="not let in any more").wait_for()
    assert tab.get_by_test_id("stApp").count() == 0
    tab.close()
