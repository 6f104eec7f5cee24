"""What a person has chosen stays in the address, also where messages of the browser and the server cross.

The browser writes the value of a bound widget into its address by itself. Its next request may still carry the address
from before: it reads that from a state which React sets a moment later. Whatever the server then writes replaces the
whole address, and the new value would be lost from it. The value itself has arrived with the request, so it is put
back: before the server writes an address, and at the end of a page's run, for an address that was written in between.
"""

from typing import Any

from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state.common import WidgetMetadata
from streamlit.runtime.state.query_params import QueryParams, _coerce_value_for_query_url, parse_url_param
from streamlit.runtime.state.session_state import SessionState

_send = QueryParams._send_query_param_msg


def keep_chosen_values() -> None:
    """From now on, every address that the server writes has the values that bound widgets have."""
    QueryParams._send_query_param_msg = _send_complete


def complete_address() -> None:
    """Write the address anew where a value of a bound widget is missing; to be called once the page is drawn."""
    if context := get_script_run_ctx():
        with context.session_state.query_params() as params:
            if _add_chosen_values(params):
                _send(params)


def _send_complete(self: QueryParams) -> None:
    _add_chosen_values(self)
    _send(self)


def _add_chosen_values(params: QueryParams) -> bool:
    """Give the parameters of bound widgets the values that the browser has sent; returns whether any was another."""
    context = get_script_run_ctx()
    # Back and forward: there the address decides, and the widgets follow.
    if context is None or context.is_history_navigation:
        return False
    state: SessionState = context.session_state._state
    before = dict(params._query_params)
    for binding in list(params._bindings_by_param.values()):
        metadata = state._get_widget_metadata(binding.widget_id)
        if metadata is None or binding.widget_id not in state._new_widget_state or metadata.disabled:
            continue
        value = state[binding.param_key]
        if value == metadata.deserializer(None):
            # Streamlit leaves a widget's usual value out of the address.
            params._query_params.pop(binding.param_key, None)
        elif not _is_in_address(params, binding.param_key, value, metadata):
            params._query_params[binding.param_key] = _for_address(value, metadata)
    return params._query_params != before


def _is_in_address(params: QueryParams, key: str, value: Any, metadata: WidgetMetadata[Any]) -> bool:
    """Whether the address already means this value; the browser may write a number in other digits."""
    if key not in params._query_params:
        return False
    try:
        return metadata.deserializer(parse_url_param(params._query_params[key], metadata.value_type)) == value
    except (ValueError, TypeError, IndexError, OverflowError):
        return False


def _for_address(value: Any, metadata: WidgetMetadata[Any]) -> str | list[str]:
    serialized = metadata.serializer(value)
    # An empty text is how the browser writes that a person has emptied the widget.
    return "" if serialized in (None, []) else _coerce_value_for_query_url(serialized, metadata.value_type)
