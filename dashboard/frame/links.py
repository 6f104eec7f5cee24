"""What a link says of a widget and the widget cannot be: it keeps its usual value, and the page says which and why.

Streamlit hands the values of an address to the widgets that are bound to it. What it cannot use it drops without a
word, so that somebody who opens a link with too many epochs would train something else than was meant; and at a whole
number that is infinite it ends the page. Its one method that does this is wrapped here.
"""

import sys
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import streamlit as st
from streamlit.runtime.state.common import WidgetMetadata
from streamlit.runtime.state.query_params import is_empty_url_value, parse_url_param
from streamlit.runtime.state.session_state import SessionState

from mnist_core.config import RunConfig, fields, shown
from mnist_core.errors import ConfigError
from mnist_core.text import in_markdown

# by key of the widget: what is to be told of it, once
_REFUSED = "link:refused"
_TOLD = "link:told"
# keys at whose value a page has looked by itself
_SEEN = "link:seen"
# at once
_SHOWN = 5
# letters of a value
_LENGTH = 40
# The most digits of a number that a link may hold, so that it fits into 64 bits.
_MAX_DIGITS = 18

_seed = SessionState._seed_widget_from_url


def check_links() -> None:
    """From here on a widget that cannot take its value of the address is noted, and none ends the page."""
    SessionState._seed_widget_from_url = _checked


def check_link_value(key: str, label: str, is_possible: Callable[[str], bool] | None = None) -> None:
    """Note a link's value that cannot be used, of what a page reads from the address by itself.

    To be called before the page reads it. Without `is_possible` the page says itself what is not here, and only several
    values in place of one are noted. Only the first look in a session is at a link: later the page writes the address.
    """
    seen: set[str] = st.session_state.setdefault(_SEEN, set())
    given = st.query_params.get_all(key)
    if key in seen or not any(given):
        seen.add(key)
        return
    seen.add(key)
    if len(given) > 1:
        _note(st.session_state, key, label, ", ".join(given), ": it has one value. See which, or change it.")
    elif is_possible is not None and not is_possible(given[0]):
        _note(st.session_state, key, label, given[0], ": there is none here. It stays as it usually is.")


def show_refused_values() -> None:
    """Say which values of the link the page could not use; to be called once its widgets have been drawn."""
    told: set[str] = st.session_state.setdefault(_TOLD, set())
    noted: dict[str, str] = st.session_state.get(_REFUSED, {})
    refused = [sentence for sentence in noted.values() if sentence not in told]
    for sentence in refused[:_SHOWN]:
        st.toast(in_markdown(sentence), icon="⚠️", duration="long")
    if len(refused) > _SHOWN:
        st.toast(f"{len(refused) - _SHOWN} more values of this link cannot be used.", icon="⚠️", duration="long")
    told.update(refused)


def parse_numbers(texts: Iterable[str]) -> list[int]:
    """The texts that are whole numbers in plain digits; the others are left out, because a link may hold anything."""
    return [int(text) for text in texts if text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS]


def text_widget_value(key: str) -> str:
    """The value of a text widget that is bound to the address, also before the widget is drawn."""
    return st.session_state.get(key, st.query_params.get(key, ""))


def _checked(
    self: SessionState, metadata: WidgetMetadata[Any], user_key: str, widget_id: str, url_value: str | list[str]
) -> bool:
    if is_empty_url_value(url_value):
        return _seed(self, metadata, user_key, widget_id, url_value)
    exact = _stays_as_it_is(metadata, url_value)
    if exact and (taken := _seed(self, metadata, user_key, widget_id, url_value)):
        left_out = _left_out(url_value, metadata.serializer(self[user_key]))
    else:
        taken = False
        self.query_params.remove_param(user_key)
        left_out = [] if exact and _is_usual(metadata, url_value) else _as_list(url_value)
    if left_out:
        _note(self, user_key, _label(user_key), ", ".join(left_out), _usual(user_key, left_out, taken))
    return taken


