"""The network picker: all presets by family, each with a small diagram, found by words; one or several are chosen."""

import json
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.components.v2 import component

from dashboard.components import assets

_MOUNT = component(
    "mnist_lab_network_picker",
    html=assets.text("network_picker/network_picker.html"),
    css=assets.text("network_picker/network_picker.css"),
    js=assets.joined("kept.js", "network_picker/network_picker.js"),
)


@dataclass(frozen=True)
class NetworkCard:
    """What the picker shows of one network."""

    name: str
    family: str
    # One line for a reader.
    explanation: str
    source: str
    # The line of layers, in which a search looks, too.
    layers: str
    # An SVG of the app's own, because it becomes part of the page.
    diagram: str
    is_well_known: bool
    # In few words: "expect 98.6 %"; "" if nothing is known.
    accuracy: str = ""
    # What that figure is.
    accuracy_help: str = ""
    # The time of an epoch in few words: "~6 s"; "" if it cannot be told.
    duration: str = ""
    # Where that time is from.
    duration_help: str = ""


def network_picker(
    key: str,
    cards: Sequence[NetworkCard],
    chosen: Sequence[str],
    on_choose: Callable[[list[str], bool], None],
    others: int = 0,
    most: int = 8,
) -> None:
    """Show the cards, grouped by family in their order, and mark the `chosen` names.

    `others` is the number of chosen networks that have no card; with them at most `most` can be chosen. Before the page
    is drawn again, `on_choose` gets the names that a person has chosen (one to `most`, in the order chosen), and
    whether they take the place of the other networks, too.
    """
    answered = _answered_key(key)
    data = {
        "name": key,
        "cards": json.dumps([_card(card) for card in cards], ensure_ascii=False, separators=(",", ":")),
        "chosen": list(chosen),
        "others": others,
        "most": most,
        # While Python has not confirmed the latest choice, the browser's is newer.
        "answered": st.session_state.get(answered, 0),
    }
    names = {card.name for card in cards}
    _MOUNT(key=key, data=data, on_choice_change=lambda: _take_choice(key, names, most, on_choose))


def plain_letters(text: str) -> str:
    """The text in small letters without accents, as the browser's search reads what is typed."""
    return "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter)).lower()


def _card(card: NetworkCard) -> dict[str, Any]:
    words = (card.name, card.family, card.explanation, card.source, card.layers)
    return {
        "name": card.name,
        "family": card.family,
        "about": card.explanation,
        "source": card.source,
        "diagram": card.diagram,
        "known": card.is_well_known,
        "accuracy": card.accuracy,
        "accuracyHelp": card.accuracy_help,
        "duration": card.duration,
        "durationHelp": card.duration_help,
        "words": plain_letters(" ".join(words)),
    }


def _take_choice(key: str, names: set[str], most: int, on_choose: Callable[[list[str], bool], None]) -> None:
    match (st.session_state.get(key) or {}).get("choice"):
        case {"names": list(sent), "alone": bool(alone), "asked": int(number)}:
            st.session_state[_answered_key(key)] = number
            chosen = list(dict.fromkeys(name for name in sent if isinstance(name, str) and name in names))
            if chosen or not sent:
                on_choose(chosen[:most], alone)


def _answered_key(key: str) -> str:
    """Where the session keeps the number of the last choice that was taken from the browser."""
    return f"{key}:answered"
