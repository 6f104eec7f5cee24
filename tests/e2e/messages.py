"""What a page asks its server, and what the server sends it, read from the frames of its websocket."""

from collections.abc import Sequence

from playwright.sync_api import Page
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg


def frames_of(page: Page) -> list[bytes | str]:
    """A list that gets every message to the page; call this before the page is opened."""
    received: list[bytes | str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(frame)))
    return received


def requests_of(page: Page, end: str) -> list[str]:
    """A list that gets the address of each request of the page from now on that ends like this."""
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.url.endswith(end) else None)
    return sent


def sizes_of_charts(frames: Sequence[bytes | str]) -> list[int]:
    """Bytes of each message among these that has the data of a growing chart."""
    messages = [ForwardMsg.FromString(frame) for frame in frames if isinstance(frame, bytes)]
    components = [message.delta.new_element.bidi_component for message in messages]
    return [
        len(component.json) for component in components if component.component_name == "mnist_lab_growing_curve_chart"
    ]
