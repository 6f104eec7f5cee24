"""The league: one honest figure a person, and places that nobody has by luck alone."""

from dataclasses import replace

import numpy as np
import pytest

from mnist_core.analysis import league
from mnist_core.analysis.predictions import Predictions
from mnist_core.analysis.verdict import judge
from mnist_core.config.run_config import RunConfig
from mnist_core.store import IMPORTED, StudentStore, let_in
from mnist_core.store.run import Run
from mnist_core.store.store import Store

IMAGES = 1000


def finished(store: Store, **values: float | None) -> Run:
    run = store.enqueue(RunConfig(dataset="mnist-5k"))
    return replace(run, state="finished", test_accuracy=0.9, **values)


@pytest.fixture
def stores() -> list[Store]:
    lab = Store.open()
    return [lab, *(StudentStore(lab, let_in(lab, "student")[0].id) for _ in range(3))]


def test_the_run_with_the_best_validation_accuracy_counts_whatever_its_test_accuracy(stores: list[Store]):
    teacher, anna, ben, _ = stores
    low = replace(finished(anna, validation_accuracy=0.91), test_accuracy=0.99)
    high = replace(finished(anna, validation_accuracy=0.92), test_accuracy=0.80)
    equal = finished(anna, validation_accuracy=0.92)
    bens, teachers = finished(ben, validation_accuracy=0.5), finished(teacher, validation_accuracy=0.6)
    untested = replace(finished(ben, validation_accuracy=0.9), test_accuracy=None)
    without = finished(ben, validation_accuracy=None)
    on_test = finished(ben, validation_accuracy=0.99)
    on_test = replace(on_test, config=on_test.config.replace(choose_on="test"))
    running = replace(finished(ben, validation_accuracy=0.9), state="running")
    everything = [low, high, equal, bens, teachers, untested, without, on_test, running]
    assert [run.id for run in league.entries(everything)] == [high.id, bens.id, teachers.id]
    assert league.entries([]) == []


def test_places_are_lost_to_runs_that_are_better_beyond_chance_only(stores: list[Store]):
    runs = tuple(store.enqueue(RunConfig(dataset="mnist-5k")) for store in stores)
    # Two that differ by a few images, one far behind, one further still.
    wrong = [range(20), range(22, 50), range(100, 300), range(300, 700)]
    labels = np.zeros(IMAGES, dtype=np.int64)
    answers = {}
    for run, missed in zip(runs, wrong, strict=True):
        predicted = np.zeros(IMAGES, dtype=np.int64)
        predicted[list(missed)] = 1
        answers[run.id] = np.eye(2, dtype=np.float32)[predicted]
    rows = league.league(judge(Predictions(runs, labels, answers)))
    assert [(row.place, row.run.id) for row in rows] == list(zip((1, 1, 3, 4), (run.id for run in runs), strict=True))
    assert [(row.wins, row.losses) for row in rows] == [(2, 0), (2, 0), (1, 2), (0, 3)]
    assert [row.accuracy for row in rows] == [0.98, 0.972, 0.8, 0.6]
    assert all(row.low < row.accuracy < row.high for row in rows)


def test_each_data_set_has_a_league_of_its_own(stores: list[Store]):
    lab, anna, ben, _ = stores

    def trained(store: Store, dataset: str, accuracy: float, *tags: str) -> str:
        run = store.enqueue(RunConfig(dataset=dataset), "", tags, claimed=True)
        lab.finish(run, "finished", validation_accuracy=accuracy, test_accuracy=0.9, best_epoch=1)
        return run.id

    annas = {name: trained(anna, name, accuracy) for name, accuracy in (("mnist", 0.99), ("mnist-5k", 0.9))}
    bens = trained(ben, "mnist-5k", 0.8)
    trained(ben, "mnist-5k", 0.99, IMPORTED)
    assert league.read_datasets(lab) == ["mnist-5k", "mnist"]
    assert {run.id for run in league.read_entries(lab, "mnist-5k")} == {annas["mnist-5k"], bens}
    assert [run.id for run in league.read_entries(lab, "mnist")] == [annas["mnist"]]
