"""Values of a link that a widget cannot have: the widget keeps its usual value, and the page says which and why.

Streamlit hands the values in an address to the widgets that are bound to it. It drops a value that it cannot use
without a message: somebody who opens a link with too many epochs would train something else than was meant. An infinite
whole number ends the page. The one method of Streamlit that does this is wrapped here.
"""

import sys
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import streamlit as st
from streamlit.runtime.state.common import WidgetMetadata
from streamlit.runtime.state.query_params import is_empty_url_value, parse_url_param
from streamlit.runtime.state.session_state import SessionState

from mnist_core.config import FieldInfo, RunConfig, format_value, list_config_fields
from mnist_core.errors import ConfigError
from mnist_core.text import brief, in_markdown

# Keys of the session: messages by the key of the widget, messages that were shown, keys that pages have checked.
_REFUSED = "link:refused"
_SHOWN = "link:shown"
_CHECKED = "link:checked"
# The most messages that are shown at once.
_MAX_MESSAGES = 5
# The most letters of a value that a message repeats.
_MAX_LETTERS = 40
# The most digits of a number that a link may hold, so that it fits into 64 bits.
_MAX_DIGITS = 18

_seed = SessionState._seed_widget_from_url


def report_refused_values() -> None:
    """From now on, note every widget that cannot have its value from the address; no value ends the page any more."""
    SessionState._seed_widget_from_url = _seed_and_check


def check_link_value(key: str, label: str, is_possible: Callable[[str], bool] | None = None) -> None:
    """Note a link's value that cannot be used, for a parameter that a page reads from the address by itself.

    Call it before the page reads the value. Without `is_possible` the page reports unknown values itself, and this
    notes only several values in place of one. Only the first call in a session checks: later the page has written the
    address.
    """
    checked: set[str] = st.session_state.setdefault(_CHECKED, set())
    values = st.query_params.get_all(key)
    is_first = key not in checked
    checked.add(key)
    if not is_first or not any(values):
        return
    if len(values) > 1:
        _note(st.session_state, key, label, ", ".join(values), ": only one value is possible. See which, or change it.")
    elif is_possible is not None and not is_possible(values[0]):
        _note(st.session_state, key, label, values[0], ": it is not here. The usual value is used.")


def check_link_values(key: str, label: str, is_possible: Callable[[str], bool], most: int) -> None:
    """Like `check_link_value`, for a parameter that may stand in the address up to `most` times."""
    checked: set[str] = st.session_state.setdefault(_CHECKED, set())
    if key in checked:
        return
    checked.add(key)
    values = [value for value in st.query_params.get_all(key) if value]
    refused = [value for value in values if not is_possible(value)]
    rest = [value for value in values if is_possible(value)]
    if refused:
        remedy = ": it is not here. " + ("The others are used." if rest else "The usual value is used.")
        _note(st.session_state, key, label, ", ".join(refused), remedy)
    elif len(rest) > most:
        _note(
            st.session_state,
            key,
            label,
            ", ".join(rest[most:]),
            f": at most {most} are possible, so they are left out.",
        )


def show_refused_values() -> None:
    """Show which values of the link could not be used; to be called once the page's widgets have been drawn."""
    shown_before: set[str] = st.session_state.setdefault(_SHOWN, set())
    refused: dict[str, str] = st.session_state.get(_REFUSED, {})
    messages = [message for message in refused.values() if message not in shown_before]
    for message in messages[:_MAX_MESSAGES]:
        st.toast(in_markdown(message), icon="⚠️", duration="long")
    if len(messages) > _MAX_MESSAGES:
        more = len(messages) - _MAX_MESSAGES
        st.toast(f"{more} more values of this link cannot be used.", icon="⚠️", duration="long")
    shown_before.update(messages)


def parse_numbers(texts: Iterable[str]) -> list[int]:
    """The texts that are whole numbers in plain digits; the others are left out, because a link may hold anything."""
    return [int(text) for text in texts if text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS]


def text_widget_value(key: str) -> str:
    """The value of a text widget that is bound to the address, also before the widget is drawn."""
    return st.session_state.get(key, st.query_params.get(key, ""))


