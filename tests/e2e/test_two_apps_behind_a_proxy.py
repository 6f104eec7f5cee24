"""In real browsers: a class at two apps behind one address. Either app is killed, and the lesson goes on."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from mnist_core.config.run_config import RunConfig
from mnist_core.store import ask_for_digit, count_by_digit, read_poll, read_votes
from mnist_core.store.store import Store
from tests.app_process import app_process, free_port, wait_until
from tests.blank_files import write_blank_files
from tests.conftest import missing
from tests.e2e.class_windows import enter_class
from tests.e2e.test_class_handwriting import PART, draw, hand_in
from tests.haproxy import program, proxy
from tests.labs import trained_run

pytestmark = [pytest.mark.browser, pytest.mark.long]
TINY = "dataset=mnist-5k&train_images=300&validation_images=100&epochs=1"


class TwoApps:
    """Two apps with one store, and a proxy before them."""

    def __init__(self, results: Path, running: ExitStack) -> None:
        self._results, self._running = results, running
        self._ports = {"first": free_port(), "second": free_port()}
        port = free_port()
        self._env = {"MNIST_LAB_ACCESS": "on", "MNIST_LAB_ORIGINS": f"http://127.0.0.1:{port}"}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        for name in self._ports:
            self.start(name)
        self.url = running.enter_context(proxy(port, *self._ports.values()))

    def start(self, name: str) -> None:
        app = app_process(self._results, self._ports[name], env=self._env)
        self._processes[name] = self._running.enter_context(app)

    def kill(self, name: str) -> None:
        self._processes[name].kill()
        self._processes[name].wait()


@pytest.fixture
def apps(own_lab: Path) -> Iterator[TwoApps]:
    if program() is None:
        missing("HAProxy (python -m tests.haproxy --install)")
    write_blank_files("mnist", Path(os.environ["MNIST_LAB_DATA"]))
    with ExitStack() as running:
        yield TwoApps(own_lab, running)


@pytest.fixture
def enter(apps: TwoApps, own_lab: Path, browser: Browser) -> Callable[[str], Page]:
    """A window of its own for each person: `enter("")` is the teacher's, `enter(name)` a student's."""
    return lambda name: enter_class(browser, apps.url, own_lab, name)


def app_of(page: Page) -> str:
    """Which app the proxy has given this browser."""
    return {cookie.get("name"): cookie.get("value", "") for cookie in page.context.cookies()}["lab_app"]


def test_either_app_is_killed_and_the_class_goes_on(apps: TwoApps, enter: Callable[[str], Page]) -> None:
    store = Store.open()
    trained_run(store, RunConfig(dataset="mnist-5k", architecture="softmax", train_images=1000, epochs=2))
    teacher, anna, ben = enter(""), enter("Anna"), enter("Ben")
    assert app_of(anna) != app_of(ben)

    # Votes that two apps take are one result.
    teacher.goto(f"/train?{TINY}&architecture=softmax&architecture=mlp-10")
    teacher.get_by_role("button", name="Let the class vote").click()
    for page in (anna, ben):
        page.goto("/class?part=Vote")
        page.get_by_role("button", name="This one").first.click()
        expect(page.get_by_role("button", name="Your vote")).to_have_count(1)
    poll = read_poll(store)
    assert poll
    assert list(read_votes(store, poll.id).values()) == [0, 0]

    # So are drawings.
    for page in (teacher, anna, ben):
        page.goto(PART)
    teacher.get_by_role("radiogroup", name="Ask for").get_by_role("radio", name="7").click()
    for count, page in enumerate((anna, ben), 1):
        expect(page.get_by_role("heading", level=2).first).to_have_text("Draw a 7")
        draw(page)
        hand_in(page)
        expect(teacher.locator(".leader")).to_contain_text(f"of {count}")

    # An app is killed, and later the other one. Pages that it has served go on without being loaded again, with what
    # was on the pad before and what was drawn meanwhile.
    for count, (page, low) in enumerate(((anna, 0.7), (ben, 0.75)), 3):
        page.evaluate("window.loaded_once = true")
        teacher.get_by_role("radiogroup", name="Ask for").get_by_role("radio", name=str(count)).click()
        expect(page.get_by_role("heading", level=2).first).to_have_text(f"Draw a {count}")
        gone = app_of(page)
        draw(page, low)
        apps.kill(gone)
        draw(page, low - 0.1, strokes=2)
        ask_for_digit(store, 9)
        wait_until(lambda page=page, gone=gone: app_of(page) != gone)
        # Another digit is asked for meanwhile; what is drawn is still what it was meant to be.
        expect(page.get_by_role("button", name="Hand in")).to_be_enabled()
        expect(page.get_by_role("heading", level=2).first).to_have_text(f"Draw a {count}")
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        hand_in(page)
        expect(page.locator(".leader")).to_contain_text(f"of {count}")
        expect(teacher.locator(".leader")).to_contain_text(f"of {count}")
        assert page.evaluate("window.loaded_once")
        assert count_by_digit(store)[count] == 1
        apps.start(gone)
