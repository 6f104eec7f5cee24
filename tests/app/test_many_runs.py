"""Pages of a lab with more runs than a list holds: the newest thousand, and what a search or a link names."""

import time

import pytest
from streamlit.testing.v1 import AppTest

from mnist_core.config.run_config import RunConfig
from mnist_core.store.run import new_row
from mnist_core.store.schema import runs
from mnist_core.store.store import Store
from tests.app.pages import numbers_in, opened, ran, tables, texts, ticked

pytestmark = pytest.mark.usefixtures("quiet")
RUNS, LISTED = 1_500, 1_000


def prepare(store: Store) -> None:
    """Finished runs without files; the first has a name of its own, and the best accuracy."""
    config = RunConfig(dataset="mnist-5k", architecture="softmax", epochs=2)
    rows = []
    for number in range(1, RUNS + 1):
        name = "the very first" if number == 1 else f"run {number}"
        row = new_row(config.replace(seed=number), name, ["race: old"] if number < 3 else [], time.time(), 1.0)
        rows.append(
            row
            | {"state": "finished", "queued": None, "started": 1.0, "finished": 2.0, "epoch": 2, "step": 100}
            | {"steps_per_epoch": 50, "train_images": 3_200, "validation_accuracy": 0.5, "validation_loss": 1.0}
            | {"test_loss": 1.0, "test_accuracy": 0.9 if number == 1 else 0.5}
        )
    with store.engine.begin() as connection:
        connection.execute(runs.insert(), rows)


def shown(at: AppTest) -> list[int]:
    return tables(at)["runs-table"]["Run"].tolist()


def said(at: AppTest) -> list[list[str]]:
    """The numbers in each caption that tells how many runs there are."""
    return [numbers for caption in at.caption if f"{LISTED:,}" in (numbers := numbers_in(caption.value))]


def test_the_table_shows_the_newest_thousand_and_says_so(store: Store):
    # The first rows are sent ahead of the others.
    at = ran(opened("compare", table="true"))
    assert shown(at) == list(range(RUNS, RUNS - LISTED, -1))
    assert said(at) == [[f"{LISTED:,}", f"{RUNS:,}"]]


def test_a_search_finds_older_runs(store: Store):
    at = opened("compare", table="true")
    at.text_input(key="filter").set_value("very FIRST")
    ran(at)
    assert shown(at) == [1]
    assert not said(at)
    at.text_input(key="filter").set_value("run 1")
    ran(at)
    expected = [number for number in range(RUNS, 1, -1) if "1" in str(number)]
    assert shown(at) == expected[:LISTED]
    at.text_input(key="filter").set_value("softmax")
    ran(at)
    assert shown(at) == list(range(RUNS, RUNS - LISTED, -1))
    assert said(at) == [[f"{LISTED:,}", f"{RUNS:,}"]]
    at.text_input(key="filter").set_value("no such run")
    assert ran(at).info


def test_an_old_run_is_chosen_by_its_link_and_stays_chosen_while_others_are_searched(store: Store):
    at = opened("compare", table="true", runs=["2", str(RUNS)], filter="first")
    assert at.multiselect(key="runs").value == [2, RUNS]
    assert shown(at) == [1]
    assert ticked(at) == [2, RUNS]
    at.session_state["runs"] = [2, RUNS, 1]
    ran(at)
    assert at.multiselect(key="runs").value == [2, RUNS, 1]
    assert tables(at)["results"]["Run"].tolist() == [2, RUNS, 1]
    assert not at.toast
    assert numbers_in(opened("compare", runs="7777").toast[0].value) == ["7777"]


def test_deleting_old_runs_and_bringing_them_back(store: Store):
    at = opened("compare", table="true", runs=["1", "2"])
    at.button(key="delete").click()
    ran(at)
    assert store.count_runs() == RUNS - 2
    at.button(key="undo").click()
    ran(at)
    assert at.multiselect(key="runs").value == [2, 1]
    assert store.count_runs() == RUNS


@pytest.mark.parametrize(("page", "key"), [("inspect", "run"), ("train", "runs"), ("draw", "runs")])
def test_lists_offer_the_newest_thousand_and_what_a_link_names(store: Store, page: str, key: str):
    at = opened(page, **{key: "2"})
    choice = at.selectbox(key=key) if key == "run" else at.multiselect(key=key)
    assert choice.value in (2, [2])
    # Draw also offers the most accurate runs, whatever their age.
    assert LISTED < len(choice.options) <= LISTED + 101
    assert [f"{LISTED:,}", f"{RUNS:,}"] in said(at)
    assert not at.toast


def test_without_a_link_the_newest_run_is_looked_at_and_the_best_one_draws(store: Store):
    assert opened("inspect").selectbox(key="run").value == RUNS
    assert opened("train").multiselect(key="runs").value == [RUNS]
    assert opened("draw").multiselect(key="runs").value
    assert "1 · the very first" in opened("draw").multiselect(key="runs").options[-1]


def test_an_old_race_is_offered(store: Store):
    assert [button.label for button in opened("train", view="Training").button if "old" in button.label]


def test_a_choice_of_comparable_runs_is_found_behind_a_long_queue(store: Store):
    config = RunConfig(dataset="mnist-5k", architecture="softmax")
    store.enqueue_all([(config.replace(seed=seed), "waits") for seed in range(LISTED)])
    at = opened("compare", table="true")
    assert max(at.multiselect(key="runs").value) == RUNS
    assert f"{RUNS + LISTED:,}" in texts(at)
