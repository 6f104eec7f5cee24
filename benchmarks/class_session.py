"""One student of a lesson under load who has no browser: speaks Streamlit's protocol as the browser's page does."""

import base64
import http.client
import io
import json
import math
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageDraw
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from benchmarks.class_figures import Notes
from dashboard.components.pad.pad import SIDE
from tests.protocol_client import PATIENCE, Visitor

# Where a session goes when it changes pages, as page and query string.
PLACES = (
    ("train", "runs=1&runs=2"),
    ("compare", "runs=3&runs=4&runs=5"),
    ("compare", "runs=3&runs=4&look=Curves"),
    ("inspect", "run=4"),
    ("sweeps", ""),
    ("studies", ""),
    ("data", "dataset=mnist-5k"),
    ("class", ""),
)
# A run that takes about a second on a core.
SMALL_RUN = "dataset=mnist-5k&train_images=1000&validation_images=200&epochs=2&architecture=mlp-100&view=Network"
# The browser asks this often whether the messages above the page have changed (watcher.js).
_TROUBLES_SECONDS = 3.0
# Seconds that a stroke takes; the browser asks about pictures of it at the pace that the server names.
_STROKE_SECONDS = 0.5


@dataclass
class Page:
    """What the server has drawn so far and a person could use."""

    # The heading of the page.
    title: str = ""
    # Ids of buttons and text fields by label.
    widgets: dict[str, str] = field(default_factory=dict)
    # Interval of each fragment that repeats itself, when it is due, and when the server asked for it.
    timers: dict[str, list[float]] = field(default_factory=dict)
    # What the browser sends with a picture of a drawing, and the address.
    networks: list[str] = field(default_factory=list)
    address: str = ""
    # What the browser renews by asking the server, if anything.
    renewal: "Renewal | None" = None
    # Seconds between two pictures of a stroke, as the browser is told.
    pause: float = 0.1


@dataclass
class Renewal:
    """What the browser asks about parts of a page: where, with what, when next; and the fragment that draws them."""

    address: str
    view: str
    due: float
    fragment: str