def _seed_and_check(
    self: SessionState, metadata: WidgetMetadata[Any], user_key: str, widget_id: str, url_value: str | list[str]
) -> bool:
    if is_empty_url_value(url_value):
        return _seed(self, metadata, user_key, widget_id, url_value)
    is_exact = _stays_exact(metadata, url_value)
    if is_exact and (seeded := _seed(self, metadata, user_key, widget_id, url_value)):
        refused = _refused_values(url_value, metadata.serializer(self[user_key]))
    else:
        seeded = False
        self.query_params.remove_param(user_key)
        refused = [] if is_exact and _is_usual(metadata, url_value) else _as_list(url_value)
    if refused:
        _note(self, user_key, _label(user_key), ", ".join(refused), _remedy(user_key, refused, partly=seeded))
    return seeded


def _stays_exact(metadata: WidgetMetadata[Any], url_value: str | list[str]) -> bool:
    """Whether the widget would get exactly the link's value: no fraction cut off, not one picked out of several."""
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
            # Names of options: only the widget knows which exist, so they are checked after it has taken them.
            return True
        value = metadata.deserializer(parsed)
        if metadata.value_type == "double_value" and isinstance(value, int):
            # Parsing as a float has cut digits off a large number, so the text itself is compared.
            return Decimal(texts[-1]) == value
        again = metadata.serializer(value)
        return list(again) == list(parsed) if is_list else isinstance(parsed, str) or again == parsed
    except (ValueError, TypeError, IndexError, OverflowError, ArithmeticError):
        return False


def _is_plain(text: str) -> bool:
    """Whether a number is written in plain digits; Python also accepts digits of other scripts, and 1_000."""
    return text.isascii() and "_" not in text


def _is_usual(metadata: WidgetMetadata[Any], url_value: str | list[str]) -> bool:
    """Whether the value is the widget's usual one, which Streamlit leaves out of the address."""
    try:
        usual = metadata.serializer(metadata.deserializer(None))
        parsed = parse_url_param(url_value, metadata.value_type)
        return parsed == usual or metadata.serializer(metadata.deserializer(parsed)) == usual == parsed
    except (ValueError, TypeError, IndexError, OverflowError):
        return False


def _refused_values(url_value: str | list[str], accepted: Any) -> list[str]:
    """Which of several values the widget has not accepted."""
    if not isinstance(accepted, list | tuple) or not all(isinstance(value, str) for value in accepted):
        return []
    return [text for text in _as_list(url_value) if text and text not in accepted]


def _as_list(url_value: str | list[str]) -> list[str]:
    return [url_value] if isinstance(url_value, str) else list(url_value)


def _label(key: str) -> str:
    """The label of the widget that is being drawn: only the arguments of Streamlit's function for it hold the label."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_locals.get("key") == key and isinstance(label := frame.f_locals.get("label"), str):
            return label
        frame = frame.f_back
    return key.replace("_", " ").capitalize()


def _note(state: Any, key: str, label: str, value: str, remedy: str) -> None:
    message = f"{label} cannot be {brief(value, _MAX_LETTERS)!r}, as this link says{remedy}"
    refused: dict[str, str] = state[_REFUSED] if _REFUSED in state else {}  # noqa: SIM401  it has no get
    state[_REFUSED] = {**refused, key: message}


def _remedy(key: str, values: list[str], partly: bool) -> str:
    """Why a link's value cannot be used, and which value is used instead."""
    if partly:
        return ". The other values are used; change them here."
    if len(values) > 1:
        return ": only one value is possible. The usual one is used; change it here."
    field = next((field for field in list_config_fields() if field.name == key), None)
    usual = f"It stays {format_value(field.default)}" if field else "The usual value is used"
    return f"{_reason(field, values[0])}. {usual}; change it here."


def _reason(field: FieldInfo | None, text: str) -> str:
    """Why a field of RunConfig cannot have this value, with the values that it may have."""
    if field is None:
        return ""
    if field.kind in ("int", "float") and not _is_plain(text):
        return ": write it in plain digits, such as 1000"
    try:
        RunConfig.parse({field.name: text})
    except ConfigError as error:
        return f": {error.reason}" if error.reason and error.field == field.name else ""
    return ""
