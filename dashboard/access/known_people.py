"""Who somebody is, by the secret of a cookie or by id: the store is asked once in a while, not for every request."""

import hashlib
import math
import threading
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from mnist_core import environment
from mnist_core.jobs import STORE_ERRORS
from mnist_core.store import Person, Store, find_people, note_presence, read_quotas, recognise

# So long an answer of the store counts: a page brings dozens of files, each with the same cookie. It is longer than the
# pause between two looks of `OpenSockets`, so that people with an open page cost no query for a file.
FRESH_SECONDS = 1.5
# A secret is 43 characters long. Longer values are not looked up.
_LONGEST_SECRET = 100
_MOST_KEPT = 5000


class KnownPeople:
    """A memory of people who are let in, in front of the store; safe to use from several threads.

    While the store cannot be read, those who were recognised before remain so, and nobody else gets in: the page can
    then say what is wrong with the store, and nobody could be sent out anyway.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self._folder, self._url = folder, url
        self._store: Store | None = None
        self._opening = threading.Lock()
        # Ids by the digest of a secret; people and when the store was asked about them by id.
        self._ids: dict[bytes, str] = {}
        self._people: dict[str, tuple[Person, float]] = {}
        # When people were known to change: what was asked before that is old, even if the answer comes after it.
        self._changed: dict[str, float] = {}
        self._present: set[str] = set()

    def store(self) -> Store:
        """The store, opened when it is first needed. Raises StorageError."""
        with self._opening:
            if self._store is None:
                self._store = Store(self._folder, self._url)
            return self._store

    def fresh(self, secret: str) -> Person | None:
        """Who has this secret, if that is known without asking the store."""
        person, at = self._people.get(self._ids.get(_digest(secret), ""), (None, 0.0))
        return person if time.monotonic() - at < FRESH_SECONDS else None

    def by_secret(self, secret: str) -> Person | None:
        """Who has this secret; None for nobody's and for people who were sent out. Raises StorageError."""
        if len(secret) > _LONGEST_SECRET:
            return None
        person_id = self._ids.get(_digest(secret))
        if person_id is not None:
            return self.by_id(person_id)
        asked = time.monotonic()
        person = recognise(self.store(), secret)
        if person is not None:
            self._keep([person], asked)
            self._ids[_digest(secret)] = person.id
        return person

    def by_id(self, person_id: str) -> Person | None:
        """A person by id; None for people who were sent out. Raises StorageError."""
        person, at = self._people.get(person_id, (None, 0.0))
        if person is None or time.monotonic() - at >= FRESH_SECONDS:
            try:
                person = self.ask([person_id]).get(person_id)
            except STORE_ERRORS:
                if person is None:
                    raise
        return person

    def ask(self, ids: Iterable[str]) -> dict[str, Person]:
        """Those of these people who are let in, by one query of the store. Raises StorageError."""
        wanted, asked = set(ids), time.monotonic()
        here = {person.id: person for person in find_people(self.store(), wanted)}
        self._keep(here.values(), asked)
        for person_id in wanted - here.keys():
            self._people.pop(person_id, None)
        return here

    def most_uploaded(self, person_id: str) -> int | None:
        """Bytes that a person may upload within an hour; None for a teacher, who has no bound. Raises StorageError."""
        person = self.by_id(person_id)
        if person is not None and person.is_teacher:
            return None
        return 1_000_000 * read_quotas(self.store()).uploaded

    def forget(self, person_id: str) -> None:
        """Ask the store the next time, because this person has just changed."""
        self._changed[person_id] = time.monotonic()
        self._people.pop(person_id, None)

    def see(self, person_id: str) -> None:
        """Remember that this person is here, for `note_presence`."""
        self._present.add(person_id)

    def note_presence(self) -> None:
        """Write who was here since the last time. Raises StorageError."""
        present, self._present = self._present, set()
        if present:
            note_presence(self.store(), present)

    def _keep(self, found: Iterable[Person], asked: float) -> None:
        """Remember the store's answer to what it was asked at this time, but not of who has changed since."""
        if len(self._ids) > _MOST_KEPT or len(self._people) > _MOST_KEPT:
            self._ids, self._people, self._changed = {}, {}, {}
        now = time.monotonic()
        for person in found:
            if self._changed.get(person.id, -math.inf) < asked:
                self._people[person.id] = (person, now)


def known_people() -> KnownPeople:
    """Those of the store that the environment names."""
    return _known_people(environment.store_settings())


@cache
def _known_people(_settings: tuple[str, str]) -> KnownPeople:
    return KnownPeople(environment.results_dir(), environment.database_url())


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
