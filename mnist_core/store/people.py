"""The people of a class: who was let in, under which name, and as student or teacher.

Only the SHA-256 of each person's secret is stored, so that nobody gets in with what the database holds.
"""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from mnist_core.store.connections import writing
from mnist_core.store.run import new_id
from mnist_core.store.schema import drawings, people, runs, sweeps, votes
from mnist_core.store.store import Store
from mnist_core.text import one_line

Role = Literal["teacher", "student"]
# What runs of the teacher are called, and those of whoever uses the lab without logins.
TEACHER = "Teacher"
# Letters that are drawn as blanks: fillers of Hangul, and the empty pattern of Braille.
_INVISIBLE = " \u115f\u1160\u2800\u3164\uffa0"
# The most characters of a chosen name.
PERSON_NAME_LENGTH = 40
# Who has opened the link, chosen no name and was not seen for so long takes no place of the class.
_NAMELESS_SECONDS = 3600.0


@dataclass(frozen=True)
class Person:
    """Someone who was let in; times in unix seconds."""

    id: str
    # "" until the person has chosen one.
    name: str
    role: Role
    created: float
    seen: float

    # Whether the person was sent out.
    is_out: bool = False

    @property
    def is_teacher(self) -> bool:
        return self.role == "teacher"


def let_in(store: Store, role: Role) -> tuple[Person, str]:
    """Add a person, and return the secret by which `recognise` knows the person again."""
    with writing(store.engine).begin() as connection:
        return _add(connection, role, store.clock())


def let_in_student(store: Store, most: int) -> tuple[Person, str] | None:
    """Add a student as `let_in` does; None if `most` students have a place already.

    Counting and adding is one step, so that two apps that let somebody in at once do not let in one too many.
    """
    with writing(store.engine).begin() as connection:
        now = store.clock()
        return _add(connection, "student", now) if _count_places(connection, now) < most else None


def recognise(store: Store, secret: str) -> Person | None:
    """Who has this secret; None if it is nobody's, or the person was sent out. Only reads."""
    with store.engine.connect() as connection:
        matching = _read(connection, people.c.secret == _digest(secret), people.c.revoked.is_(None))
    return matching[0] if matching else None


def note_presence(store: Store, ids: Iterable[str]) -> None:
    """Note that these people are here now."""
    with writing(store.engine, durable=False).begin() as connection:
        connection.execute(people.update().where(people.c.id.in_(list(ids))).values(seen=store.clock()))


def make_teacher(store: Store, person_id: str) -> None:
    """Give a person the teacher's role."""
    with writing(store.engine).begin() as connection:
        connection.execute(people.update().where(people.c.id == person_id).values(role="teacher"))


def find_people(store: Store, ids: Iterable[str]) -> list[Person]:
    """Those of these people who are not sent out, by one query."""
    with store.engine.connect() as connection:
        return _read(connection, people.c.id.in_(list(ids)), people.c.revoked.is_(None))


def read_people(store: Store, role: Role | None = None) -> list[Person]:
    """Everyone who was let in and not sent out, in the order of their coming."""
    with store.engine.connect() as connection:
        return _read(connection, people.c.revoked.is_(None), *([] if role is None else [people.c.role == role]))


def read_all_people(store: Store) -> list[Person]:
    """Everyone of whom something is stored, in the order of their coming: teachers and who was sent out, too."""
    with store.engine.connect() as connection:
        return _read(connection)


def names_of_people(store: Store) -> dict[str, str]:
    """The names by id of all who ever were here: runs of those who were sent out keep their owner's name."""
    with store.engine.connect() as connection:
        return {row.id: row.name for row in connection.execute(sa.select(people.c.id, people.c.name))}


def name_person(store: Store, person_id: str, name: str) -> str:
    """Give a person a name, and return it: on one line, and with a number behind it if another has it already.

    Taken are the names of everyone of whom something is stored, and what the pages call the teacher. An empty name, or
    one whose signs cannot be seen, changes nothing.
    """
    line = one_line(name).strip()[:PERSON_NAME_LENGTH].strip()
    if not line.strip(_INVISIBLE):
        return ""
    with writing(store.engine).begin() as connection:
        others = sa.select(people.c.name).where(people.c.id != person_id)
        taken = {TEACHER.casefold(), *(other.casefold() for other in connection.execute(others).scalars())}
        free, number = line, 1
        while free.casefold() in taken:
            number += 1
            free = f"{line} {number}"
        connection.execute(people.update().where(people.c.id == person_id).values(name=free))
    return free


def send_out(store: Store, ids: Sequence[str]) -> None:
    """Let these people in no more. Their runs stay. Raises NotAllowedError for a student."""
    store.check_teacher("send somebody out")
    with writing(store.engine).begin() as connection:
        change = people.update().where(people.c.id.in_(ids), people.c.revoked.is_(None))
        connection.execute(change.values(revoked=store.clock()))


def count_places(store: Store) -> int:
    """How many students count towards the quota `people`: those with a name, and those seen within the last hour."""
    with store.engine.connect() as connection:
        return _count_places(connection, store.clock())


def send_out_nameless(store: Store, absent_seconds: float) -> int:
    """Let in no more the students without a name who were not seen for so long, and return how many these were.

    Raises NotAllowedError for a student.
    """
    store.check_teacher("send somebody out")
    now = store.clock()
    nameless = (people.c.role == "student", people.c.revoked.is_(None), people.c.name == "")
    with writing(store.engine).begin() as connection:
        absent = people.update().where(*nameless, people.c.seen <= now - absent_seconds)
        return connection.execute(absent.values(revoked=now)).rowcount


def forget_people(store: Store, ids: Sequence[str]) -> None:
    """Remove all that is stored about these people, and let them in no more; their runs become the teacher's.

    Raises NotAllowedError for a student.
    """
    store.check_teacher("send somebody out")
    with writing(store.engine).begin() as connection:
        for table in (runs, sweeps):
            connection.execute(table.update().where(table.c.owner.in_(ids)).values(owner=None))
        connection.execute(votes.delete().where(votes.c.person.in_(ids)))
        connection.execute(drawings.delete().where(drawings.c.owner.in_(ids)))
        connection.execute(people.delete().where(people.c.id.in_(ids)))


def _add(connection: sa.Connection, role: Role, now: float) -> tuple[Person, str]:
    secret = secrets.token_urlsafe(32)
    person = Person(new_id(now), "", role, now, now)
    columns = {name: value for name, value in vars(person).items() if name != "is_out"}
    connection.execute(people.insert().values(**columns, secret=_digest(secret)))
    return person, secret


def _count_places(connection: sa.Connection, now: float) -> int:
    counts = (people.c.name != "") | (people.c.seen >= now - _NAMELESS_SECONDS)
    query = sa.select(sa.func.count()).where(people.c.revoked.is_(None), people.c.role == "student", counts)
    return connection.execute(query).scalar_one()


def _read(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[Person]:
    is_out = people.c.revoked.is_not(None)
    columns = (people.c.id, people.c.name, people.c.role, people.c.created, people.c.seen, is_out)
    query = sa.select(*columns).where(*conditions).order_by(people.c.created, people.c.id)
    return [Person(*row) for row in connection.execute(query)]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
