"""What a link says of a widget and the widget cannot be: it keeps its usual value, and the page says which and why.

Streamlit hands the values of an address to the widgets that are bound to it. What it cannot use it drops without a
word, so that somebody who opens a link with too many epochs would train something else than was meant; and at a whole
number that is infinite it ends the page. Its one method that does this is wrapped here.
"""

from typing import Any

import streamlit as st
from streamlit.runtime.state.common import WidgetMetadata
from streamlit.runtime.state.query_params import is_empty_url_value, parse_url_param
from streamlit.runtime.state.session_state import SessionState

from mnist_core.config import RunConfig
from mnist_core.errors import ConfigError
from mnist_core.fields import fields, shown
from mnist_core.text import in_markdown

_REFUSED = "link:refused"  # by key of the widget: what the link says; each is told once
_TOLD = "link:told"
_SHOWN = 5  # at once
_LENGTH = 40  # letters of a value

_seed = SessionState._seed_widget_from_url


def check_links() -> None:
    """From here on a widget that cannot take its value of the address is noted, and none ends the page."""
    SessionState._seed_widget_from_url = _checked


def tell_refused() -> None:
    """Say which values of the link the page could not use; to be called once its widgets have been drawn."""
    told: set[str] = st.session_state.setdefault(_TOLD, set())
    refused = {key: value for key, value in st.session_state.get(_REFUSED, {}).items() if key not in told}
    for key, value in list(refused.items())[:_SHOWN]:
        st.toast(in_markdown(_sentence(key, value)), icon="⚠️", duration="long")
    if len(refused) > _SHOWN:
        st.toast(f"{len(refused) - _SHOWN} more values of this link cannot be used.", icon="⚠️", duration="long")
    told.update(refused)


def _checked(
    self: SessionState, metadata: WidgetMetadata[Any], user_key: str, widget_id: str, url_value: str | list[str]
) -> bool:
    try:
        taken = _seed(self, metadata, user_key, widget_id, url_value)
    except OverflowError:  # of an infinite number where a whole one is meant
        self.query_params.remove_param(user_key)
        taken = False
    if not taken and _is_refused(metadata, url_value):
        before: dict[str, str | list[str]] = self[_REFUSED] if _REFUSED in self else {}  # noqa: SIM401  it has no get
        self[_REFUSED] = {**before, user_key: url_value}
    return taken


def _is_refused(metadata: WidgetMetadata[Any], url_value: str | list[str]) -> bool:
    """Whether the value is another one than the widget's usual value, which Streamlit leaves out of the address."""
    if is_empty_url_value(url_value):
        return False
    try:
        usual = metadata.serializer(metadata.deserializer(None))
        return parse_url_param(url_value, metadata.value_type) != usual
    except (ValueError, TypeError, IndexError, OverflowError):
        return True


def _sentence(key: str, value: str | list[str]) -> str:
    text = value if isinstance(value, str) else ", ".join(value)
    field = next((field for field in fields() if field.name == key), None)
    label = field.label if field else key.replace("_", " ").capitalize()
    usual = f"It stays {shown(field.default)}" if field else "It stays as it usually is"
    return f"{label} cannot be {text[:_LENGTH]!r}, as this link says{_reason(key, text)}. {usual}; change it here."


def _reason(key: str, text: str) -> str:
    """Why a field of RunConfig cannot have this value, with what it may be."""
    try:
        RunConfig.parse({key: text})
    except ConfigError as error:
        _, colon, reason = str(error).rpartition("cannot be used: ")
        return f": {reason.replace('input should', 'it should')}" if colon and error.field == key else ""
    return ""
