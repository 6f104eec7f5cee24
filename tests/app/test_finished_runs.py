"""Streamlit's queue of messages to the browser keeps what a finished run of the page has drawn."""

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

import dashboard.components  # noqa: F401  it changes the queue


def drawn(fragment: str, text: str, position: int = 0) -> ForwardMsg:
    message = ForwardMsg()
    message.delta.fragment_id = fragment
    message.delta.new_element.text.body = text
    message.metadata.delta_path[:] = [0, position]
    return message


def ended(status: int) -> ForwardMsg:
    message = ForwardMsg()
    message.script_finished = status  # pyright: ignore[reportAttributeAccessIssue]
    return message


def texts(queue: ForwardMsgQueue) -> list[str]:
    return [
        message.delta.new_element.text.body if message.HasField("delta") else message.WhichOneof("type") or ""
        for message in queue.flush()
    ]


def test_a_fragment_that_is_due_as_the_page_ends_drops_nothing() -> None:
    queue = ForwardMsgQueue()
    for message in (
        drawn("chart", "page's chart"),
        ended(ForwardMsg.FINISHED_SUCCESSFULLY),
        drawn("chart", "half a tick", position=1),
    ):
        queue.enqueue(message)
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["chart"])
    queue.enqueue(drawn("chart", "whole tick"))
    assert texts(queue) == ["page's chart", "script_finished", "whole tick"]


def test_of_an_interrupted_run_only_its_end_stays_as_ever() -> None:
    for fragments in (["chart"], None):
        queue = ForwardMsgQueue()
        queue.enqueue(drawn("chart", "half a page"))
        queue.enqueue(ended(ForwardMsg.FINISHED_EARLY_FOR_RERUN))
        queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=fragments)
        assert texts(queue) == ["script_finished"]
    queue.enqueue(drawn("chart", "page's chart"))
    queue.enqueue(ended(ForwardMsg.FINISHED_SUCCESSFULLY))
    queue.clear()
    assert queue.is_empty()
