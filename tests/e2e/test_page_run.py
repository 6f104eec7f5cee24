"""A table asks for its remaining rows only after the page's run, whose end could otherwise drop the answer."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, WebSocket, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]


def test_the_rest_of_a_table_is_asked_for_once_the_page_has_run(
    browser: Browser, serve: Callable[..., str], tmp_path: Path
):
    script, events, page = tmp_path / "page.py", list[str](), browser.new_page()
    source = (Path(__file__).parent / "scripts" / "data_table.py").read_text()
    script.write_text(f"{source}\ntime.sleep(0.5)\nst.text('This is the end.')\n")

    def sent(payload: bytes | str) -> None:
        assert isinstance(payload, bytes)
        if "lacking" in str(BackMsg.FromString(payload)):
            events.append("asked")

    def received(payload: bytes | str) -> None:
        assert isinstance(payload, bytes)
        events.append(str(ForwardMsg.FromString(payload).WhichOneof("type")))

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", sent)
        socket.on("framereceived", received)

    page.on("websocket", listen)
    page.goto(serve(script, {"PYTHONPATH": str(ROOT)}))
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", "3001")
    expect(page.get_by_text("This is the end.")).to_be_visible()
    page.close()
    assert events.index("script_finished") < events.index("asked")
    assert events.count("asked") == 1
