"""The gate before every request: who has opened a link of the class gets in, and nobody else sees anything of the app.

A right token in the address becomes a secret in a cookie, and the address is opened again without it. The cookie is
HttpOnly, so that no script reads it, and SameSite=Lax: with Strict, a browser that follows a link from another page or
a mail would leave the cookie out, and the person would be asked for the link again. RFC 6265; RFC 9110, section 15.4.4.

Who somebody is travels to the pages as a header of the websocket, which only the gate can set.
"""

import hashlib
import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, unquote_plus

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.access import refusals
from dashboard.access.gone_browsers import until_gone
from dashboard.access.guesses import Guesses, network_of
from dashboard.access.hosts import Address, is_loopback, secure_hosts
from dashboard.access.known_people import KnownPeople, known_people
from dashboard.access.open_sockets import OpenSockets
from dashboard.access.settings import access_is_on, is_wanted, remember_gate
from dashboard.access.tokens import TokenFile, token_file
from mnist_core import environment
from mnist_core.errors import MnistLabError
from mnist_core.jobs import STORE_ERRORS
from mnist_core.store import Person, Role, let_in, let_in_student, make_teacher, read_quotas
from mnist_core.text import in_terminal

# Headers that only the gate sets begin so.
_OWN_HEADERS = b"x-mnist-lab-"
PERSON_HEADER = "x-mnist-lab-person"
_COOKIE_SECONDS = 30 * 24 * 3600
_COOKIE = re.compile(r"([^=;\s]+)=([^;]*)")
# The same name may come several times, because another program of the host has set a cookie for one path.
_MOST_COOKIES = 4
_CORE = re.compile(r".*/_stcore(?:/(.*))?", re.DOTALL)
# What the pages of Streamlit need; its other addresses show figures of the server, or steer it, and are the teacher's.
_FOR_STUDENTS = re.compile(r"(?:health|host-config|stream|upload_file/.*|bidi-components/.*)/?", re.DOTALL)


def gate_middleware() -> list[Middleware]:
    """What `st.App` is to run before every request: the gate, or without access control a check of where it listens.

    Raises SystemExit with a sentence if the tokens cannot be kept or a setting means nothing.
    """
    try:
        if not is_wanted():
            return [Middleware(OnlyHere)]
        if token_file().begin():
            print("  The file access.json was damaged: there are new links, and old ones let nobody in.", flush=True)
        remember_gate()
        return [Middleware(Gate, people=known_people(), tokens=token_file(), secure=secure_hosts())]
    except MnistLabError as error:
        raise SystemExit(f"MNIST Lab cannot start. {in_terminal(str(error))}") from None


def person_of(scope: Scope) -> str:
    """The id of who sent a request that the gate has let pass; "" without access control."""
    return Headers(scope=scope).get(PERSON_HEADER, "") if access_is_on() else ""


