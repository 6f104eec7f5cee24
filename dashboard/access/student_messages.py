"""What a student's browser may ask of Streamlit over its websocket.

Streamlit obeys some messages for all of the app, whoever sends them: one empties the caches of all visitors, another
installs files beside the program. A browser without the menu for developers sends none of these.
"""

from google.protobuf.message import DecodeError
from streamlit.proto.BackMsg_pb2 import BackMsg

_ALLOWED = ("rerun_script", "stop_script", "file_urls_request", "app_heartbeat")
_OPERATIONS = ("deferred_file", "dataframe_chunk")


def is_for_students(frame: bytes) -> bool:
    """Whether a message concerns only the page of who sends it; True, too, for what Streamlit refuses itself."""
    if not frame:
        return True
    message = BackMsg()
    try:
        message.ParseFromString(frame)
    except DecodeError:
        return True
    kind = message.WhichOneof("type")
    if kind == "backend_operation_request":
        return message.backend_operation_request.WhichOneof("payload") in _OPERATIONS
    return kind in _ALLOWED
