"""The columns of a run that pages of runs are found by: its data set, its architecture, and the words of a search.

They repeat what stands in the config, the name and the tags, because a database cannot look for that quickly in JSON.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from mnist_core.config import RunConfig
from mnist_core.store.dialects import as_bytes
from mnist_core.store.schema import PAGE_INDEXES, runs

# PostgreSQL refuses rows of an index above 2,704 bytes.
_MOST_LETTERS, _MOST_BYTES = 500, 2_400
# How many rows the migration reads at once.
_ROWS = 1_000


def page_columns(name: str, tags: Iterable[str], dataset: str, architecture: str) -> dict[str, str]:
    """The columns `dataset`, `architecture` and `words` of a run."""
    # What the filter of the table of runs searches, but for number and state, which are columns. The architecture
    # may be too long, so it comes last.
    words = " ".join([name, *tags, dataset, architecture]).lower()
    return {
        "dataset": dataset,
        "architecture": architecture_key(architecture),
        "words": words.encode(errors="replace")[:_MOST_BYTES].decode(errors="ignore"),
    }


def architecture_key(architecture: str) -> str:
    """The value of the column `architecture`: the text itself, or its SHA-256 if it is too long for an index."""
    if len(architecture) <= _MOST_LETTERS:
        return architecture
    return hashlib.sha256(architecture.encode(errors="replace")).hexdigest()


def renew_page_columns(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> None:
    """Write the columns of all rows that fit, from their config, name and tags as they are now."""
    columns = (as_bytes(runs.c[name]).label(name) for name in ("name", "tags", "config"))
    rows = connection.execute(sa.select(runs.c.number, *columns).where(*conditions)).all()
    changes = [{"changed": row.number, **_read(row.name, row.tags, row.config)} for row in rows]
    if changes:
        change = runs.update().where(runs.c.number == sa.bindparam("changed"))
        connection.execute(
            change.values({name: sa.bindparam(name) for name in changes[0].keys() - {"changed"}}), changes
        )


def add_page_columns(connection: sa.Connection) -> None:
    """Fill the columns of every run, and make their indexes: a part of the migration."""
    last = connection.execute(sa.select(sa.func.max(runs.c.number))).scalar() or 0
    for first in range(1, last + 1, _ROWS):
        renew_page_columns(connection, runs.c.number.between(first, first + _ROWS - 1))
    for index in PAGE_INDEXES:
        # Of two indexes with one name only that of this kind of database is made.
        index.create(connection)


def _read(name: bytes | None, tags: bytes | None, config: bytes | None) -> dict[str, str]:
    """The columns from those that they repeat, as bytes; what cannot be read of these is left out."""
    settings, usual = _parsed(config, dict), RunConfig()
    texts = [settings.get(field, getattr(usual, field)) for field in ("dataset", "architecture")]
    dataset, architecture = (text if settings and isinstance(text, str) else "" for text in texts)
    readable = [tag for tag in _parsed(tags, list) if isinstance(tag, str)]
    return page_columns(bytes(name or b"").decode(errors="replace"), readable, dataset, architecture)


def _parsed(text: bytes | None, kind: type) -> Any:
    try:
        value = json.loads(bytes(text or b""))
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, kind) else kind()
