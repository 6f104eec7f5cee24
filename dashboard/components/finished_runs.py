"""A correction of Streamlit's queue of messages: what a finished run of the page has drawn stays on the page.

When a fragment is due (`run_every`) as the page's run ends, Streamlit starts it at once and drops the fragment's part
of the page's run from the queue, if the browser has not been sent it yet. The message that the page's run has ended
stays in the queue. So the browser takes away everything that the fragment had drawn, and a moment later mounts it
again: charts vanish for a moment and lose their zoom, menus close, fields lose the keyboard, most often on a busy
machine.
"""

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

_clear = ForwardMsgQueue.clear


def keep_finished_runs() -> None:
    """From now on, the queue keeps what was drawn before the end of a page's run whenever it keeps the end itself."""
    ForwardMsgQueue.clear = _clear_unfinished


def _clear_unfinished(
    self: ForwardMsgQueue, retain_lifecycle_msgs: bool = False, fragment_ids_this_run: list[str] | None = None
) -> None:
    finished: list[ForwardMsg] = []
    if retain_lifecycle_msgs and fragment_ids_this_run:
        ended = [position for position, message in enumerate(self._queue) if _ends_page(message)]
        count = ended[-1] + 1 if ended else 0
        finished, self._queue = self._queue[:count], self._queue[count:]
    _clear(self, retain_lifecycle_msgs, fragment_ids_this_run)
    self._queue[:0] = finished


def _ends_page(message: ForwardMsg) -> bool:
    return (
        message.WhichOneof("type") == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
    )
