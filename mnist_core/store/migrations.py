"""Creates or migrates the database of runs exactly once, even if many processes open it at the same time."""

import contextlib
from pathlib import Path

import sqlalchemy as sa

from mnist_core.errors import StorageError
from mnist_core.store.artifacts import RUN_FOLDER, replaced_folders
from mnist_core.store.connections import file_of, use_write_ahead_log, wait_long, writing
from mnist_core.store.database_copies import copy_before_migration
from mnist_core.store.device_rows import parse_devices
from mnist_core.store.failures import DOCTOR, system_errors
from mnist_core.store.measurement_rows import fill_measurements
from mnist_core.store.page_columns import add_page_columns
from mnist_core.store.schema import (
    CHANGES,
    DEVICES_SINCE,
    MEASUREMENTS_SINCE,
    PAGES_SINCE,
    SCHEMA_VERSION,
    first_tables,
    lab,
    metadata,
)
from mnist_core.store.soundness import as_version

# How long to wait while another process copies and migrates a large database.
_COPY_SECONDS = 600


def begin_file(path: Path, results: Path) -> None:
    """Create the file of a new SQLite database, readable only by its owner, unless it is there.

    Raises StorageError if the results folder holds runs: their database is missing, and an empty one in its place would
    look as if they had never been.
    """
    with system_errors(path, "opened"):
        runs = [child.name for child in results.iterdir() if RUN_FOLDER.fullmatch(child.name)]
        if path.is_file() and path.stat().st_size:
            return
        if runs:
            state = "empty" if path.is_file() else "not there"
            folders = f"{len(runs)} run{'s' * (len(runs) > 1)}"
            raise StorageError(
                f"The database {path} is {state}, but {results} holds the files of {folders}. {DOCTOR} For a new start "
                "name another folder in MNIST_LAB_RESULTS.",
                "missing",
            )
        if aside := replaced_folders(results):
            raise StorageError(
                f"The database {path} is not there: a restoring was cut short. Repeat it (`python -m mnist_core "
                f"restore`); what was there before is in {aside[-1]}. {DOCTOR}",
                "missing",
            )
        path.touch(mode=0o600)


def migrate(engine: sa.Engine, results: Path) -> None:
    """Create the tables of a new database; copy an older one into `results`/backups and migrate it to this version.

    Raises StorageError if a newer program wrote it, or it is no database of runs.
    """
    with engine.connect() as connection:
        version = version_of(connection)
    # The database can still be read without the log; the first write will report what is wrong.
    with contextlib.suppress(StorageError):
        use_write_ahead_log(engine)
    if version == SCHEMA_VERSION:
        return
    with writing(engine).connect() as connection:
        # Take the connection out of the pool, because its long timeout is only for the migration.
        connection.detach()
        wait_long(connection, _COPY_SECONDS)
        # This takes the write lock: one process migrates, and the others then find it done.
        with connection.begin():
            version = version_of(connection)
            if version == SCHEMA_VERSION:
                return
            path = file_of(engine.url)
            if version is not None and path is not None:
                copy_before_migration(path, results, version)
            bring_up_to_date(connection, version)


def bring_up_to_date(connection: sa.Connection, version: int | None) -> None:
    """Migrate a database of this version, or create the tables of an empty one (None), within the transaction."""
    if version is not None:
        for step in range(version + 1, SCHEMA_VERSION + 1):
            for statement in CHANGES[step]:
                connection.exec_driver_sql(statement)
            if step == MEASUREMENTS_SINCE:
                fill_measurements(connection)
            if step == DEVICES_SINCE:
                parse_devices(connection)
            if step == PAGES_SINCE:
                add_page_columns(connection)
        connection.execute(lab.delete().where(lab.c.key == "schema"))
    metadata.create_all(connection)
    connection.execute(lab.insert().values(key="schema", value=str(SCHEMA_VERSION)))


def version_of(connection: sa.Connection) -> int | None:
    """The version of a database; None if it has no table. Raises StorageError if it cannot be used."""
    name = _name(connection.engine.url)
    tables = set(sa.inspect(connection).get_table_names())
    if not tables:
        return None
    if "lab" not in tables:
        raise StorageError(
            f"{name} lacks the table lab: it is damaged, or another program's. {DOCTOR} Or name another "
            "one in MNIST_LAB_DATABASE.",
            "incomplete",
        )
    value = connection.execute(sa.select(lab.c.value).where(lab.c.key == "schema")).scalar()
    version = as_version(value)
    if version is None:
        raise StorageError(f"{name} does not say its version: it is damaged. {DOCTOR}", "damaged")
    if version > SCHEMA_VERSION:
        raise StorageError(
            f"{name} was written by a newer MNIST Lab (schema {value}, this one knows {SCHEMA_VERSION}). "
            "Update MNIST Lab, or name another folder in MNIST_LAB_RESULTS."
        )
    if version < SCHEMA_VERSION and (missing := sorted(first_tables(version).keys() - tables)):
        raise StorageError(f"{name} lacks the table {missing[0]}. {DOCTOR}", "incomplete")
    return version


def _name(url: sa.URL) -> str:
    path = file_of(url)
    return "The database of MNIST_LAB_DATABASE" if path is None else f"The database {path}"
