"""What pages keep of runs is read again once a run has changed, and not before."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from dashboard.frame import cached_by_run, errors_as_messages
from mnist_core.analysis.predictions import Predictions
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import StorageError, StoreError
from mnist_core.store.run import Run
from mnist_core.store.store import Store

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def run(store: Store) -> Run:
    return store.enqueue(RunConfig(), "net")


def test_a_run_is_read_again_once_it_has_changed(run: Run) -> None:
    read: list[tuple[Run, int]] = []

    @cached_by_run(max_entries=10)
    def load(run: Run, count: int, _more: object) -> int:
        read.append((run, count))
        return len(read)

    assert load(run, 1, object()) == load(run, 1, object()) == load(replace(run, note="note"), 1, None) == 1
    changed = [replace(run, step=1), replace(run, finished=1.0), replace(run, name="other"), replace(run, id="other")]
    assert [load(other, 1, None) for other in changed] == [2, 3, 4, 5]
    assert load(run, 2, None) == 6
    assert load(run, 1, None) == 1


def test_runs_in_lists_and_in_predictions_count_too(run: Run) -> None:
    read: list[object] = []

    @cached_by_run(max_entries=10)
    def load(of: Sequence[Run] | Predictions) -> int:
        read.append(of)
        return len(read)

    def predictions(*runs: Run) -> Predictions:
        return Predictions(runs, np.zeros(1, dtype=np.int64), {of.id: np.ones((1, 2), np.float32) for of in runs})

    again = replace(run, step=1)
    assert [load([run]), load([again]), load([run, again]), load([run])] == [1, 2, 3, 1]
    assert [load(predictions(run)), load(predictions(again)), load(predictions(run))] == [4, 5, 4]
    assert load(replace(predictions(run), split="validation")) == 6


def test_an_error_that_may_be_over_at_the_next_try_is_not_kept(run: Run) -> None:
    errors = [StorageError("The database is locked.", "locked"), StoreError("The records are damaged.")]
    tries: list[StoreError] = []

    @cached_by_run(max_entries=10)
    def load(run: Run) -> int:
        with errors_as_messages(kept=True):
            tries.append(errors[len(tries)])
            raise tries[-1]
        return len(tries)

    with pytest.raises(StorageError):
        load(run)
    assert load(run) == load(run) == 2
