"""Tables of the database of runs, and what brings an older one to this version."""

import sqlalchemy as sa
from sqlalchemy import Column, Float, ForeignKey, Index, Integer, Table, Text

SCHEMA_VERSION = 6
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
    # place in the queue: the earliest is next
    Column("queued", Float),
    Column("started", Float),
    Column("finished", Float),
    Column("deleted", Float),
    # "stop" or "pause", until the worker obeys
    Column("request", Text),
    # who may write to the run; a new claim gets a new token
    Column("worker", Text),
    Column("host", Text),
    Column("pid", Integer),
    # `processes.start_of` that process; none of runs from before schema 5
    Column("pid_start", Text),
    # what a run that trains waits for, such as room on the disk
    Column("trouble", Text),
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
    # id of the sweep that the run belongs to
    Column("sweep", Text),
    # `DataFacts`: which images it was given; none of runs from before schema 3
    Column("data", sa.JSON),
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
CHANGES = {
    2: ("ALTER TABLE runs ADD COLUMN sweep TEXT", "CREATE INDEX runs_by_sweep ON runs (sweep)"),
    3: ("ALTER TABLE runs ADD COLUMN data JSON",),
    4: (),
    5: ("ALTER TABLE runs ADD COLUMN pid_start TEXT", "ALTER TABLE runs ADD COLUMN trouble TEXT"),
    # Fingerprints are longer from here on, and sweeps have theirs: earlier versions would take them for changes.
    6: (),
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
    # "nan", "inf" or "-inf": SQLite stores NaN as NULL
    Column("special", Text),
    Column("seconds", Float, nullable=False),
    Index("metrics_by_run", "run", "id"),
    # ids are never reused, so that a reader's cursor stays valid after a rewind
    sqlite_autoincrement=True,
)

# What `history` needs to notice that a recorded figure has changed; none of runs that ended before schema 4.
fingerprints = Table(
    "fingerprints",
    metadata,
    Column("run", Integer, ForeignKey("runs.number", ondelete="CASCADE"), primary_key=True),
    # of a metric; "" for the run's own row
    Column("name", Text, primary_key=True),
    Column("sha256", Text, nullable=False),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("run", Integer, ForeignKey("runs.number", ondelete="CASCADE"), primary_key=True),
    # inside the run's folder
    Column("path", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("epoch", Integer),
    Column("step", Integer),
    Column("sha256", Text, nullable=False),
    Column("size", Integer, nullable=False),
)
