"""A visitor without a browser, who speaks Streamlit's protocol over a real websocket."""

import http.client
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

# What a page is waited for, in seconds; only a busy machine ever takes so long.
PATIENCE = 60.0


class Visitor:
    """One open page; use it in a `with` statement."""

    def __init__(self, port: int, cookie: str = "", headers: dict[str, str] | None = None) -> None:
        self.port, self.cookie = port, cookie
        self.xsrf = self._ask_for_xsrf()
        cookies = "; ".join(text for text in (cookie, f"_streamlit_xsrf={self.xsrf}" if self.xsrf else "") if text)
        self._open = ExitStack()
        connecting = connect(
            f"ws://127.0.0.1:{port}/_stcore/stream",
            subprotocols=[Subprotocol("streamlit")],
            additional_headers={"Cookie": cookies, **(headers or {})},
            max_size=None,
            proxy=None,
        )
        self.socket: ClientConnection = self._open.enter_context(connecting)
        self.session = ""

    def __enter__(self) -> "Visitor":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def open(self, page: str, query: str = "") -> list[ForwardMsg]:
        """Have a page drawn; gives the messages until it has been."""
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_name = page
        self.send(message)
        # A run that ends with another status is followed by one more.
        done = ForwardMsg.FINISHED_SUCCESSFULLY
        return self.read_until(lambda message: message.HasField("script_finished") and message.script_finished == done)

    def send(self, message: BackMsg) -> None:
        self.socket.send(message.SerializeToString())

    def read_until(self, is_last: Callable[[ForwardMsg], bool]) -> list[ForwardMsg]:
        """Messages of the server up to the first one of a kind."""
        messages: list[ForwardMsg] = []
        deadline = time.monotonic() + PATIENCE
        while not messages or not is_last(messages[-1]):
            frame = self.socket.recv(timeout=deadline - time.monotonic())
            assert isinstance(frame, bytes)
            messages.append(ForwardMsg.FromString(frame))
            if messages[-1].HasField("new_session"):
                self.session = messages[-1].new_session.initialize.session_id
        return messages

    def file_of(self, deferred: str) -> str:
        """Address of a file that is made when somebody asks for it."""
        message = BackMsg()
        message.backend_operation_request.request_id = "1"
        message.backend_operation_request.session_id = self.session
        message.backend_operation_request.deferred_file.file_id = deferred
        self.send(message)
        last = self.read_until(lambda message: message.HasField("backend_operation_response"))[-1]
        return last.backend_operation_response.deferred_file.url

    def seconds_until_closed(self, most: float) -> float:
        """How long the server takes to close the connection; fails after so many seconds."""
        began = time.monotonic()
        with suppress(ConnectionClosed):
            while True:
                self.socket.recv(timeout=began + most - time.monotonic())
        return time.monotonic() - began

    def _ask_for_xsrf(self) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", "/_stcore/health", headers={"Cookie": self.cookie})
        given = connection.getresponse().getheader("Set-Cookie", "")
        connection.close()
        return given.partition("_streamlit_xsrf=")[2].partition(";")[0]


def elements_of(messages: list[ForwardMsg], kind: str) -> list[Any]:
    """The elements of a kind that the messages have drawn, such as "download_button"."""
    drawn = [message.delta.new_element for message in messages if message.HasField("delta")]
    return [getattr(element, kind) for element in drawn if element.WhichOneof("type") == kind]