def _stays_as_it_is(metadata: WidgetMetadata[Any], url_value: str | list[str]) -> bool:
    """Whether the widget would have the very value of the link: no fraction cut off, no number of several picked."""
    texts = _as_list(url_value)
    is_list = metadata.value_type.endswith("array_value")
    if len(texts) > 1 and (not is_list or metadata.max_array_length == 1):
        return False
    try:
        parsed = parse_url_param(url_value, metadata.value_type)
        values = parsed if is_list else [parsed]
        if any(isinstance(value, int | float) for value in values) and not all(map(_is_plain, texts)):
            return False
        if is_list and any(isinstance(part, str) for part in parsed):
            # Options by their names: which of them there are is known once they have been taken.
            return True
        value = metadata.deserializer(parsed)
        if metadata.value_type == "double_value" and isinstance(value, int):
            # Of a large number parsing has lost digits.
            return Decimal(texts[-1]) == value
        again = metadata.serializer(value)
        return list(again) == list(parsed) if is_list else isinstance(parsed, str) or again == parsed
    except (ValueError, TypeError, IndexError, OverflowError, ArithmeticError):
        return False


def _is_plain(text: str) -> bool:
    """Whether a number is written in plain digits: Python also reads those of other scripts, and 1_000."""
    return text.isascii() and "_" not in text


def _is_usual(metadata: WidgetMetadata[Any], url_value: str | list[str]) -> bool:
    """Whether the value is the widget's usual one, which Streamlit leaves out of the address."""
    try:
        usual = metadata.serializer(metadata.deserializer(None))
        parsed = parse_url_param(url_value, metadata.value_type)
        return parsed == usual or metadata.serializer(metadata.deserializer(parsed)) == usual == parsed
    except (ValueError, TypeError, IndexError, OverflowError):
        return False


def _left_out(url_value: str | list[str], taken: Any) -> list[str]:
    """Which of several values the widget has not taken."""
    if not isinstance(taken, list | tuple) or not all(isinstance(value, str) for value in taken):
        return []
    return [text for text in _as_list(url_value) if text and text not in taken]


def _as_list(url_value: str | list[str]) -> list[str]:
    return [url_value] if isinstance(url_value, str) else list(url_value)


def _label(key: str) -> str:
    """What the page calls the widget that is being drawn: only Streamlit's function for it knows, in its arguments."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_locals.get("key") == key and isinstance(label := frame.f_locals.get("label"), str):
            return label
        frame = frame.f_back
    return key.replace("_", " ").capitalize()


def _note(state: Any, key: str, label: str, value: str, remedy: str) -> None:
    sentence = f"{label} cannot be {_shortened(value)!r}, as this link says{remedy}"
    before: dict[str, str] = state[_REFUSED] if _REFUSED in state else {}  # noqa: SIM401  it has no get
    state[_REFUSED] = {**before, key: sentence}


def _shortened(text: str) -> str:
    return text if len(text) <= _LENGTH else f"{text[:_LENGTH]}…"


def _usual(key: str, values: list[str], partly: bool) -> str:
    """Why a link's value cannot be used, and what is there instead."""
    if partly:
        return ". The rest of it is used; change it here."
    if len(values) > 1:
        return ": it can have one value. It stays as it usually is; change it here."
    field = next((field for field in fields() if field.name == key), None)
    usual = f"It stays {shown(field.default)}" if field else "It stays as it usually is"
    return f"{_reason(key, values[0])}. {usual}; change it here."


def _reason(key: str, text: str) -> str:
    """Why a field of RunConfig cannot have this value, with what it may be."""
    try:
        RunConfig.parse({key: text})
    except ConfigError as error:
        _, colon, reason = str(error).rpartition("cannot be used: ")
        return f": {reason.replace('input should', 'it should')}" if colon and error.field == key else ""
    return ""
