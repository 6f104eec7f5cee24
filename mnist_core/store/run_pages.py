"""Pages of runs: filtered, sorted and counted by the database, so that only the rows of one page are read."""

import contextlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import sqlalchemy as sa

from mnist_core.errors import StorageError
from mnist_core.store import rows
from mnist_core.store.dialects import contains, json_text, largest_first
from mnist_core.store.page_columns import architecture_key
from mnist_core.store.read_runs import REMOVAL_BEGUN
from mnist_core.store.run import BrokenRun, Run, RunState
from mnist_core.store.schema import runs
from mnist_core.store.store import Store

# The most runs that a table or a list of choices holds: the newest, or the newest that a search finds.
MOST_LISTED = 1_000
# A search counts no more matches: how many more there are nobody needs, and counting them takes longer than the page.
MOST_COUNTED = 10_000

SortColumn = Literal["number", "test_accuracy", "validation_accuracy", "seconds", "name"]
_STATES = get_args(RunState)
# A word that may stand in "#12".
_NUMBER = re.compile(r"#|#?[0-9]+")
# Above every number of a run, and above every count of rows.
_MOST_NUMBER, _MOST_ROWS = 2**31, 2**63 - 1


@dataclass(frozen=True)
class RunQuery:
    """Which runs are wanted: those that fit every condition that is given."""

    states: Sequence[str] | None = None
    dataset: str | None = None
    architecture: str | None = None
    # Words, in any case, each of which stands in the name, a tag, the data set, the architecture, the state or #number.
    text: str = ""
    sweep: str | None = None
    # Ids of people; None stands for runs without an owner.
    owners: Sequence[str | None] | None = None
    numbers: Sequence[int] | None = None
    # Whether runs are wanted that were deleted and can be brought back, instead of the others.
    deleted: bool = False


@dataclass(frozen=True)
class RunPage:
    """A part of the runs that a query finds."""

    # In the order that was asked for.
    runs: list[Run]
    # Rows of this part that cannot be read as runs, the newest first.
    broken: list[BrokenRun]
    # How many rows the query finds, with those that cannot be read.
    total: int
    # Whether it finds even more than that.
    more: bool = False

    @property
    def hidden(self) -> int:
        """How many rows are found beyond this part, as far as they were counted."""
        return self.total - len(self.runs) - len(self.broken)


def read_page(
    store: Store,
    wanted: RunQuery = RunQuery(),
    sort: SortColumn = "number",
    *,
    descending: bool = True,
    limit: int | None = MOST_LISTED,
    offset: int = 0,
) -> RunPage:
    """The runs from `offset` on, at most `limit`, sorted by a column and where that is equal by number.

    Runs without a value come last if `descending`, else first. Rows that a text finds are counted up to MOST_COUNTED.
    Raises StorageError.
    """
    conditions = _conditions(store, wanted)
    query = sa.select(runs.c.number).where(*conditions)
    part = query.order_by(*_order(sort, descending)).offset(offset).limit(_MOST_ROWS if limit is None else limit)
    with store.engine.connect() as connection:
        try:
            numbers = list(connection.execute(part).scalars())
            end = offset + len(numbers)
            total, more = end, False
            if len(numbers) == limit or (offset and not numbers):
                most = max(end, MOST_COUNTED) if wanted.text else None
                total, more = _count(connection, conditions, most)
        except StorageError as error:
            if error.kind != "damaged":
                raise
            numbers, total = _readable_part(connection, conditions, sort, descending, limit, offset)
            more = False
        matches, broken = rows.read_numbers(connection, numbers)
    places = {number: position for position, number in enumerate(numbers)}
    return RunPage(sorted(matches, key=lambda run: places[run.number]), broken, total, more)


def count_matches(store: Store, wanted: RunQuery) -> int:
    """How many rows a query finds. Raises StorageError."""
    with store.engine.connect() as connection:
        return _count(connection, _conditions(store, wanted), None)[0]


