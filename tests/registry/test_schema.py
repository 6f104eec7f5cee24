"""docs/schema.md describes the tables that a new store has."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from mnist_core.store.schema import CHANGES
from mnist_core.store.store import Store

PAGE = (Path(__file__).parents[2] / "docs" / "schema.md").read_text(encoding="utf-8")


def described() -> dict[str, list[tuple[str, str]]]:
    """For each heading, the first two columns of the table below it."""
    sections = dict(re.findall(r"^## (\w+)$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
    return {name: re.findall(r"^\| (\w+) \| (\w+) \|", text, re.MULTILINE) for name, text in sections.items()}


def test_every_table_and_column_is_described_with_its_type(tmp_path: Path):
    store = Store.open(tmp_path / "results")
    assert store.file
    with closing(sqlite3.connect(store.file)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        tables = {
            name: [(row[1], row[2]) for row in connection.execute(f"PRAGMA table_info({name})")] for (name,) in names
        }
    page = described()
    versions = re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)
    assert {name: page.get(name, [])[1:] for name in tables} == tables
    assert list(map(int, versions)) == list(CHANGES)
