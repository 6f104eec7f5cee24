"""Tables, connections and migrations of the database of runs."""

import sqlalchemy as sa
from sqlalchemy import Column, Float, ForeignKey, Index, Integer, Table, Text, event, exc

from mnist_core import troubles
from mnist_core.errors import StoreError

VERSION = 5
metadata = sa.MetaData()

lab = Table("lab", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

runs = Table(
    "runs",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, unique=True, nullable=False),
    Column("name", Text, nullable=False),
    Column("tags", sa.JSON, nullable=False),
    Column("state", Text, nullable=False),
    Column("config", sa.JSON, nullable=False),
    Column("digest", Text, nullable=False),
    Column("note", Text, nullable=False, default=""),
    Column("created", Float, nullable=False),
    Column("queued", Float),  # place in the queue: the earliest is next
    Column("started", Float),
    Column("finished", Float),
    Column("deleted", Float),
    Column("request", Text),  # "stop" or "pause", until the worker obeys
    Column("worker", Text),  # who may write to the run; a new claim gets a new token
    Column("host", Text),
    Column("pid", Integer),
    Column("pid_start", Text),  # `processes.start_of` that process; none of runs from before schema 5
    Column("trouble", Text),  # what a run that trains waits for, such as room on the disk
    Column("heartbeat", Float),
    Column("epoch", Integer, nullable=False, default=0),
    Column("step", Integer, nullable=False, default=0),
    Column("steps_per_epoch", Integer),
    Column("parameters", Integer),
    Column("macs", Integer),
    Column("train_images", Integer),
    Column("seconds", Float, nullable=False, default=0.0),
    Column("images_per_second", Float),
    Column("learning_rate", Float),
    Column("train_loss", Float),
    Column("train_accuracy", Float),
    Column("best_epoch", Integer),
    Column("validation_loss", Float),
    Column("validation_accuracy", Float),
    Column("test_loss", Float),
    Column("test_accuracy", Float),
    Column("device", Text),
    Column("versions", sa.JSON),
    Column("sweep", Text),  # id of the sweep that the run belongs to
    Column("data", sa.JSON),  # `DataFacts`: which images it was given; none of runs from before schema 3
    Index("runs_by_state", "state", "queued"),
    Index("runs_by_digest", "digest"),
    Index("runs_by_sweep", "sweep"),
    sqlite_autoincrement=True,
)

sweeps = Table(
    "sweeps",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("spec", sa.JSON, nullable=False),
    Column("created", Float, nullable=False),
)

# What brings an older database to each version; tables that are new are made by `create_all`.
_CHANGES = {
    2: ("ALTER TABLE runs ADD COLUMN sweep TEXT", "CREATE INDEX runs_by_sweep ON runs (sweep)"),
    3: ("ALTER TABLE runs ADD COLUMN data JSON",),
    4: (),
    5: ("ALTER TABLE runs ADD COLUMN pid_start TEXT", "ALTER TABLE runs ADD COLUMN trouble TEXT"),
}

metrics = Table(
    "metrics",
    metadata,
    Column("id", sa.BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("run", Integer, ForeignKey("runs.number", ondelete="CASCADE"), nullable=False),
    Column("step", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("value", Float),
    Column("special", Text),  # "nan", "inf" or "-inf": SQLite stores NaN as NULL
    Column("seconds", Float, nullable=False),
    Index("metrics_by_run", "run", "id"),
    sqlite_autoincrement=True,  # ids are never reused, so that a reader's cursor stays valid after a rewind
)

# What `history` needs to notice that a recorded figure has changed; none of runs that ended before schema 4.
fingerprints = Table(
    "fingerprints",
    metadata,
    Column("run", Integer, ForeignKey("runs.number", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),  # of a metric; "" for the run's own row
    Column("sha256", Text, nullable=False),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("run", Integer, ForeignKey("runs.number", ondelete="CASCADE"), primary_key=True),
    Column("path", Text, primary_key=True),  # inside the run's folder
    Column("kind", Text, nullable=False),
    Column("epoch", Integer),
    Column("step", Integer),
    Column("sha256", Text, nullable=False),
    Column("size", Integer, nullable=False),
)


def connect(url: str) -> sa.Engine:
    """An engine on the database at `url`; its tables exist and have this version. Raises StoreError."""
    try:
        engine = sa.create_engine(url, connect_args={"timeout": 30} if url.startswith("sqlite") else {})
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        _migrate(engine)
    except (exc.SQLAlchemyError, ImportError) as error:
        raise StoreError(
            f"the database {_safe(url)} cannot be opened. {troubles.told(error)} Check MNIST_LAB_DATABASE."
        ) from None
    return engine


def writing(engine: sa.Engine, *, durable: bool = True) -> sa.Engine:
    """The engine for writes: takes the write lock at once; `durable` waits for the disk at commit."""
    return engine.execution_options(write="FULL" if durable else "NORMAL")


def _prepare_sqlite(connection, _record) -> None:
    connection.isolation_level = None  # pysqlite would begin late and lose the race; `_begin_sqlite` begins
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    durability = connection.get_execution_options().get("write")
    if durability:
        connection.exec_driver_sql(f"PRAGMA synchronous={durability}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if durability else "BEGIN")


def _migrate(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        known = sa.inspect(connection).has_table("lab")
        if known and _version(connection) == VERSION:
            return
    with writing(engine).begin() as connection:  # the write lock: two processes that start at once take turns
        version = _version(connection) if sa.inspect(connection).has_table("lab") else None
        if version is not None and version < VERSION:
            for step in range(version + 1, VERSION + 1):
                for statement in _CHANGES[step]:
                    connection.exec_driver_sql(statement)
            connection.execute(lab.update().where(lab.c.key == "schema").values(value=str(VERSION)))
        metadata.create_all(connection)
        if version is None:
            connection.execute(lab.insert().values(key="schema", value=str(VERSION)))
        elif version > VERSION:
            raise StoreError(
                f"the database was written by a newer MNIST Lab (schema {version}, this one knows {VERSION}). "
                "Update MNIST Lab, or point MNIST_LAB_RESULTS at another folder."
            )


def _version(connection: sa.Connection) -> int | None:
    value = connection.execute(sa.select(lab.c.value).where(lab.c.key == "schema")).scalar()
    return None if value is None else int(value)


def _safe(url: str) -> str:
    return sa.make_url(url).render_as_string(hide_password=True)
