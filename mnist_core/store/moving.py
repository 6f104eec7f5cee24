"""Copies a database of runs into another, empty one: from a file to a server, back, or from file to file.

Each side is one transaction. That of the source brings older tables up to date and is rolled back in the end; that of
the target is committed in the end. Whatever comes between leaves the source as it was and the target empty.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import sqlalchemy as sa

from mnist_core.errors import PathError, StorageError, StoreError
from mnist_core.store import rows, servers
from mnist_core.store.connections import PLAIN, address, connect, file_of, use_write_ahead_log, wait_long, writing
from mnist_core.store.failures import system_errors
from mnist_core.store.migrations import bring_up_to_date, version_of
from mnist_core.store.moved_rows import Moved, RowMover
from mnist_core.store.run import Holder
from mnist_core.store.schema import SCHEMA_VERSION, lab, metadata, runs

# How long to wait for other programs that have the file of the source open.
_ALONE_SECONDS = 2.0
_CLOSE = "Close the app and every command that uses it, and move again."


def move_database(
    source: str,
    target: str,
    trains: Callable[[Holder], bool],
    report: Callable[[str, int, int], None] = lambda table, done, total: None,
) -> Moved:
    """Copy the database at the address `source` into an empty one at `target`, of another kind or not.

    `trains` says of a running run whether its process lives: then nothing is copied. `report` is told a table, how many
    of its rows are copied, and of how many. Raises StoreError or PathError, whose messages call the target "URL".
    """
    with about_target():
        target_address = address(target)
    source_address = address(source)
    if source_address == target_address:
        raise StoreError("URL names the database that is in use. Name another one, which is empty.")
    with ExitStack() as opened:
        origin = opened.enter_context(_whole_source(source_address))
        if training := _training(origin, trains):
            numbers = ", ".join(f"#{number}" for number in training)
            raise StoreError(f"Runs are being trained ({numbers}). Wait for them, or stop or pause them. {_CLOSE}")
        copy = opened.enter_context(_empty_target(target_address))
        mover = RowMover(origin, copy, about_target, report)
        for table in metadata.sorted_tables:
            mover.copy_table(table)
        mover.end()
    return mover.moved


@contextmanager
def about_target() -> Iterator[None]:
    """Within this context, errors are about the database that the argument URL names, and not the variable."""
    try:
        yield
    except StorageError as error:
        raise StorageError(_of_argument(error), error.kind) from None
    except PathError as error:
        raise PathError(_of_argument(error)) from None


def _of_argument(error: Exception) -> str:
    text = str(error).replace(PLAIN, "Name a file: sqlite:////full/path/runs.db")
    return text.replace("MNIST_LAB_DATABASE", "URL")


@contextmanager
def _whole_source(url: sa.URL) -> Iterator[sa.Connection]:
    """One moment of the source, brought up to date within this context alone. Raises StoreError if it is in use."""
    engine = connect(url)
    try:
        with writing(engine).connect() as connection:
            _begin_alone(connection)
            version = version_of(connection)
            if version is None:
                raise StoreError("The database in use has no tables: there is nothing to move.")
            if version < SCHEMA_VERSION:
                bring_up_to_date(connection, version)
            yield connection
            connection.rollback()
    finally:
        engine.dispose()


def _begin_alone(connection: sa.Connection) -> None:
    """Begin a transaction beside which nobody writes. Raises StoreError if another program has the database open."""
    is_file = file_of(connection.engine.url) is not None
    if is_file:
        # With a write-ahead log SQLite grants this only if no other program has the file open.
        connection.connection.cursor().execute("PRAGMA locking_mode=EXCLUSIVE")
        wait_long(connection, _ALONE_SECONDS)
    try:
        connection.begin()
        is_open = not is_file and servers.is_open_elsewhere(connection)
    except StorageError as error:
        if error.kind != "locked":
            raise
        is_open = True
    if is_open:
        raise StoreError(f"The database in use is open in another program. {_CLOSE}")


def _training(connection: sa.Connection, trains: Callable[[Holder], bool]) -> list[int]:
    """Numbers of the running runs whose processes live, or of which that cannot be read."""
    numbers = connection.execute(sa.select(runs.c.number).where(runs.c.state == "running")).scalars().all()
    holders = {number: rows.holder(connection, number) for number in numbers}
    return [number for number, holder in holders.items() if holder is None or trains(holder)]


@contextmanager
def _empty_target(url: sa.URL) -> Iterator[sa.Connection]:
    """A transaction on the target with empty tables; committed at the end of this context, undone at an error."""
    path = file_of(url)
    is_new = path is not None and not path.exists()
    with about_target():
        if path is not None and is_new:
            with system_errors(path, "made"):
                path.touch(mode=0o600)
        engine = connect(url)
    try:
        with ExitStack() as opened:
            with about_target():
                connection = opened.enter_context(writing(engine).connect())
                _begin_empty(connection)
            yield connection
            with about_target():
                connection.commit()
    except BaseException:
        engine.dispose()
        if path is not None and is_new:
            path.unlink(missing_ok=True)
        raise
    engine.dispose()


def _begin_empty(connection: sa.Connection) -> None:
    use_write_ahead_log(connection.engine)
    connection.begin()
    version = version_of(connection)
    if version != SCHEMA_VERSION:
        bring_up_to_date(connection, version)
    # Settings alone, as an app makes them at its start, are no loss.
    for table in metadata.sorted_tables:
        if table is not lab and connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            raise StoreError(
                f"The database that URL names is not empty: its table {table.name} has rows. Name an empty one, such "
                "as a new file, or one that `createdb` has made."
            )
    connection.execute(lab.delete())
