"""Databases as earlier versions of the program made them."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from mnist_core.config.run_config import RunConfig
from mnist_core.store.schema import SCHEMA_VERSION, metadata

# Columns and tables that each version has added.
ADDED_COLUMNS = {2: ["sweep"], 3: ["data"], 5: ["pid_start", "trouble"]}
ADDED_TABLES = {2: "sweeps", 4: "fingerprints"}


def write_old(path: Path, version: int) -> None:
    """Write a database with one run in an old schema, in the rollback mode that a copied database has."""
    path.parent.mkdir(parents=True)
    new = sa.create_engine(f"sqlite:///{path}")
    metadata.create_all(new)
    new.dispose()
    config = json.dumps(RunConfig().model_dump(mode="json"))
    with closing(sqlite3.connect(path)) as connection, connection:
        for later in range(SCHEMA_VERSION, version, -1):
            if table := ADDED_TABLES.get(later):
                connection.execute(f"DROP TABLE {table}")
            for column in ADDED_COLUMNS.get(later, []):
                connection.execute(f"DROP INDEX IF EXISTS runs_by_{column}")
                connection.execute(f"ALTER TABLE runs DROP COLUMN {column}")
        connection.execute("INSERT INTO lab VALUES ('schema', ?)", (str(version),))
        connection.execute(
            "INSERT INTO runs (id, name, tags, state, config, digest, note, created, epoch, step, seconds) "
            "VALUES ('0', 'kept', '[]', 'finished', ?, ?, '', 1.0, 1, 1, 1.0)",
            (config, RunConfig().digest()),
        )