def _count(
    connection: sa.Connection, conditions: Sequence[sa.ColumnElement[bool]], most: int | None
) -> tuple[int, bool]:
    """How many rows fit, at most `most`, and whether there are more."""
    matches = sa.select(runs.c.number).where(*conditions).limit(None if most is None else most + 1).subquery()
    count = connection.execute(sa.select(sa.func.count()).select_from(matches)).scalar_one()
    return (count, False) if most is None else (min(count, most), count > most)


def read_owners(store: Store, wanted: RunQuery) -> set[str | None]:
    """Whose the runs are that a query finds; None stands for runs without an owner. Raises StorageError."""
    query = sa.select(runs.c.owner).where(*_conditions(store, wanted)).distinct()
    with store.engine.connect() as connection:
        return {owner for (owner,) in rows.readable(connection, query)}


def read_tags(store: Store, wanted: RunQuery) -> set[str]:
    """Every tag of the runs that a query finds; tags that cannot be read are left out. Raises StorageError."""
    # As text, so that broken JSON in one row does not end the query.
    query = sa.select(json_text(runs.c.tags)).where(*_conditions(store, wanted))
    with store.engine.connect() as connection:
        texts = {text for (text,) in rows.readable(connection, query)}
    tags: set[str] = set()
    for text in texts:
        with contextlib.suppress(ValueError, TypeError, RecursionError):
            tags |= {tag for tag in json.loads(text) if isinstance(tag, str)}
    return tags


def _conditions(store: Store, wanted: RunQuery) -> list[sa.ColumnElement[bool]]:
    deleted = runs.c.deleted > REMOVAL_BEGUN if wanted.deleted else runs.c.deleted.is_(None)
    conditions = [deleted, runs.c.luck.is_(sa.null())]
    if not isinstance(store.visible, sa.True_):
        conditions.append(store.visible)
    if wanted.architecture is not None:
        conditions.append(runs.c.architecture == architecture_key(wanted.architecture))
    for column, values in ((runs.c.dataset, wanted.dataset), (runs.c.sweep, wanted.sweep)):
        if values is not None:
            conditions.append(column == values)
    if wanted.states is not None:
        conditions.append(runs.c.state.in_(wanted.states))
    if wanted.numbers is not None:
        # Numbers in a link may be larger than a database can compare.
        conditions.append(runs.c.number.in_([number for number in wanted.numbers if 0 < number < _MOST_NUMBER]))
    if wanted.owners is not None:
        named = runs.c.owner.in_([owner for owner in wanted.owners if owner is not None])
        conditions.append(named | runs.c.owner.is_(None) if None in wanted.owners else named)
    return conditions + [_has_word(word) for word in wanted.text.lower().split()]


def _has_word(word: str) -> sa.ColumnElement[bool]:
    condition = contains(runs.c.words, word)
    if states := [state for state in _STATES if word in state]:
        condition |= runs.c.state.in_(states)
    if _NUMBER.fullmatch(word):
        condition |= contains(sa.literal("#", sa.Text()) + sa.cast(runs.c.number, sa.Text()), word)
    return condition


def _order(sort: SortColumn, descending: bool) -> list[sa.ColumnElement[Any]]:
    """The order as the indexes have it; both columns change their direction, so that an index is read backwards."""
    by_number = runs.c.number.desc() if descending else runs.c.number.asc()
    if sort == "number":
        return [by_number]
    return [largest_first(runs.c[sort]) if descending else runs.c[sort].asc().nulls_first(), by_number]


def _readable_part(
    connection: sa.Connection,
    conditions: Sequence[sa.ColumnElement[bool]],
    sort: SortColumn,
    descending: bool,
    limit: int | None,
    offset: int,
) -> tuple[list[int], int]:
    """The numbers of a part, and how many rows there are, without those on damaged pages: sorted here."""
    values = rows.readable(connection, sa.select(runs.c.number, runs.c[sort].label("value")).where(*conditions))
    ordered = sorted(values, key=_place, reverse=descending)
    end = None if limit is None else offset + limit
    return [row.number for row in ordered[offset:end]], len(ordered)


def _place(row: sa.Row[Any]) -> tuple[bool, str, Any, int]:
    """By what rows are sorted; a damaged column may hold values of several types."""
    return row.value is not None, str(type(row.value)), row.value or 0, row.number
