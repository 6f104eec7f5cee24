"""A race with votes: the networks that are about to race, and who expects which of them to win.

There is one poll at a time. It is opened by the teacher, ends as a vote when the race starts, and stays until it is
closed or another one is opened, so that the class can see who was right.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from mnist_core.config import RunConfig
from mnist_core.errors import ConfigError, StoreError
from mnist_core.store.connections import writing
from mnist_core.store.run import new_id
from mnist_core.store.schema import polls, votes
from mnist_core.store.store import Store
from mnist_core.text import one_line

# Whoever has no login votes under this name of a person.
_NOBODY = ""
_NAME_LENGTH = 80


@dataclass(frozen=True)
class Poll:
    """The networks of a race, with the settings that all seeds but the first only change in their seed."""

    id: str
    name: str
    configs: tuple[RunConfig, ...]
    seeds: int
    created: float
    # None while votes are taken.
    started: float | None

    @property
    def is_open(self) -> bool:
        """Whether votes are taken."""
        return self.started is None


def open_poll(store: Store, name: str, configs: Sequence[RunConfig], seeds: int) -> Poll:
    """Let the class vote on a race of these networks; the poll before is gone. Raises ConfigError, NotAllowedError."""
    store.check_teacher("let the class vote on a race")
    if len(configs) < 2:
        raise ConfigError("architecture", "one network alone cannot race; choose two or more")
    now = store.clock()
    poll = Poll(new_id(now), one_line(name).strip()[:_NAME_LENGTH], tuple(configs), seeds, now, None)
    values = {**vars(poll), "configs": [config.model_dump(mode="json") for config in configs]}
    with writing(store.engine).begin() as connection:
        _remove_all(connection)
        connection.execute(polls.insert().values(**values))
    return poll


def read_poll(store: Store) -> Poll | None:
    """The poll of now; None if there is none, or it cannot be read."""
    with store.engine.connect() as connection:
        row = connection.execute(sa.select(polls).order_by(polls.c.created.desc()).limit(1)).mappings().first()
    return None if row is None else _poll(dict(row))


def start_poll(store: Store, poll_id: str) -> bool:
    """End the vote because the race starts; False if it has ended before. Raises NotAllowedError."""
    store.check_teacher("let the class vote on a race")
    change = polls.update().where(polls.c.id == poll_id, polls.c.started.is_(None)).values(started=store.clock())
    with writing(store.engine).begin() as connection:
        return bool(connection.execute(change).rowcount)


def close_poll(store: Store) -> None:
    """Remove the poll and its votes; the runs of its race stay. Raises NotAllowedError."""
    store.check_teacher("let the class vote on a race")
    with writing(store.engine).begin() as connection:
        _remove_all(connection)


def vote(store: Store, poll_id: str, choice: int) -> None:
    """Write down that whoever has this store expects the network at this place to win; a later vote replaces it.

    Raises StoreError once the race has started, or if there is no such network.
    """
    poll = read_poll(store)
    if poll is None or poll.id != poll_id or not 0 <= choice < len(poll.configs):
        raise StoreError("This vote is over; another one may have begun.")
    person = store.owner or _NOBODY
    with writing(store.engine).begin() as connection:
        # Asked again within the transaction: the race may start at this moment.
        still_open = sa.select(polls.c.id).where(polls.c.id == poll_id, polls.c.started.is_(None))
        if connection.execute(still_open).first() is None:
            raise StoreError("The race has started: votes are no longer taken.")
        connection.execute(votes.delete().where(votes.c.poll == poll_id, votes.c.person == person))
        connection.execute(votes.insert().values(poll=poll_id, person=person, choice=choice))


def read_votes(store: Store, poll_id: str) -> dict[str, int]:
    """The place of the network that each person has voted for, by the person's id; "" is whoever has no login."""
    query = sa.select(votes.c.person, votes.c.choice).where(votes.c.poll == poll_id)
    with store.engine.connect() as connection:
        return {row.person: row.choice for row in connection.execute(query)}


def _poll(row: dict[str, Any]) -> Poll | None:
    try:
        configs = tuple(map(RunConfig.parse, row["configs"]))
    except (ConfigError, TypeError):
        return None
    return Poll(**{**row, "configs": configs})


def _remove_all(connection: sa.Connection) -> None:
    connection.execute(votes.delete())
    connection.execute(polls.delete())
