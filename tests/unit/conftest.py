"""Fixtures of the unit tests: a lab, and students of its class."""

import pytest

from mnist_core.store import StudentStore, let_in
from mnist_core.store.store import Store


@pytest.fixture
def lab() -> Store:
    """The store of a test; its owner is the teacher."""
    return Store.open()


@pytest.fixture
def students(lab: Store) -> list[StudentStore]:
    """The same store as three students of the class see it."""
    return [StudentStore(lab, let_in(lab, "student")[0].id) for _ in range(3)]