class OnlyHere:
    """Refuses what arrives from a network: another server than Streamlit's may listen elsewhere than settings say."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host, port = scope.get("server") or (None, None)
        # A server that listens at a file of the machine names it without a port.
        if scope["type"] == "lifespan" or port is None or is_loopback(host):
            await self._app(scope, receive, until_gone(send) if scope["type"] == "websocket" else send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            text = "MNIST Lab was started without access control; set server.address, or MNIST_LAB_ACCESS=on."
            await PlainTextResponse(text, 403)(scope, receive, send)


class Gate:
    """Lets people with a valid cookie pass, makes cookies of right links, and refuses everybody else."""

    def __init__(self, app: ASGIApp, people: KnownPeople, tokens: TokenFile, secure: Iterable[str] = ()) -> None:
        self._app, self._people, self._tokens = app, people, tokens
        self._secure = frozenset(secure)
        self._cookie = cookie_name()
        self._guesses = Guesses()
        self._sockets = OpenSockets(people)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = [(name, value) for name, value in scope["headers"] if not name.lower().startswith(_OWN_HEADERS)]
        scope = {**scope, "headers": headers}
        try:
            person, secret = await self._who(scope)
            response = await self._answer(scope, person, secret)
        except STORE_ERRORS:
            person, response = None, _refused(scope, refusals.CLOSED, 503)
        if scope["type"] == "websocket":
            await self._serve_socket(scope, receive, send, person)
        elif response is not None or person is None:
            await (response or _refused(scope, refusals.NO_LINK, 401))(scope, receive, send)
        else:
            await self._app(_as_person(scope, person), receive, _for_this_browser(send))

    async def _serve_socket(self, scope: Scope, receive: Receive, send: Send, person: Person | None) -> None:
        if person is None or not _may_open(person, scope["path"]):
            # Closed before it was accepted, which a browser sees as status 403.
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._sockets.serve(self._app, _as_person(scope, person), receive, send, person)

    async def _who(self, scope: Scope) -> tuple[Person | None, str | None]:
        """Who sent a request, and the secret that says so: without a person, one that is of no use."""
        secrets = list(_cookies(scope, self._cookie))
        for secret in secrets:
            person = self._people.fresh(secret) or await run_in_threadpool(self._people.by_secret, secret)
            if person is not None:
                self._people.see(person.id)
                return person, secret
        return None, secrets[0] if secrets else None

    async def _answer(self, scope: Scope, person: Person | None, secret: str | None) -> Response | None:
        """What the gate answers itself; None if the app is to answer."""
        if scope["type"] == "websocket":
            return None
        token = _token(scope) if scope["method"] == "GET" else None
        if token is not None:
            return await self._open_link(scope, token, person, secret)
        if person is None:
            return _refused(scope, refusals.SENT_OUT if secret else refusals.NO_LINK, 401)
        if not _may_open(person, scope["path"]):
            return refusals.refusal(refusals.ONLY_TEACHER, 403, as_page=False)
        return None

    async def _open_link(self, scope: Scope, token: str, person: Person | None, secret: str | None) -> Response:
        role = self._tokens.current().role_of(token)
        if role is None:
            # An old link in a person's bookmarks opens the page all the same, and counts for that person alone.
            too_many = self._guesses.add(person.id if person else network_of((scope.get("client") or ("", 0))[0]))
            if too_many:
                return _refused(scope, refusals.TOO_MANY, 429)
            return _without_token(scope) if person else _refused(scope, refusals.WRONG_LINK, 401)
        if person is None or secret is None:
            secret = await run_in_threadpool(self._let_in, role)
            if secret is None:
                return _refused(scope, refusals.FULL, 503)
        elif role == "teacher" and not person.is_teacher:
            await run_in_threadpool(self._make_teacher, person.id)
        response = _without_token(scope)
        response.set_cookie(
            self._cookie,
            secret,
            max_age=_COOKIE_SECONDS,
            path="/",
            secure=self._is_secure(scope),
            httponly=True,
            samesite="lax",
        )
        return response

    def _let_in(self, role: Role) -> str | None:
        """Let in a new person, and return the secret; None for one student too many."""
        store = self._people.store()
        added = let_in_student(store, read_quotas(store).people) if role == "student" else let_in(store, role)
        return added and added[1]

    def _make_teacher(self, person_id: str) -> None:
        make_teacher(self._people.store(), person_id)
        self._people.forget(person_id)

    def _is_secure(self, scope: Scope) -> bool:
        """Whether the browser came by https, so that it may keep the cookie for https alone."""
        headers = Headers(scope=scope)
        address = Address.parse(headers.get("host", ""))
        by_proxy = headers.get("x-forwarded-proto", "").strip().lower() == "https"
        return scope["scheme"] == "https" or by_proxy or (address is not None and address.host in self._secure)


def cookie_name() -> str:
    """The name of the cookie, another one for each results folder: labs at two ports of a host share its cookies."""
    folder = str(environment.results_dir())
    return f"mnist_lab_{hashlib.sha256(folder.encode('utf-8', 'replace')).hexdigest()[:8]}"


def _cookies(scope: Scope, name: str) -> Iterable[str]:
    """The values of the cookies with this name."""
    lines = Headers(scope=scope).getlist("cookie")
    values = [value.strip(' "') for line in lines for key, value in _COOKIE.findall(line) if key == name]
    return values[:_MOST_COOKIES]


def _token(scope: Scope) -> str | None:
    """The token in a request's address: it may be a whole link that somebody has pasted; None if there is none."""
    for piece in _pieces(scope):
        name, _, value = piece.partition("=")
        if unquote_plus(name) == "token":
            # A link from a mail may hold line ends.
            text = "".join(unquote_plus(value).split())
            return re.split(r"[?&]token=", text)[-1].partition("&")[0].partition("#")[0]
    return None


def _without_token(scope: Scope) -> Response:
    """Sends the browser to the same address without the token."""
    pieces = [piece for piece in _pieces(scope) if unquote_plus(piece.partition("=")[0]) != "token"]
    query = f"?{quote('&'.join(pieces), safe='%&=+:;,@/?!$()*~.-_', encoding='latin-1')}" if pieces else ""
    return RedirectResponse(_path(scope) + query, 303, {"Cache-Control": "no-store"})


def _pieces(scope: Scope) -> list[str]:
    return [piece for piece in scope.get("query_string", b"").decode("latin-1").split("&") if piece]


def _path(scope: Scope) -> str:
    """The path of a request, for a link: with two slashes at its beginning it would lead to another server."""
    return "/" + quote(scope["path"].lstrip("/\\"))


def _refused(scope: Scope, sentence: str, status: int) -> Response:
    """A page for a browser that shows one, else a line."""
    if scope["type"] == "websocket":
        return refusals.refusal(sentence, status, as_page=False)
    is_page = scope["method"] in ("GET", "HEAD") and "text/html" in Headers(scope=scope).get("accept", "")
    try:
        fields = parse_qsl(scope.get("query_string", b"").decode("latin-1"), max_num_fields=100)
    except ValueError:
        fields = []
    others = [(name, value) for name, value in fields if name != "token"]
    return refusals.refusal(sentence, status, _path(scope), others, as_page=is_page)


def _may_open(person: Person, path: str) -> bool:
    match = _CORE.fullmatch(path)
    return match is None or person.is_teacher or _FOR_STUDENTS.fullmatch(match[1] or "") is not None


def _as_person(scope: Scope, person: Person) -> Scope:
    """The request with the header that names its person."""
    return {**scope, "headers": [*scope["headers"], (PERSON_HEADER.encode(), person.id.encode())]}


def _for_this_browser(send: Send) -> Send:
    """The same, whose answers only the person's own browser may keep, and no proxy for others."""

    async def send_private(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            kept = headers.get("cache-control", "private")
            headers["cache-control"] = re.sub(r"\bpublic\b", "private", kept)
        await send(message)

    return send_private