class ClassSession:
    """A student with a cookie; use it in a `with` statement. Its actions note seconds and errors."""

    def __init__(self, port: int, cookie: str, notes: Notes, chance: random.Random) -> None:
        self._visitor = Visitor(port, cookie)
        self._notes, self._chance = notes, chance
        self._page = Page()
        self._began = self._asked_troubles = 0.0
        self._drawings = 0
        # Browsers keep a connection open, too, while one picture follows the other.
        self._asking = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def __enter__(self) -> "ClassSession":
        return self

    def __exit__(self, *_: object) -> None:
        self._asking.close()
        self._visitor.__exit__()

    def join(self, name: str) -> None:
        """Open the first page, and give a name."""
        self.open("train", "runs=1&runs=2")
        if "What shall we call you?" in self._page.widgets:
            typed = WidgetState(id=self._page.widgets["What shall we call you?"], string_value=name)
            pressed = WidgetState(id=self._page.widgets["Start"], trigger_value=True)
            # The name is stored by one run, which draws the page by another.
            self._rerun(_state(typed, pressed), lambda _: "Start training" in self._page.widgets)

    def open(self, page: str, query: str) -> float:
        """Go to a page; returns the seconds until it was drawn."""
        message = BackMsg()
        message.rerun_script.page_name, message.rerun_script.query_string = page, query
        self._page = Page()
        self._asking.close()
        # A run of the page before, or of a fragment of it, may still end first.
        titles = page.capitalize(), "Welcome"
        return self._rerun(message, lambda answer: _is_drawn(answer) and self._page.title in titles)

    def change_pages(self) -> None:
        """Open a few pages, and look at each for some seconds."""
        for page, query in self._chance.sample(PLACES, 3):
            self._notes.time("page load", self.open(page, query))
            self.look(self._chance.uniform(2, 5))

    def watch(self) -> None:
        """Watch the teacher's runs learn."""
        self._notes.time("page load", self.open("train", "runs=1&runs=2"))
        self.look(self._chance.uniform(8, 15))

    def draw(self) -> None:
        """Draw a digit of a few strokes, and read the networks' answers after each."""
        self._notes.time("page load", self.open("draw", "runs=3&runs=4&runs=5"))
        picture = Image.new("L", (SIDE, SIDE))
        for _ in range(3):
            pictures = 1 + int(_STROKE_SECONDS / self._page.pause)
            points = [(self._chance.uniform(15, 97), self._chance.uniform(15, 97)) for _ in range(pictures + 1)]
            for number in range(pictures):
                ImageDraw.Draw(picture).line(points[number : number + 2], fill=255, width=9)
                ended = number == pictures - 1
                seconds = self.send_picture(picture, ended)
                if ended:
                    self._notes.time("drawn answer", seconds)
                self.look(max(0.0, self._page.pause - seconds))
            self.look(self._chance.uniform(0.5, 1.5))

    def send_picture(self, picture: Image.Image, ended: bool) -> float:
        """Send a picture of a stroke, or its last; returns the seconds until the networks' answers have come."""
        self._drawings += 1
        content = io.BytesIO()
        picture.save(content, "PNG")
        image = base64.b64encode(content.getvalue()).decode()
        question = {"runs": self._page.networks, "image": image, "seq": self._drawings, "ended": ended}
        began = time.monotonic()
        status, answer = self._ask(self._page.address, question)
        seconds = time.monotonic() - began
        if status == 200:
            self._page.pause = answer["pause"] / 1000
        else:
            self._notes.error(f"a drawing was answered with {status}: {answer['problem'][:200]}")
        return seconds

    def tick(self) -> float:
        """Ask what is new in the part of the page that renews itself, due or not; returns the seconds."""
        if self._page.renewal is None:
            raise RuntimeError(f"nothing on {self._page.title} renews itself")
        return self._renew(self._page.renewal)

    def start_run(self) -> None:
        """Start a small run of its own, and watch it for some seconds."""
        # As in a browser that opens a link: a page that was open before would keep what was chosen on it.
        self._visitor.__exit__()
        self._visitor = Visitor(self._visitor.port, self._visitor.cookie)
        self._notes.time("page load", self.open("train", f"{SMALL_RUN}&seed={self._chance.randrange(1000)}"))
        self.look(self._chance.uniform(1, 3))
        pressed = WidgetState(id=self._page.widgets["Start training"], trigger_value=True)
        self._notes.time("click on Start", self._rerun(_state(pressed), _is_drawn))
        self.look(self._chance.uniform(4, 8))

    def look(self, seconds: float) -> None:
        """Do nothing but what the browser does by itself while a page is open."""
        until = time.monotonic() + seconds
        waits, began = False, 0.0
        while (now := time.monotonic()) < until or waits:
            renewal = self._page.renewal
            if not waits and renewal is not None and renewal.due <= now:
                self._notes.time("look at runs", self._renew(renewal))
            if not waits and (due := [one for one, timer in self._page.timers.items() if timer[1] <= now]):
                self._page.timers[due[0]][1] = now + self._page.timers[due[0]][0]
                self._visitor.send(_fragment(due[0]))
                waits, began = True, now
            if now - self._asked_troubles > _TROUBLES_SECONDS:
                self._ask_for_troubles()
            try:
                message = self._receive(0.05 if waits else min(0.1, max(until - now, 0.001)))
            except TimeoutError:
                message = None
            if message is not None and message.HasField("script_finished") and waits:
                self._notes.time("update of a page", time.monotonic() - began)
                waits = False
            if waits and now - began > PATIENCE:
                self._notes.error(f"no update within {PATIENCE:.0f} s")
                return

    def _renew(self, renewal: Renewal) -> float:
        """Ask what is new, and have it drawn if only the page can do that; returns the seconds."""
        began = time.monotonic()
        status, answer = self._ask(renewal.address, {"view": renewal.view})
        if status == 200 and not answer.get("run"):
            renewal.due = time.monotonic() + answer["pause"] / 1000
        elif status in (200, 404):
            # The page's own answer brings another renewal.
            renewal.due = math.inf
            self._rerun(_fragment(renewal.fragment), _is_updated)
        else:
            self._notes.error(f"a look at runs was answered with {status}: {answer['problem'][:200]}")
        return time.monotonic() - began

    def _ask(self, address: str, question: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and content of the answer to a question of the page's scripts."""
        headers = {"Content-Type": "application/json", "Cookie": self._visitor.cookie}
        self._asking.request("POST", f"/{address}", json.dumps(question), headers)
        response = self._asking.getresponse()
        return response.status, json.loads(response.read())

    def _rerun(self, message: BackMsg, is_last: Callable[[ForwardMsg], bool]) -> float:
        """Send a message; returns the seconds until what was waited for has come. Raises TimeoutError."""
        began = time.monotonic()
        self._visitor.send(message)
        seen = Counter[str]()
        while True:
            try:
                answer = self._receive(began + PATIENCE - time.monotonic())
            except TimeoutError:
                asked = f"{message.rerun_script.page_name}?{message.rerun_script.query_string}"
                raise TimeoutError(f"no answer to {asked}, only {dict(seen)} of {self._page.title}") from None
            if is_last(answer):
                return time.monotonic() - began
            seen[answer.WhichOneof("type") or ""] += 1

    def _receive(self, most: float) -> ForwardMsg:
        frame = self._visitor.socket.recv(timeout=max(most, 0.001))
        assert isinstance(frame, bytes)
        message = ForwardMsg.FromString(frame)
        self._see(message)
        return message

    def _see(self, message: ForwardMsg) -> None:
        """Keep what the page holds now, as a browser does."""
        now = time.monotonic()
        if message.HasField("new_session"):
            self._began = now
        elif message.HasField("auto_rerun"):
            interval = message.auto_rerun.interval
            self._page.timers[message.auto_rerun.fragment_id] = [interval, now + interval, now]
        elif message.HasField("stop_auto_rerun"):
            for fragment in message.stop_auto_rerun.fragment_ids:
                self._page.timers.pop(fragment, None)
        elif message.HasField("script_finished") and _is_drawn(message):
            # Fragments that the whole page's run has not asked for again are there no more.
            timers = self._page.timers
            self._page.timers = {one: timer for one, timer in timers.items() if timer[2] >= self._began}
        elif message.HasField("delta"):
            self._see_element(message.delta.new_element, message.delta.fragment_id)

    def _see_element(self, element: Any, fragment: str) -> None:
        kind = element.WhichOneof("type")
        if kind in ("button", "text_input"):
            shown = getattr(element, kind)
            self._page.widgets[shown.label] = shown.id
        elif kind == "heading" and element.heading.tag == "h1":
            self._page.title = element.heading.body
        elif kind == "bidi_component" and element.bidi_component.component_name == "mnist_lab_drawing_answers":
            data = json.loads(element.bidi_component.json)
            self._page.networks, self._page.address = data["runs"], data["address"]
        elif kind == "bidi_component" and element.bidi_component.component_name == "mnist_lab_renewal":
            data = json.loads(element.bidi_component.json)
            # Where the page is to run without a question, this asks one first, which comes to the same.
            due = time.monotonic() + data["pause"] / 1000
            self._page.renewal = Renewal(data["address"], data["view"], due, fragment)
        elif kind == "exception":
            self._notes.error(f"exception on a page: {element.exception.type}: {element.exception.message[:200]}")
        elif kind == "alert" and element.alert.format == element.alert.ERROR:
            self._notes.error(f"message of an error on a page: {element.alert.body[:200]}")

    def _ask_for_troubles(self) -> None:
        self._asked_troubles = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self._visitor.port, timeout=PATIENCE)
        connection.request("GET", "/troubles", headers={"Cookie": self._visitor.cookie})
        response = connection.getresponse()
        response.read()
        connection.close()
        self._notes.time("question for messages", time.monotonic() - self._asked_troubles)
        if response.status != 200:
            self._notes.error(f"/troubles answered {response.status}")


def _state(*states: WidgetState) -> BackMsg:
    message = BackMsg()
    message.rerun_script.widget_states.widgets.extend(states)
    return message


def _fragment(fragment: str) -> BackMsg:
    """What the browser sends when a part of the page is due."""
    message = BackMsg()
    message.rerun_script.fragment_id = fragment
    message.rerun_script.is_auto_rerun = True
    return message


def _is_drawn(message: ForwardMsg) -> bool:
    # A run that ends with another status is followed by one more.
    done = ForwardMsg.FINISHED_SUCCESSFULLY
    return message.HasField("script_finished") and message.script_finished == done


def _is_updated(message: ForwardMsg) -> bool:
    # A part of the page may also ask for a run of the whole page.
    part = ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY
    return _is_drawn(message) or (message.HasField("script_finished") and message.script_finished == part)
