"""Databases as earlier versions of the program made them."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from mnist_core.config.run_config import RunConfig
from mnist_core.store.schema import PAGE_INDEXES, SCHEMA_VERSION, metadata
from tests.postgres_server import PostgresServer

# Stores of versions 6 and 7, written by the programs of their time: runs with what they measured, and where.
_SCHEMAS = {version: Path(__file__).with_name(f"schema_{version}.sql") for version in (6, 7)}

# Columns and tables that each version has added.
ADDED_COLUMNS = {
    2: ["sweep"],
    3: ["data"],
    5: ["pid_start", "trouble"],
    7: ["recorded"],
    8: ["rules"],
    9: ["luck"],
    10: ["comment"],
    11: ["owner", "shared"],
    12: ["dataset", "architecture", "words"],
}
ADDED_TABLES = {2: ["sweeps"], 4: ["fingerprints"], 7: ["measurements"], 11: ["people", "votes", "polls", "drawings"]}
# The table of measurements before version 7.
_METRICS = (
    "CREATE TABLE metrics (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, run INTEGER NOT NULL, step INTEGER NOT NULL, "
    "epoch INTEGER NOT NULL, name TEXT NOT NULL, value FLOAT, special TEXT, seconds FLOAT NOT NULL, "
    "FOREIGN KEY(run) REFERENCES runs (number) ON DELETE CASCADE)",
    "CREATE INDEX metrics_by_run ON metrics (run, id)",
)


def write_old(path: Path, version: int) -> None:
    """Write a database with one run in an old schema, in the rollback mode that a copied database has."""
    path.parent.mkdir(parents=True)
    new = sa.create_engine(f"sqlite:///{path}")
    metadata.create_all(new)
    new.dispose()
    config = json.dumps(RunConfig().model_dump(mode="json"))
    with closing(sqlite3.connect(path)) as connection, connection:
        bring_back(connection, version)
        connection.execute(
            "INSERT INTO runs (id, name, tags, state, config, digest, note, created, epoch, step, seconds) "
            "VALUES ('0', 'kept', '[]', 'finished', ?, ?, '', 1.0, 1, 1, 1.0)",
            (config, RunConfig().digest()),
        )


def bring_back(connection: sqlite3.Connection, version: int) -> None:
    """Make an older schema of today's, without what was measured."""
    for later in range(SCHEMA_VERSION, version, -1):
        if later == 12:
            for name in {index.name for index in PAGE_INDEXES}:
                connection.execute(f"DROP INDEX {name}")
        if later == 11:
            for statement in ("DROP INDEX runs_by_state", "CREATE INDEX runs_by_state ON runs (state, queued)"):
                connection.execute(statement)
        for table in ADDED_TABLES.get(later, []):
            connection.execute(f"DROP TABLE {table}")
        for column in ADDED_COLUMNS.get(later, []):
            connection.execute(f"DROP INDEX IF EXISTS runs_by_{column}")
            connection.execute(f"ALTER TABLE runs DROP COLUMN {column}")
        if later == 11:
            connection.execute("ALTER TABLE sweeps DROP COLUMN owner")
        if later == 8:
            connection.execute("ALTER TABLE runs RENAME COLUMN devices TO device")
        if later == 7:
            for statement in _METRICS:
                connection.execute(statement)
    connection.execute("INSERT OR REPLACE INTO lab VALUES ('schema', ?)", (str(version),))


def write_schema(path: Path, version: int) -> None:
    """Write a store of version 6 or 7."""
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_SCHEMAS[version].read_text(encoding="utf-8"))


def write_large_schema_6(path: Path, doublings: int) -> None:
    """Write a store of version 6 where the values of the first run are doubled so many times."""
    write_schema(path, 6)
    with closing(sqlite3.connect(path)) as connection, connection:
        columns = "run, step, epoch, name, value, special, seconds"
        for _ in range(doublings):
            connection.execute(f"INSERT INTO metrics ({columns}) SELECT {columns} FROM metrics WHERE run = 1")


def bring_back_server(server: PostgresServer, database: str) -> None:
    """Make schema 10 of today's in a database on a server, which was the first that one could hold."""
    for statement in (
        *(f"DROP TABLE {table} CASCADE" for table in ADDED_TABLES[11]),
        *(f"DROP INDEX {name}" for name in {index.name for index in PAGE_INDEXES}),
        # The indexes that name them go, too.
        *(f"ALTER TABLE runs DROP COLUMN {column}" for column in [*ADDED_COLUMNS[12], *ADDED_COLUMNS[11]]),
        "CREATE INDEX runs_by_state ON runs (state, queued)",
        "ALTER TABLE sweeps DROP COLUMN owner",
        "UPDATE lab SET value = '10' WHERE key = 'schema'",
    ):
        server.execute(statement, database)
