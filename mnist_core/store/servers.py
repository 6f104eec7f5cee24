"""A database on a PostgreSQL server: its address, its connections, and transactions that take turns as in SQLite."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from mnist_core import environment
from mnist_core.errors import StorageError
from mnist_core.store.server_failures import of_server

_DRIVER = "postgresql+psycopg"
_NAMES = ("postgres", "postgresql", _DRIVER)
# What the server calls connections of this program.
_NAME = "mnist-lab"
# The name of the lock that writing transactions take one after the other: eight bytes, as a number.
_TURN = int.from_bytes(b"mnistlab", "big", signed=True)
# Seconds after which a transaction that does nothing is ended, so that a frozen process does not keep others waiting.
_IDLE_SECONDS = 60
_CONNECT_SECONDS = 10
# How soon a connection is given up whose other end is cut off.
_KEEP_ALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60_000}


def is_server(url: sa.URL) -> bool:
    """Whether an address is one of PostgreSQL, whatever its driver."""
    return url.get_backend_name() in ("postgres", "postgresql")


def server_address(url: sa.URL) -> sa.URL:
    """The address with the driver that is used here. Raises StorageError for another driver."""
    if url.drivername not in _NAMES:
        raise StorageError(
            f"MNIST_LAB_DATABASE asks for {url.drivername}, a driver that this program does not use. Write "
            f"{_DRIVER}://user:password@host/database, and install {environment.CLUSTER_REQUIREMENTS}."
        )
    return url.set(drivername=_DRIVER)


def engine_options(url: sa.URL, lock_seconds: float) -> dict[str, Any]:
    """What `create_engine` needs for a server: a lost connection is replaced, and readers see one moment."""
    waits = f"-c lock_timeout={1000 * lock_seconds:.0f} -c idle_in_transaction_session_timeout={1000 * _IDLE_SECONDS}"
    of_address = url.query.get("options", "")
    arguments: dict[str, Any] = {
        "connect_timeout": _CONNECT_SECONDS,
        "application_name": _NAME,
        **_KEEP_ALIVE,
        # What the address says goes first.
        **{name: value for name, value in url.query.items() if isinstance(value, str)},
        "options": f"{waits} {of_address if isinstance(of_address, str) else ''}".strip(),
        # A migration by another process changes what prepared statements were made for.
        "prepare_threshold": None,
    }
    return {
        "connect_args": arguments,
        "pool_pre_ping": True,
        # Several queries of a page must fit each other, as they do in SQLite.
        "isolation_level": "REPEATABLE READ",
    }


def write_options(durable: bool, in_turn: bool) -> dict[str, Any]:
    """Execution options of a transaction that writes.

    One that waits for its turn must see what others have written meanwhile.
    """
    return {"isolation_level": "READ COMMITTED", "write": "FULL" if durable else "NORMAL", "in_turn": in_turn}


def listen(engine: sa.Engine) -> None:
    """Let transactions of this engine that write take turns, as SQLite lets them."""
    event.listen(engine, "begin", _begin)


def wait_long(connection: sa.Connection, seconds: float) -> None:
    """Let this connection, which is out of its pool, wait so long for its turn."""
    connection.connection.cursor().execute(f"SET lock_timeout = {1000 * seconds:.0f}")


def is_open_elsewhere(connection: sa.Connection) -> bool:
    """Whether this program has further connections to the database, from whatever machine."""
    others = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    query = sa.text(f"{others} AND application_name = :name LIMIT 1")
    return connection.execute(query, {"name": _NAME}).first() is not None


def copy_rows(connection: sa.Connection, statement: str, rows: Iterable[Sequence[Any]]) -> None:
    """Hand rows to a statement COPY ... FROM STDIN, by far the quickest way to write many. Raises StorageError."""
    try:
        with connection.connection.cursor().copy(statement) as copy:  # pyright: ignore[reportAttributeAccessIssue]
            for row in rows:
                copy.write_row(row)
    except Exception as error:
        # The driver is used past SQLAlchemy here, which would have turned its errors into ours.
        if any(kind.__name__ == "Error" for kind in type(error).__mro__):
            raise of_server(error) from None
        raise


def _begin(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    if options.get("write") == "NORMAL":
        connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
    if options.get("in_turn"):
        # Who counts and then writes, such as a claim or a quota, must be alone meanwhile.
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_TURN})")
