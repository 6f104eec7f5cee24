"""Every term of the glossary has a mark beside what it names on some page, and every mark explains a term."""

import ast
from collections.abc import Iterator
from pathlib import Path

from dashboard.compare.sections import SECTIONS
from dashboard.components import address_of, explained, glossary, without_terms
from dashboard.controls.forms import FIELD_TERMS
from mnist_core.config.fields import list_config_fields

ROOT = Path(__file__).parents[2]


def _named_in_calls() -> Iterator[str]:
    """The terms of all calls of `explained`."""
    for path in [*(ROOT / "dashboard").rglob("*.py"), *(ROOT / "pages").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "explained":
                yield from (str(term.value) for term in node.args[1:] if isinstance(term, ast.Constant))


def test_every_term_is_marked_somewhere_and_every_mark_explains_a_term() -> None:
    marked = {
        *_named_in_calls(),
        *(term for terms in FIELD_TERMS.values() for term in terms),
        *(term for section in SECTIONS.values() for term in section.terms),
    }
    assert marked == set(glossary())
    assert set(FIELD_TERMS) <= {field.name for field in list_config_fields()}


def test_terms_have_addresses_of_their_own() -> None:
    assert len({address_of(term) for term in glossary()}) == len(glossary()) > 30


def test_a_help_text_comes_apart_into_text_and_terms() -> None:
    help, terms = without_terms(explained("One.\n\nTwo.", "p", "Interval (95 %)"))
    assert help == "One.\n\nTwo."
    assert terms == [
        ("p", glossary()["p"], "glossary?term=p"),
        ("Interval (95 %)", glossary()["Interval (95 %)"], "glossary?term=interval-95"),
    ]
    assert explained("Only this.") == "Only this."
