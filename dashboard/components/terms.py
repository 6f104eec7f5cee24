"""Marks beside terms: a term's sentence in the help of what it names, with a link to the glossary.

The sentences stand in the guide's glossary and nowhere else. Where a heading, a control or a column names a term for
the first time on a page, its help is `explained(help, term)`: Streamlit then draws its question mark, and `data_table`
underlines the head of the column.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from mnist_core.text import in_html

GLOSSARY = "glossary"
_FILE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "glossary.md"
_ENTRY = re.compile(r"^- \*\*(.+?)\*\*: (.+)$", re.MULTILINE)
_LINK = re.compile(rf"^\*\*\[(.+?)\]\(({GLOSSARY}\?term=.+?)\)\*\*: (.+)$")


@cache
def glossary() -> Mapping[str, str]:
    """What each term means, in the order of the guide; empty where the guide is not there."""
    return dict(_ENTRY.findall(_FILE.read_text(encoding="utf-8"))) if _FILE.is_file() else {}


def explained(help: str, *terms: str) -> str:
    """A help text, as Markdown, with the sentences of these terms of the glossary below it and links to them."""
    sentences = [
        f"**[{term}]({GLOSSARY}?term={address_of(term)})**: {glossary()[term]}" for term in terms if term in glossary()
    ]
    return "\n\n".join([*filter(None, [help]), *sentences])


def address_of(term: str) -> str:
    """A term as it stands in an address: "interval-95"."""
    return re.sub(r"[^a-z0-9]+", "-", term.lower()).strip("-")


def without_terms(help: str) -> tuple[str, list[tuple[str, str, str]]]:
    """A help text without what `explained` has added, and that as term, sentence and link of each."""
    paragraphs = help.split("\n\n")
    explanations = [match.groups() for match in map(_LINK.match, paragraphs) if match]
    rest = [paragraph for paragraph in paragraphs if not _LINK.match(paragraph)]
    return "\n\n".join(rest), [(term, sentence, link) for term, link, sentence in explanations]


def marked_html(text: str, term: str) -> str:
    """A text as HTML that is a link to its term in the glossary, with the sentence as its title.

    The text alone, where the glossary is not there.
    """
    if term not in glossary():
        return in_html(text)
    link = f'href="{GLOSSARY}?term={address_of(term)}" target="_blank" rel="noopener"'
    return f'<a class="term" {link} title="{in_html(glossary()[term])}">{in_html(text)}</a>'
