"""From texts to data: devices, versions and rules of runs, as before version 8 and since."""

import json
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Text

from mnist_core.config import TrainingRules, devices_from_text, devices_json, versions_from_text, without_rules
from mnist_core.store import history
from mnist_core.store.schema import fingerprints, runs


def parse_devices(connection: sa.Connection) -> None:
    """Bring the columns of every run up to date, and the fingerprint of its results where that still fits them.

    A run that was changed from outside stays shown as changed, and one that could not be read before cannot be read
    after.
    """
    # Databases from before version 4 have none.
    fingerprints.create(connection, checkfirst=True)
    for number in connection.execute(sa.select(runs.c.number)).scalars().all():
        row = _as_stored(connection, number)
        is_text = not any(isinstance(value, bytes) for value in row.values())
        kept = history.read_fingerprints(connection, number).get(history.OF_ROW) if is_text else None
        unchanged = kept is not None and kept.startswith(history.results_before_8(row))
        text = row["devices"]
        values: dict[str, Any] = {"devices": devices_json(devices_from_text(text))} if isinstance(text, str) else {}
        values |= _versions(row["versions"])
        if values:
            connection.execute(runs.update().where(runs.c.number == number).values(**values))
        if unchanged:
            history.replace_results(connection, number)


def _as_stored(connection: sa.Connection, number: int) -> dict[str, Any]:
    """The results and labels of a run as they are stored, JSON as its text, and as bytes what is no valid text.

    SQLite is asked for the bytes of texts, because an error within a transaction would end it.
    """
    # Later versions add columns that the table does not have yet.
    kept = [runs.c[name] for name in history.FINGERPRINTED]
    columns = [sa.type_coerce(column, Text) if isinstance(column.type, sa.JSON) else column for column in kept]
    if connection.dialect.name == "sqlite":
        columns = [
            sa.case(
                (sa.func.typeof(column) == "text", sa.cast(column, sa.LargeBinary)),
                else_=sa.type_coerce(column, sa.types.NullType()),
            )
            for column in columns
        ]
    values = connection.execute(sa.select(*columns).where(runs.c.number == number)).one()
    return {column.name: _as_text(value) for column, value in zip(kept, values, strict=True)}


def _as_text(value: Any) -> Any:
    try:
        return value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return value


def versions_json(versions: dict[str, str]) -> dict[str, Any]:
    """The columns `versions` and `rules` of what stood in one object of texts."""
    return {
        "versions": {name: list(versions_from_text(text)) for name, text in without_rules(versions).items()},
        "rules": asdict(TrainingRules.from_texts(versions)),
    }


def _versions(text: Any) -> dict[str, Any]:
    """The columns of a stored text; none where it is no object of texts, so that it stays as unreadable as it was."""
    try:
        versions = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return {}
    if not isinstance(versions, dict) or not all(isinstance(value, str) for value in versions.values()):
        return {}
    return versions_json(versions)
