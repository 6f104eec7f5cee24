"""Connections to the database of runs: its address, the settings of SQLite, and no accidental new file."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from mnist_core import environment
from mnist_core.environment import full_path
from mnist_core.errors import PathError, StorageError
from mnist_core.store import failures, servers
from mnist_core.store.stored_values import storable_json

# How long a connection waits for another process that writes.
LOCK_SECONDS = 30.0

PLAIN = "Leave MNIST_LAB_DATABASE empty for runs.db in the results folder, or name a file: sqlite:////full/path/runs.db"


def address(url: str) -> sa.URL:
    """Check a database's address and make the path of an SQLite file absolute. Raises StorageError or PathError."""
    try:
        parsed = sa.make_url(url)
    except (exc.ArgumentError, ValueError):
        raise StorageError(f"MNIST_LAB_DATABASE is not the address of a database. {PLAIN}") from None
    if servers.is_server(parsed):
        return servers.server_address(parsed)
    if parsed.get_backend_name() != "sqlite":
        raise StorageError(
            f"MNIST_LAB_DATABASE asks for {parsed.drivername}, which is no kind of database that this program knows. "
            f"{PLAIN}"
        )
    text = parsed.database or ""
    if text in ("", ":memory:"):
        raise StorageError(f"MNIST_LAB_DATABASE names no file: other processes could not see the runs. {PLAIN}")
    if parsed.query or text.startswith("file:"):
        raise StorageError(f"MNIST_LAB_DATABASE holds more than the path of a file. {PLAIN}")
    path = full_path(text, "MNIST_LAB_DATABASE")
    return parsed.set(drivername="sqlite", database=str(path))


def same_database(url: str, other: str) -> bool:
    """Whether two addresses name the same database, such as postgres:// and postgresql:// with all else equal."""
    try:
        return url == other or address(url) == address(other)
    except (StorageError, PathError):
        return False


def file_of(url: sa.URL) -> Path | None:
    """The file of an SQLite database; None for a database on a server."""
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def connect(url: sa.URL) -> sa.Engine:
    """An engine on an existing database, all of whose errors are StorageErrors. Raises StorageError.

    It never creates the file of an SQLite database, and notices if that was removed or replaced.
    """
    path = file_of(url)
    # Do not limit the pool: if there are many threads, they should wait for the database's lock, not for a connection.
    options: dict[str, Any] = {"hide_parameters": True, "max_overflow": -1, "json_serializer": storable_json}
    options |= servers.engine_options(url, LOCK_SECONDS) if path is None else {"creator": _opener(path)}
    try:
        engine = sa.create_engine(url, **options)
    except ImportError:
        raise StorageError(
            "MNIST_LAB_DATABASE asks for PostgreSQL, whose driver is not installed. Install it with `python -m pip "
            f"install -r {environment.CLUSTER_REQUIREMENTS}`. Or leave MNIST_LAB_DATABASE empty for runs.db in "
            "the results folder."
        ) from None
    failures.listen(engine, path)
    if path is None:
        servers.listen(engine)
    else:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        _watch(engine, path)
    return engine


def writing(engine: sa.Engine, *, durable: bool = True, in_turn: bool = True) -> sa.Engine:
    """The engine for writes: transactions take the write lock at once, and if `durable`, commits wait for the disk.

    Without `in_turn` a server does not let the transaction wait for others: for one that changes only rows that its
    first statement locks. In SQLite all take turns.
    """
    if file_of(engine.url) is None:
        return engine.execution_options(**servers.write_options(durable, in_turn))
    return engine.execution_options(write="FULL" if durable else "NORMAL")


def wait_long(connection: sa.Connection, seconds: float) -> None:
    """Let this connection, which is out of its pool, wait so long for the write lock."""
    if file_of(connection.engine.url) is None:
        servers.wait_long(connection, seconds)
    else:
        connection.connection.cursor().execute(f"PRAGMA busy_timeout={1000 * seconds:.0f}")


def use_write_ahead_log(engine: sa.Engine) -> None:
    """Let readers go on while another process writes; the file keeps this mode for good. Raises StorageError."""
    path = file_of(engine.url)
    if path is None:
        return
    with engine.connect() as connection:
        try:
            connection.connection.cursor().execute("PRAGMA journal_mode=WAL")
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise failures.of_database(error, path) or error from None


def _opener(path: Path) -> Callable[[], sqlite3.Connection]:
    def opened() -> sqlite3.Connection:
        if _is_writable(path):
            options = "mode=rw"
        elif _size(_log(path)):
            options = "mode=ro"
        else:
            # SQLite cannot read the file if there is no log and it may not make one, unless told that nobody writes.
            options = "mode=ro&immutable=1"
        address = f"{path.as_uri()}?{options}"
        return sqlite3.connect(address, uri=True, timeout=LOCK_SECONDS, check_same_thread=False)

    return opened


def _watch(engine: sa.Engine, path: Path) -> None:
    """Discard pooled connections to a file that is no longer the one at `path`, because it was removed or replaced.

    SQLite would go on in the removed file, and all that it writes there would be lost.
    """

    def remember(_connection: sqlite3.Connection, record: Any) -> None:
        record.info["file"] = _identity(path)

    def compare(_connection: sqlite3.Connection, record: Any, _proxy: Any) -> None:
        if record.info.get("file") != _identity(path):
            # This error makes the pool open the file that is there now, or fail if there is none.
            raise exc.DisconnectionError()

    event.listen(engine, "connect", remember)
    event.listen(engine, "checkout", compare)


def _identity(path: Path) -> tuple[int, ...] | None:
    """Identity of a file, and for a read-only one also its state, because SQLite would not notice a change of it."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    which = status.st_dev, status.st_ino
    return which if _is_writable(path) else (*which, status.st_mtime_ns, status.st_size, _size(_log(path)))


def _is_writable(path: Path) -> bool:
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _log(path: Path) -> Path:
    """The write-ahead log of a database, which holds the latest writes until SQLite moves them into the database."""
    return path.with_name(f"{path.name}-wal")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # pysqlite would begin transactions too late and lose races for the lock. `_begin_sqlite` begins them instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("foreign_keys=ON", f"busy_timeout={1000 * LOCK_SECONDS:.0f}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    durability = connection.get_execution_options().get("write")
    if durability:
        connection.exec_driver_sql(f"PRAGMA synchronous={durability}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if durability else "BEGIN")
