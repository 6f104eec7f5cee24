"""A PostgreSQL server of the tests' own; `python -m tests.postgres_server --install` fetches Debian's."""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.app_process import free_port
from tests.debian import install_packages, may_install

_USER = "lab"
# Durability is of no use to a test, and most of a small transaction's time.
_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")
# The server refuses to run as root.
_UNPRIVILEGED = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")


def programs() -> Path | None:
    """The folder of Debian's newest server; None if there is none, or only root could start it."""
    found = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    may_start = os.geteuid() != 0 or shutil.which(_UNPRIVILEGED[0])
    return max(found, key=lambda path: float(path.parent.name), default=None) if may_start else None


@dataclass(frozen=True)
class PostgresServer:
    """A running server; `restart` and `stop` keep its databases."""

    programs: Path
    folder: Path
    address: str
    port: int
    password: str

    def url(self, database: str, scheme: str = "postgresql+psycopg") -> str:
        """The address of a database on it, with user and password."""
        return f"{scheme}://{_USER}:{self.password}@{self.address}:{self.port}/{database}"

    def new_database(self, template: str = "template1") -> str:
        """Make an empty database, or a copy of one that nobody has open; returns its name."""
        name = f"lab{next(_NUMBERS)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, database: str) -> None:
        """Remove a database, whoever has it open."""
        self.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Execute a statement outside of a transaction; returns the rows that it gives."""
        import psycopg

        with psycopg.connect(self.url(database, "postgresql"), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return list(cursor.fetchall()) if cursor.description else []

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [f"-c{setting}" for setting in _SETTINGS]
        address = f"-h {self.address} -p {self.port} -k {self.folder}"
        log = self.folder / "server.log"
        self._control("start", "-w", "-l", str(log), "-o", f"{address} {' '.join(options)}")

    def stop(self) -> None:
        """End it at once, with all connections."""
        self._control("stop", "-m", "fast", "-w")

    def restart(self) -> None:
        """End it with all connections, and start it again."""
        self.stop()
        self.start()

    def _control(self, *arguments: str) -> None:
        _run_unprivileged([str(self.programs / "pg_ctl"), "-D", str(self.folder / "data"), *arguments])


@contextmanager
def _running_server(folder: Path, address: str) -> Iterator[PostgresServer]:
    """Make a server in this folder and start it at this address; it ends, and the folder goes, afterwards."""
    found = programs()
    assert found is not None, "no server is installed"
    password = f"pa55w0rd{secrets.token_hex(8)}"
    folder.mkdir()
    file = folder / "password"
    file.write_text(password)
    if os.geteuid() == 0:
        for path in (folder, file):
            shutil.chown(path, "nobody", "nogroup")
    settings = f"-U {_USER} -A scram-sha-256 -E UTF8 --locale=C.UTF-8 --no-sync".split()
    _run_unprivileged([str(found / "initdb"), *settings, "-D", str(folder / "data"), "--pwfile", str(file)])
    with (folder / "data" / "pg_hba.conf").open("a") as rules:
        rules.write(f"host all all {address}/24 scram-sha-256\n")
    server = PostgresServer(found, folder, address, free_port(), password)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def temporary_server(address: str = "127.0.0.1") -> Iterator[PostgresServer]:
    """A server of its own in a folder that the server's user can reach, as he cannot reach those of pytest."""
    with TemporaryDirectory(prefix="lab-postgres-") as folder:
        os.chmod(folder, 0o755)
        with _running_server(Path(folder) / "server", address) as server:
            yield server


def install() -> None:
    """Make sure that there is a server: Debian's package, without a database of the machine's own."""
    if programs() or not may_install():
        return
    # The package would make a database of the machine's own and start it at once.
    settings = Path("/etc/postgresql-common/createcluster.conf")
    settings.parent.mkdir(parents=True, exist_ok=True)
    if not settings.exists():
        settings.write_text("create_main_cluster = false\n")
    install_packages("postgresql")


_NUMBERS = count(1)


def _run_unprivileged(command: list[str]) -> None:
    prefix = _UNPRIVILEGED if os.geteuid() == 0 else ()
    done = subprocess.run([*prefix, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/")
    assert done.returncode == 0, done.stdout


if __name__ == "__main__":
    if "--install" in sys.argv:
        install()
    print(programs() or "no PostgreSQL server found")
