"""What each section means: the guide's own words, the formula behind it, and a question for the class."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import streamlit as st

_GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide"
_PICTURE = re.compile(r"!\[[^\]]*\]\([^)]*\)\n*")
# Links of the guide lead to other files of it, which the app does not serve.
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")


@dataclass(frozen=True)
class Meaning:
    """What a section means."""

    # A page of the guide without its ending, and the heading of the part, or the bold beginning of the list entry.
    page: str
    part: str
    # In plain signs, as a textbook would write it on one line.
    formula: str
    # What a teacher may ask a class before showing the section.
    question: str


def show_meaning(about: str, meaning: Meaning) -> None:
    """A button that opens what the section answers, the guide's part, the formula and the question."""
    with st.popover("What does this mean?", type="tertiary", help="The guide, the formula, a question for the class."):
        st.caption(about)
        if text := guide_part(meaning.page, meaning.part):
            st.markdown(text)
        st.markdown(f"**Formula.** {meaning.formula}")
        st.markdown(f"**A question for the class.** {meaning.question}")


def show_glossary() -> None:
    """A button that opens the explanation of every word."""
    with st.popover("Words", type="tertiary", help="What the words on these pages mean."):
        st.markdown(guide_part("glossary", "Glossary"))


@cache
def guide_part(page: str, part: str) -> str:
    """A part of the guide as Markdown without pictures and links; "" where the guide is not there."""
    path = _GUIDE / f"{page}.md"
    if not path.is_file():
        return ""
    text = _LINK.sub(r"\1", _PICTURE.sub("", path.read_text(encoding="utf-8")))
    return _under_heading(text, part) or _list_entry(text, part)


def _under_heading(text: str, heading: str) -> str:
    """From the line after a heading to the next heading."""
    match = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    return match[1].strip() if match else ""


def _list_entry(text: str, beginning: str) -> str:
    """An entry of a list, with the entries below it."""
    match = re.search(
        rf"^- ([^\n]*\*\*{re.escape(beginning)}\*\*.*?)(?=^- |^#|^\n\S|\Z)", text, re.MULTILINE | re.DOTALL
    )
    return re.sub(r"^  ", "", match[1].strip(), flags=re.MULTILINE) if match else ""
