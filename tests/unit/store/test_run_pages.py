"""Pages of runs give what filtering and sorting all runs in Python gives, from indexes alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from mnist_core.config.run_config import RunConfig
from mnist_core.store import StudentStore, count_matches, let_in, read_page, run_pages
from mnist_core.store.run import Run, new_row
from mnist_core.store.run_pages import RunQuery
from mnist_core.store.schema import PAGE_INDEXES, runs
from mnist_core.store.store import Store

RUNS = 2_000
LONG = "flatten " + "linear(20) relu " * 40 + "linear(classes)"
NETWORKS = ("softmax", "mlp-30", "mlp-300", LONG, LONG.replace("(classes)", "(10)"))
STATES = ("finished", "finished", "failed", "stopped")
WORDS: dict[str, Callable[[str], bool]] = {
    text: lambda searched, text=text: all(word in searched for word in text.lower().split())
    for text in ("run-0042", "MLP-30 demo", "#12", "12", "#", "été", "ÉTÉ fini", "stop", "folder", 'a"b', "100%", "_")
}


def prepare(store: Store) -> None:
    """Runs of every state, network and data set; some have equal accuracies, some none."""
    random = np.random.default_rng(0)
    rows = []
    for number in range(1, RUNS + 1):
        config = RunConfig(
            architecture=NETWORKS[number % len(NETWORKS)], dataset=("mnist", "mnist-5k")[number % 7 == 0], seed=number
        )
        tags = [tag for tag, often in (("demo", 2), ("Été", 5), ('a"b', 11), ("100%", 13)) if number % often == 0]
        row = new_row(config, f"Run-{number:05}", tags, float(number), 1.0, "s" if number % 3 == 0 else None)
        accuracy = round(float(random.random()), 2)
        row |= {"state": STATES[number % 4], "queued": None, "seconds": float(random.random())}
        row |= {"test_accuracy": accuracy if number % 5 else None, "validation_accuracy": 1 - accuracy}
        rows.append(row | {"deleted": 5.0 if number % 50 == 0 else None})
    with store.engine.begin() as connection:
        connection.execute(runs.insert(), rows)


def numbers(found: list[Run]) -> list[int]:
    return [run.number for run in found]


def searched(run: Run) -> str:
    """What the filter of the table searches."""
    texts = [f"#{run.number}", run.name, run.dataset, run.config.architecture, run.state, *run.tags]
    return " ".join(texts).lower()


def by(column: str) -> Callable[[Run], tuple[bool, float, int]]:
    return lambda run: (getattr(run, column) is not None, getattr(run, column) or 0.0, run.number)


def test_a_search_that_finds_very_many_says_that_there_are_more(store: Store, monkeypatch: pytest.MonkeyPatch):
    exact = read_page(store, RunQuery(text="run"), limit=40)
    assert (exact.total, exact.more) == (len(store.runs()), False)
    monkeypatch.setattr(run_pages, "MOST_COUNTED", 100)
    page = read_page(store, RunQuery(text="run"), limit=40)
    assert numbers(page.runs) == numbers(exact.runs)
    assert (page.total, page.more) == (100, True)
    later = read_page(store, RunQuery(text="run"), limit=40, offset=200)
    assert (later.total, later.more) == (240, True)
    everything = read_page(store, limit=40)
    assert (everything.total, everything.more) == (exact.total, False)


@pytest.mark.parametrize("text", WORDS)
def test_a_search_finds_what_the_filter_of_the_table_finds(store: Store, text: str):
    every = store.runs()
    expected = [run.number for run in every if WORDS[text](searched(run))]
    page = read_page(store, RunQuery(text=text), limit=40)
    assert numbers(page.runs) == expected[:40]
    assert page.total == len(expected) == count_matches(store, RunQuery(text=text))
    assert page.hidden == max(0, len(expected) - 40)
    assert len(expected) > 0 or text in ("folder", "_")


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("sort", ["number", "test_accuracy", "validation_accuracy", "seconds"])
def test_pages_one_after_the_other_are_all_runs(store: Store, sort: run_pages.SortColumn, descending: bool):
    expected = sorted(store.runs(), key=by(sort), reverse=descending)
    pages = [
        read_page(store, sort=sort, descending=descending, limit=700, offset=offset) for offset in range(0, RUNS, 700)
    ]
    assert numbers([run for page in pages for run in page.runs]) == numbers(expected)
    assert {page.total for page in pages} == {len(expected)}
    beyond = read_page(store, sort=sort, limit=10, offset=RUNS)
    assert (beyond.runs, beyond.total) == ([], len(expected))


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        (RunQuery(states=["failed", "stopped"]), lambda run: run.state != "finished"),
        (RunQuery(states=[]), lambda run: False),
        (RunQuery(dataset="mnist-5k"), lambda run: run.dataset == "mnist-5k"),
        (RunQuery(architecture="mlp-30"), lambda run: run.config.architecture == "mlp-30"),
        (RunQuery(architecture=LONG), lambda run: run.config.architecture == LONG),
        (RunQuery(sweep="s", states=["finished"]), lambda run: run.sweep == "s" and run.state == "finished"),
        (RunQuery(numbers=[1, 77, 50, 9_999]), lambda run: run.number in (1, 77)),
        (RunQuery(architecture="softmax", text="demo"), lambda run: run.number % 10 == 0),
        (RunQuery(owners=[None]), lambda run: True),
        (RunQuery(owners=["nobody"]), lambda run: False),
    ],
)
def test_every_condition_holds(store: Store, query: RunQuery, fits: Callable[[Run], bool]):
    expected = [run for run in sorted(store.runs(), key=by("test_accuracy"), reverse=True) if fits(run)]
    page = read_page(store, query, "test_accuracy", limit=None)
    assert numbers(page.runs) == numbers(expected)
    assert page.total == len(expected)


def test_deleted_runs_are_on_their_own_page(store: Store):
    gone = read_page(store, RunQuery(deleted=True), limit=None)
    assert numbers(gone.runs) == numbers(store.runs(deleted=True)) == list(range(RUNS, 0, -50))


def test_what_a_run_is_found_by_follows_its_changes(store: Store):
    run = store.find("1")
    store.rename(run.id, "Zebra")
    store.set_tags(run.id, ["Ünlü"])
    other = store.enqueue(RunConfig(dataset="mnist"), "other", claimed=True)
    store.describe(other, config=RunConfig(dataset="mnist-5k", architecture="lenet-5"))
    for text, number in (("zebra", 1), ("ünlü zebra", 1), ("lenet-5 mnist-5k other", other.number)):
        assert numbers(read_page(store, RunQuery(text=text)).runs) == [number]
    assert read_page(store, RunQuery(text="run-00001")).total == 0
    found = read_page(store, RunQuery(dataset="mnist-5k", architecture="lenet-5")).runs
    assert numbers(found) == [other.number]


def test_a_long_name_and_many_tags_are_kept_and_found_by_their_beginning(store: Store):
    tags = [f"étiquette-{number:04}" for number in range(600)]
    run = store.enqueue(RunConfig(architecture=LONG * 4), "é" * 200, tags)
    assert numbers(read_page(store, RunQuery(text="É" * 200)).runs) == [run.number]
    assert store.run(run.id).tags == tuple(tags)


def test_a_student_finds_own_runs_the_teachers_and_shared_ones(store: Store):
    students = [StudentStore(store, let_in(store, "student")[0].id) for _ in range(2)]
    own, other, shared = (students[place].enqueue(RunConfig(), "pupil") for place in (0, 1, 1))
    students[1].share([shared.id])
    assert numbers(read_page(students[0], RunQuery(text="pupil")).runs) == [shared.number, own.number]
    assert count_matches(students[0], RunQuery()) == students[0].count_runs() == store.count_runs() - 1
    owned = RunQuery(owners=[students[1].owner])
    assert numbers(read_page(store, owned).runs) == [shared.number, other.number]


@pytest.mark.sqlite
def test_rows_that_cannot_be_read_stand_beside_the_page(store: Store):
    with store.engine.begin() as connection:
        for number, change in ((1999, "config = 'no JSON'"), (1998, "tags = '7'"), (1997, "test_accuracy = 'high'")):
            connection.exec_driver_sql(f"UPDATE runs SET {change} WHERE number = {number}")
        connection.exec_driver_sql("UPDATE runs SET name = CAST(x'ff' AS TEXT), words = x'ff' WHERE number = 1996")
    page = read_page(store, limit=6)
    assert numbers(page.runs) == [1995, 1994]
    assert sorted(row.number for row in page.broken) == [1996, 1997, 1998, 1999]
    assert page.hidden == RUNS * 49 // 50 - 6
    assert [row.number for row in read_page(store, sort="test_accuracy", limit=1).broken] == [1997]
    assert numbers(read_page(store, RunQuery(text="run-01999")).runs) == []
    assert [row.number for row in read_page(store, RunQuery(text="run-01999")).broken] == [1999]


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("query", "sort", "index"),
    [
        (RunQuery(), "number", "runs_by_words"),
        (RunQuery(text="mlp-30 demo"), "number", "runs_by_words"),
        (RunQuery(), "test_accuracy", "runs_by_test_accuracy"),
        (RunQuery(states=["failed"]), "test_accuracy", "runs_by_state_and_test"),
        (RunQuery(architecture="softmax"), "test_accuracy", "runs_by_architecture"),
        (RunQuery(dataset="mnist-5k"), "test_accuracy", "runs_by_dataset"),
        (RunQuery(text="mlp-30 demo"), "test_accuracy", "runs_by_test_accuracy"),
        (RunQuery(text="stop"), "test_accuracy", "runs_by_test_accuracy"),
        (RunQuery(text="demo", states=["failed"]), "test_accuracy", "runs_by_state_and_test"),
        (RunQuery(text="demo", dataset="mnist-5k"), "test_accuracy", "runs_by_dataset"),
    ],
)
@pytest.mark.parametrize("descending", [True, False])
def test_sqlite_takes_a_page_from_an_index_without_sorting(
    store: Store, query: RunQuery, sort: run_pages.SortColumn, index: str, descending: bool
):
    statements: list[tuple[str, tuple[Any, ...]]] = []
    event.listen(store.engine, "before_cursor_execute", lambda *given: statements.append((given[2], given[3])))
    read_page(store, query, sort, limit=RUNS, descending=descending)
    count_matches(store, query)
    looked, counted = (given for given in statements if "LIMIT" in given[0] or "count(" in given[0])
    with store.engine.connect() as connection:
        plans = [
            [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", given)]
            for text, given in (looked, counted)
        ]
    # Covering: no row of the table is read.
    assert [plan for plan in plans if len(plan) != 1 or "COVERING INDEX" not in plan[0]] == []
    assert index in plans[0][0]


def test_every_index_of_pages_is_there(store: Store):
    names = {index["name"] for index in sa.inspect(store.engine).get_indexes("runs")}
    assert {index.name for index in PAGE_INDEXES} <= names
