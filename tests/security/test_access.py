"""Requests of strangers are refused by the real server, over real sockets and from a page in a real browser."""

import base64
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.app_process import ROOT, app_process, entry_cookie, free_port

UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}",
    "Sec-WebSocket-Protocol: streamlit",
)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: str
    body: str


def ask(
    port: int, *headers: str, target: str = "/", method: str = "GET", version: str = "1.1", address: str = "127.0.0.1"
) -> Answer:
    """The server's response to exactly these lines; {port} stands for its port."""
    lines = [f"{method} {target} HTTP/{version}", *headers, "Connection: close", "", ""]
    with socket.create_connection((address, port), timeout=20) as connection:
        connection.sendall("\r\n".join(lines).replace("{port}", str(port)).encode("latin-1"))
        content = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = content.decode("utf-8", "replace").partition("\r\n\r\n")
    return Answer(int(head.split()[1]), head.lower(), body)


def status_of_websocket(port: int, *headers: str) -> int:
    """101 if the server opens a websocket to a client that sends these headers."""
    lines = ["GET /_stcore/stream HTTP/1.1", *headers, *UPGRADE, "", ""]
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall("\r\n".join(lines).replace("{port}", str(port)).encode("latin-1"))
        return int(connection.recv(4096).split()[1])


class Internet:
    """A proxy that answers nothing and counts requests for other servers."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        internet = self

        class Proxy(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                internet.asked.append(self.requestline)
                self.send_error(502)

            do_CONNECT = do_POST = do_GET  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def env(self) -> dict[str, str]:
        url = f"http://127.0.0.1:{self.server.server_address[1]}"
        return {"http_proxy": url, "https_proxy": url, "no_proxy": "", "NO_PROXY": ""}


@contextmanager
def serving(folder: Path, **env: str) -> Iterator[tuple[int, Internet]]:
    internet, port = Internet(), free_port()
    surroundings = internet.env | {"MNIST_LAB_DATA": str(folder / "data")} | env
    with app_process(folder, port, env=surroundings):
        # The first start downloads MNIST, or tries to.
        internet.asked.clear()
        yield port, internet
    internet.server.shutdown()
    internet.server.server_close()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Internet]]:
    """A server as `streamlit run app.py` starts it."""
    with serving(tmp_path_factory.mktemp("here")) as served:
        yield served


@pytest.fixture(scope="module")
def classroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Internet, str]]:
    """A server for a network, with names and a public origin, and the header of somebody who was let in."""
    env = {
        "STREAMLIT_SERVER_ADDRESS": "0.0.0.0",
        "MNIST_LAB_HOSTS": "Lab.Example.org, teacher:9000,[fe80::1]",
        "MNIST_LAB_ORIGINS": "https://public.example.org/,http://other.example.org:8080",
    }
    folder = tmp_path_factory.mktemp("classroom")
    with serving(folder, **env) as (port, internet):
        yield port, internet, f"Cookie: {entry_cookie(port, folder)}"


GOOD = [
    ("Host: localhost:{port}",),
    ("Host: LOCALHOST:{port}",),
    ("Host: 127.0.0.1:{port}",),
    ("Host: [::1]:{port}",),
    ("Host: [0:0:0:0:0:0:0:1]:{port}",),
    ("Host: [::ffff:127.0.0.1]:{port}",),
    ("Host: localhost:{port}", "Origin: http://localhost:{port}"),
    ("Host: localhost:{port}", "Origin: https://localhost:{port}"),
    ("Host: LocalHost:{port}", "Origin: http://localhost:{port}"),
    ("Host: [::1]:{port}", "Origin: http://[::1]:{port}"),
]
BAD_HOSTS = [
    ("Host: evil.example",),
    ("Host: evil.example:{port}",),
    ("Host: evil.example:{port}", "Origin: http://evil.example:{port}"),
    ("Host: localhost",),
    ("Host: localhost:1",),
    ("Host: localhost:0",),
    ("Host: localhost:99999",),
    ("Host: localhost:{port}0",),
    ("Host: localhost:",),
    ("Host: localhost.:{port}",),
    ("Host: localhost.evil.example:{port}",),
    ("Host: 127.0.0.1.evil.example:{port}",),
    ("Host: 127.0.0.1.:{port}",),
    ("Host: 127.0.0.2:{port}",),
    ("Host: 127.1:{port}",),
    ("Host: 0x7f000001:{port}",),
    ("Host: 2130706433:{port}",),
    ("Host: 0.0.0.0:{port}",),
    ("Host: 10.0.0.1:{port}",),
    ("Host: [::]:{port}",),
    ("Host: ::1:{port}",),
    ("Host: [::1]evil:{port}",),
    ("Host: [localhost]:{port}",),
    ("Host: [127.0.0.1]:{port}",),
    ("Host: user@localhost:{port}",),
    ("Host: localhost:{port}@evil.example",),
    ("Host: localhost:{port}/",),
    ("Host: localhost:{port}, evil.example",),
    ("Host: localhost :{port}",),
    ("Host: loc\xe4lhost:{port}",),
    ("Host: ",),
    ("Host: null",),
    ("X-Forwarded-Host: localhost:{port}", "Host: evil.example"),
]
BAD_ORIGINS = [
    "http://localhost:3000",
    "http://localhost",
    "http://127.0.0.1:{port}",
    "http://[::1]:{port}",
    "http://evil.example",
    "https://evil.example:{port}",
    "http://localhost:{port}.evil.example",
    "http://evil.example/localhost:{port}",
    "http://user@localhost:{port}",
    "http://localhost:{port}@evil.example",
    "http://localhost:{port}/",
    "http://localhost.:{port}",
    "http://localhost:{port} http://evil.example",
    "ftp://localhost:{port}",
    "file://",
    "localhost:{port}",
    "chrome-extension://localhost:{port}",
    "null",
    "",
]


@pytest.mark.parametrize("headers", GOOD, ids=" ".join)
def test_own_pages_and_programs_of_this_machine_are_answered(here: tuple[int, Internet], headers: tuple[str, ...]):
    port, _ = here
    answer = ask(port, *headers)
    assert answer.status == 200
    assert "__streamlit" in answer.body
    assert ask(port, *headers, target="/_stcore/health").status == 200
    assert status_of_websocket(port, *headers) == 101


@pytest.mark.parametrize("headers", BAD_HOSTS, ids=" ".join)
def test_a_request_that_names_another_host_is_refused(here: tuple[int, Internet], headers: tuple[str, ...]):
    port, internet = here
    for target in ("/", "/train", "/_stcore/health", "/_stcore/host-config", "/app/static/plotly.js", "/nowhere"):
        answer = ask(port, *headers, target=target)
        # The HTTP parser itself refuses letters that no header may hold.
        assert answer.status in (400, 421), target
        assert "evil" not in answer.body
        if answer.status == 421:
            assert "MNIST_LAB_HOSTS" in answer.body
            assert len(answer.body) < 300
    assert status_of_websocket(port, *headers) in (400, 403)
    assert internet.asked == []


@pytest.mark.parametrize("origin", BAD_ORIGINS)
def test_a_page_of_another_origin_is_refused(here: tuple[int, Internet], origin: str):
    port, internet = here
    headers = ("Host: localhost:{port}", f"Origin: {origin}")
    for method, target in (("GET", "/"), ("POST", "/train"), ("PUT", "/_stcore/upload_file/a/b"), ("OPTIONS", "/")):
        answer = ask(port, *headers, method=method, target=target)
        assert answer.status == 403, (method, target)
        assert "MNIST_LAB_ORIGINS" in answer.body
        assert "access-control-allow-origin" not in answer.headers
    assert status_of_websocket(port, *headers) == 403
    assert internet.asked == []


def test_two_hosts_none_or_one_in_the_request_line_are_refused(here: tuple[int, Internet]):
    port, _ = here
    assert ask(port).status in (400, 421)
    assert ask(port, version="1.0").status in (400, 421)
    for hosts in (
        ("localhost:{port}", "evil.example"),
        ("evil.example", "localhost:{port}"),
        ("localhost:{port}",) * 2,
    ):
        headers = [f"Host: {host}" for host in hosts]
        assert ask(port, *headers).status in (400, 421)
        assert status_of_websocket(port, *headers) in (400, 403)
    for target in ("http://evil.example/", "http://evil.example:{port}/train", "//evil.example/", "*"):
        assert ask(port, "Host: localhost:{port}", target=target).status in (400, 421)
    two = ("Host: localhost:{port}", "Origin: http://localhost:{port}", "Origin: http://evil.example")
    assert ask(port, *two).status == 403
    assert status_of_websocket(port, *two) in (400, 403)


def test_settings_name_more_hosts_and_origins(classroom: tuple[int, Internet, str]):
    port, internet, cookie = classroom
    for good in (
        ("Host: lab.example.org",),
        ("Host: lab.example.org", "Origin: https://lab.example.org"),
        ("Host: lab.example.org", "Origin: http://lab.example.org"),
        ("Host: lab.example.org:{port}", "Origin: http://lab.example.org:{port}"),
        ("Host: teacher:9000", "Origin: http://teacher:9000"),
        ("Host: [fe80::1]:{port}", "Origin: http://[FE80:0::1]:{port}"),
        ("Host: public.example.org", "Origin: https://public.example.org"),
        ("Host: localhost:{port}", "Origin: https://public.example.org"),
        ("Host: other.example.org:8080", "Origin: http://other.example.org:8080"),
        ("Host: localhost:{port}",),
    ):
        assert ask(port, cookie, *good).status == 200, good
        assert status_of_websocket(port, cookie, *good) == 101, good
    for bad in (
        ("Host: lab.example.org:9000",),
        ("Host: teacher:{port}",),
        ("Host: teacher",),
        ("Host: other.example.org",),
        ("Host: sub.lab.example.org",),
        ("Host: 0.0.0.0:{port}",),
        (f"Host: {socket.gethostname()}.evil.example:{{port}}",),
        ("Host: lab.example.org", "Origin: http://public.example.org"),
        ("Host: lab.example.org", "Origin: https://lab.example.org:444"),
        ("Host: teacher:9000", "Origin: http://teacher"),
        ("Host: localhost:{port}", "Origin: http://other.example.org"),
        ("Host: localhost:{port}", "Origin: http://evil.example"),
    ):
        assert ask(port, cookie, *bad).status in (403, 421), bad
        assert status_of_websocket(port, cookie, *bad) == 403, bad
    assert internet.asked == []


def test_an_address_of_the_machine_is_answered_where_the_request_arrived_at_it(
    classroom: tuple[int, Internet, str],
):
    port, _, cookie = classroom
    # Linux answers at every address of 127.0.0.0/8, so this one serves as a second network card.
    for address in ("127.0.0.1", "127.0.0.2") if sys.platform == "linux" else ("127.0.0.1",):
        assert ask(port, cookie, f"Host: {address}:{{port}}", address=address).status == 200
        assert ask(port, f"Host: {address}", address=address).status == 421
        assert ask(port, "Host: 127.0.0.3:{port}", address=address).status == 421


def test_a_server_for_a_network_says_where_it_is_and_asks_nobody(tmp_path: Path):
    with serving(tmp_path, STREAMLIT_SERVER_ADDRESS="0.0.0.0") as (port, internet):
        assert ask(port, "Host: localhost:{port}").status == 401
        cookie = f"Cookie: {entry_cookie(port, tmp_path)}"
        assert ask(port, "Host: localhost:{port}", cookie).status == 200
        assert not [line for line in internet.asked if "checkip" in line]
    log = (tmp_path / "app.log").read_text()
    assert f":{port}" in log
    assert "external" not in log.lower()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MNIST_LAB_HOSTS", "*"),
        ("MNIST_LAB_HOSTS", "http://lab.example.org"),
        ("MNIST_LAB_HOSTS", "lab.example.org/train"),
        ("MNIST_LAB_HOSTS", "*.example.org"),
        ("MNIST_LAB_ORIGINS", "*"),
        ("MNIST_LAB_ORIGINS", "lab.example.org"),
        ("MNIST_LAB_ORIGINS", "https://lab.example.org/train"),
        ("MNIST_LAB_ORIGINS", "null"),
    ],
)
def test_a_setting_that_cannot_be_meant_ends_the_start_with_its_name(tmp_path: Path, variable: str, value: str):
    code = "from dashboard.access import host_middleware; host_middleware()"
    env = os.environ | {variable: value}
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True)
    assert ended.returncode == 1
    assert f"{variable}: {value!r}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_answers_stay_with_their_own_pages(here: tuple[int, Internet]):
    port, _ = here
    for target in ("/", "/train", "/_stcore/health", "/app/static/plotly.js", "/nowhere"):
        headers = ask(port, "Host: localhost:{port}", target=target).headers
        assert "x-content-type-options: nosniff" in headers
        assert "frame-ancestors 'self'" in headers
        assert "x-frame-options: sameorigin" in headers
        assert "referrer-policy: same-origin" in headers
        assert "access-control-allow-origin" not in headers


PAGE = """<!doctype html><title>elsewhere</title>
<iframe name=inside src="{lab}/train" width=900 height=600></iframe>
<form id=form method=post action="{lab}/train"><input name=x value=1></form>
<script>
const ended = (promise) => promise.then(() => "answered", () => "refused")
window.results = async () => ({
  read: await ended(fetch("{lab}/_stcore/health")),
  upload: await ended(fetch("{lab}/_stcore/upload_file/a/b", {method: "PUT", body: "x"})),
  websocket: await new Promise((resolve) => {
    const socket = new WebSocket("{lab}/_stcore/stream".replace("http", "ws"), ["streamlit"])
    socket.onopen = () => resolve("opened")
    socket.onerror = () => resolve("refused")
  }),
  image: await new Promise((resolve) => {
    const image = new Image()
    image.onload = () => resolve("shown")
    image.onerror = () => resolve("refused")
    image.src = "{lab}/favicon.png"
  }),
})
</script>"""


@contextmanager
def page_elsewhere(lab: str) -> Iterator[str]:
    """A page at another port of this machine that tries to use the lab."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(PAGE.replace("{lab}", lab).encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.browser
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_page_at_another_port_can_neither_read_nor_send_nor_show_the_lab(
    here: tuple[int, Internet], browser: Browser, host: str
):
    port, _ = here
    with page_elsewhere(f"http://{host}:{port}") as url:
        tab = browser.new_page()
        tab.goto(url)
        results = tab.evaluate("window.results()")
        assert results == {"read": "refused", "upload": "refused", "websocket": "refused", "image": "refused"}
        (inside,) = [frame for frame in tab.frames if frame.name == "inside"]
        assert inside.locator("#root").count() == 0
        with tab.expect_navigation() as navigation:
            tab.evaluate("document.getElementById('form').submit()")
        response = navigation.value
        assert response
        assert response.status == 403
        tab.close()


@pytest.mark.long
@pytest.mark.browser
def test_the_labs_own_pages_need_nothing_that_its_headers_forbid(here: tuple[int, Internet], browser: Browser):
    port, _ = here
    tab = browser.new_page()
    tab.add_init_script(
        "window.forbidden = []; document.addEventListener('securitypolicyviolation', "
        "(event) => window.forbidden.push(event.violatedDirective + ' ' + event.blockedURI))"
    )
    for page in ("train", "inspect", "draw", "compare", "sweeps", "studies", "data"):
        tab.goto(f"http://localhost:{port}/{page}")
        tab.get_by_role("heading", level=1).first.wait_for()
        assert tab.evaluate("window.forbidden") == [], page
    tab.close()
