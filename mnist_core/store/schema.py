"""Tables of the database of runs, and the statements that migrate an older database to this version."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, Float, ForeignKey, Index, Integer, Table

from mnist_core.store.dialects import largest_first
from mnist_core.store.stored_values import storable

SCHEMA_VERSION = 12
# The version that has a row an event instead of a row a value, the one that has devices and rules as data, and the one
# whose columns and indexes find a page of runs.
MEASUREMENTS_SINCE, DEVICES_SINCE, PAGES_SINCE = 7, 8, 12
metadata = sa.MetaData()


class Measured(sa.types.TypeDecorator[float]):
    """A number as it was measured, or the text "nan", "inf" or "-inf": SQLite would store NaN as NULL."""

    impl = Float
    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> None:
        """Nothing is made of a value: `Float` would make a number of the text."""

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> None:
        """Nothing is made of a value: numpy reads number and text alike."""


class Text(sa.types.TypeDecorator[str]):
    """A text. What a database cannot keep of it is replaced here, for values to write and to look for alike."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """The text as it is stored."""
        return storable(value)


# A whole number of up to 64 bits: INTEGER in SQLite, BIGINT on a server, where INTEGER ends at 2**31.
BIG = sa.BigInteger().with_variant(Integer, "sqlite")

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
    # Place in the queue: the run with the lowest value is next.
    Column("queued", Float),
    Column("started", Float),
    Column("finished", Float),
    Column("deleted", Float),
    # "stop", "pause" or "move" (pause, and go back to the queue), until the worker does so.
    Column("request", Text),
    # Token of the process that may write to the run. Each claim makes a new one.
    Column("worker", Text),
    Column("host", Text),
    Column("pid", BIG),
    # Start of that process, from `processes.start_of`. Runs from before schema 5 have none.
    Column("pid_start", Text),
    # What holds up a training run, such as a full disk.
    Column("trouble", Text),
    Column("heartbeat", Float),
    Column("epoch", BIG, nullable=False, default=0),
    Column("step", BIG, nullable=False, default=0),
    Column("steps_per_epoch", BIG),
    Column("parameters", BIG),
    Column("macs", BIG),
    Column("train_images", BIG),
    Column("seconds", Float, nullable=False, default=0.0),
    Column("images_per_second", Float),
    Column("learning_rate", Float),
    Column("train_loss", Float),
    Column("train_accuracy", Float),
    Column("best_epoch", BIG),
    Column("validation_loss", Float),
    Column("validation_accuracy", Float),
    Column("test_loss", Float),
    Column("test_accuracy", Float),
    # What it was trained on: a list of `Device`.
    Column("devices", sa.JSON),
    # Lists of texts by name of package.
    Column("versions", sa.JSON),
    # Whole numbers by name of rule, as in `TrainingRules`.
    Column("rules", sa.JSON),
    # Id of the sweep that the run belongs to.
    Column("sweep", Text),
    # How many rows of measurements were ever recorded. The ids of rows that are removed are not used again, so that a
    # reader that remembers the last id misses no row of a run that goes on from an older checkpoint.
    Column("recorded", BIG, nullable=False, server_default="0"),
    # `DataFacts` about the run's images. Runs from before schema 3 have none.
    Column("data", sa.JSON),
    # `LuckPart` of a row that trains many seeds together. Rows that have one are no runs to compare or to ask.
    Column("luck", sa.JSON(none_as_null=True)),
    # What a person has written about the run; `note` is the program's own. It has no fingerprint: no figure is in it.
    Column("comment", Text, nullable=False, server_default=""),
    # Id of the person who started or imported it; NULL for the teacher's, or for whoever uses the lab without logins.
    Column("owner", Text),
    # 1 if all of a class may see it.
    Column("shared", Integer, nullable=False, server_default="0"),
    # What pages of runs are found by: taken from the config, the name and the tags by `page_columns`.
    Column("dataset", Text, nullable=False, server_default=""),
    Column("architecture", Text, nullable=False, server_default=""),
    Column("words", Text, nullable=False, server_default=""),
    # Whose turn it is is read from these two indexes alone, so that a damaged page of the table does not matter.
    Index("runs_by_state", "state", "queued", "owner"),
    Index("runs_by_digest", "digest"),
    Index("runs_by_sweep", "sweep"),
    Index("runs_by_owner", "owner", "started"),
    sqlite_autoincrement=True,
)


def _page_index(name: str, *columns: Column[Any] | sa.ColumnElement[Any]) -> list[Index]:
    """An index of the runs on pages by these columns, and by what decides whether a person sees a run.

    SQLite reads an index alone only if that has every column of the query, also those that are NULL in all its rows.
    PostgreSQL needs them not, and cannot sort JSON.
    """
    everywhere = (*columns, runs.c.owner, runs.c.shared)
    here = runs.c.deleted.is_(None) & runs.c.luck.is_(sa.null())
    return [
        Index(name, *everywhere, runs.c.deleted, runs.c.luck, sqlite_where=here).ddl_if(dialect="sqlite"),
        Index(name, *everywhere, postgresql_where=here).ddl_if(dialect="postgresql"),
    ]


_BY_TEST = largest_first(runs.c.test_accuracy)
_DELETED, _OF_LUCK = runs.c.deleted.is_not(None), runs.c.luck.is_not(sa.null())
# Indexes of version 12. All but that by architecture, whose texts may be long, are searched without the table's rows.
PAGE_INDEXES = (
    *_page_index("runs_by_words", runs.c.number, runs.c.words, runs.c.state, runs.c.test_accuracy),
    *_page_index("runs_by_test_accuracy", _BY_TEST, runs.c.number.desc(), runs.c.words, runs.c.state),
    *_page_index("runs_by_state_and_test", runs.c.state, _BY_TEST, runs.c.number.desc(), runs.c.words, runs.c.finished),
    *_page_index("runs_by_dataset", runs.c.dataset, _BY_TEST, runs.c.number.desc(), runs.c.words, runs.c.state),
    *_page_index("runs_by_architecture", runs.c.architecture, _BY_TEST, runs.c.number.desc()),
    Index("runs_deleted", runs.c.deleted, sqlite_where=_DELETED, postgresql_where=_DELETED),
    Index("runs_of_luck", runs.c.number, sqlite_where=_OF_LUCK, postgresql_where=_OF_LUCK),
)

sweeps = Table(
    "sweeps",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("spec", sa.JSON, nullable=False),
    Column("created", Float, nullable=False),
    # As `runs.owner`.
    Column("owner", Text),
)

# Who has opened a link of the class: the students, and one row for each browser of the teacher.
people = Table(
    "people",
    metadata,
    Column("id", Text, primary_key=True),
    # Chosen by the person; "" until then.
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    # SHA-256 of the secret in the person's cookie.
    Column("secret", Text, nullable=False, unique=True),
    Column("created", Float, nullable=False),
    Column("seen", Float, nullable=False),
    # When the person was sent out; the secret is of no use from then on.
    Column("revoked", Float),
)

# Races that a class votes on before they start.
polls = Table(
    "polls",
    metadata,
    Column("id", Text, primary_key=True),
    # The name of the race.
    Column("name", Text, nullable=False),
    # The settings of the networks, and how many seeds each trains.
    Column("configs", sa.JSON, nullable=False),
    Column("seeds", BIG, nullable=False),
    Column("created", Float, nullable=False),
    # When the race was started, which ends the vote.
    Column("started", Float),
)

# Who expects which network of a race to win.
votes = Table(
    "votes",
    metadata,
    Column("poll", Text, ForeignKey("polls.id", ondelete="CASCADE"), primary_key=True),
    # Id of the person; "" for whoever uses the lab without logins, and for the teacher.
    Column("person", Text, primary_key=True),
    # Place of the network in `configs`, from 0.
    Column("choice", BIG, nullable=False),
)

# What a class has drawn: a test set of its own handwriting.
drawings = Table(
    "drawings",
    metadata,
    Column("id", Text, primary_key=True),
    # As `runs.owner`.
    Column("owner", Text),
    # The digit that was asked for.
    Column("label", Integer, nullable=False),
    # The picture of the pad as a PNG, from which each network gets its own image.
    Column("png", sa.LargeBinary, nullable=False),
    Column("created", Float, nullable=False),
    # What kind of picture `png` holds (`drawings.DRAWING_RULE`).
    Column("rule", Integer, nullable=False),
    Index("drawings_by_owner", "owner", "label"),
)

# Statements that bring a database from the version before to each version. `create_all` makes new tables.
CHANGES = {
    2: (
        "ALTER TABLE runs ADD COLUMN sweep TEXT",
        "CREATE INDEX runs_by_sweep ON runs (sweep)",
        # Version 11 changes this table, so that `create_all` is too late for it.
        "CREATE TABLE sweeps (id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL, spec JSON NOT NULL, "
        "created FLOAT NOT NULL)",
    ),
    3: ("ALTER TABLE runs ADD COLUMN data JSON",),
    4: (),
    5: ("ALTER TABLE runs ADD COLUMN pid_start TEXT", "ALTER TABLE runs ADD COLUMN trouble TEXT"),
    # Version 6 has longer fingerprints, and some for sweeps. Older programs would take them for changed figures.
    6: (),
    # Version 7 has a row an event instead of a row a value; `measurement_rows` fills the new table.
    7: ("ALTER TABLE runs ADD COLUMN recorded BIGINT NOT NULL DEFAULT 0",),
    # Until version 8 devices and versions were texts and rules stood among the versions; `device_rows` reads them.
    8: ("ALTER TABLE runs RENAME COLUMN device TO devices", "ALTER TABLE runs ADD COLUMN rules JSON"),
    9: ("ALTER TABLE runs ADD COLUMN luck JSON",),
    10: ("ALTER TABLE runs ADD COLUMN comment TEXT NOT NULL DEFAULT ''",),
    11: (
        "ALTER TABLE runs ADD COLUMN owner TEXT",
        "ALTER TABLE runs ADD COLUMN shared INTEGER NOT NULL DEFAULT 0",
        "DROP INDEX IF EXISTS runs_by_state",
        "CREATE INDEX runs_by_state ON runs (state, queued, owner)",
        "CREATE INDEX runs_by_owner ON runs (owner, started)",
        "ALTER TABLE sweeps ADD COLUMN owner TEXT",
    ),
    # `page_columns` fills these columns and makes their indexes.
    12: tuple(
        f"ALTER TABLE runs ADD COLUMN {name} TEXT NOT NULL DEFAULT ''" for name in ("dataset", "architecture", "words")
    ),
}

# What is measured: the first three after steps, the others after epochs. Each is a column of `measurements`.
SERIES = (
    "train_loss",
    "train_accuracy",
    "learning_rate",
    "epoch_train_loss",
    "epoch_train_accuracy",
    "validation_loss",
    "validation_accuracy",
)

# A row for each event that measured something. A column is NULL where its series was not measured.
measurements = Table(
    "measurements",
    metadata,
    Column("run", Integer, ForeignKey("runs.number", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    # 1, 2, 3 ... in each run, counted by `runs.recorded`.
    Column("id", BIG, primary_key=True, autoincrement=False),
    Column("step", BIG, nullable=False),
    Column("epoch", BIG, nullable=False),
    Column("seconds", Float, nullable=False),
    *(Column(name, Measured) for name in SERIES),
    # The rows of a run lie together, which makes them quick to read and saves an index.
    sqlite_with_rowid=False,
)

# The table before version 7: a row a value.
old_metrics = Table(
    "metrics",
    sa.MetaData(),
    *(Column(name, Integer) for name in ("id", "run", "step", "epoch")),
    Column("name", Text),
    Column("value", Float),
    # "nan", "inf" or "-inf".
    Column("special", Text),
    Column("seconds", Float),
)

# Fingerprints by which `history` notices changed figures. Runs that ended before schema 4 have none.
fingerprints = Table(
    "fingerprints",
    metadata,
    Column("run", Integer, ForeignKey("runs.number", ondelete="CASCADE"), primary_key=True),
    # Name of a series, "" for the run's own row, or "#files" for the list of its files.
    Column("name", Text, primary_key=True),
    Column("sha256", Text, nullable=False),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("run", Integer, ForeignKey("runs.number", ondelete="CASCADE"), primary_key=True),
    # Path within the run's folder.
    Column("path", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("epoch", BIG),
    Column("step", BIG),
    Column("sha256", Text, nullable=False),
    Column("size", BIG, nullable=False),
)


def first_tables(version: int) -> dict[str, Table]:
    """By name, the tables that a database of this version has whatever its age."""
    tables = (lab, runs, artifacts, old_metrics if version < MEASUREMENTS_SINCE else measurements)
    return {table.name: table for table in tables}
