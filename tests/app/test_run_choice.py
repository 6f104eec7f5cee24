"""The choice of runs against messages that a browser has sent before it knew of a change."""

import pytest
from streamlit.testing.v1 import AppTest

from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store

pytestmark = pytest.mark.usefixtures("quiet")


def prepare(store: Store) -> None:
    for seed in range(5):
        store.enqueue(RunConfig(seed=seed))


def script() -> None:
    import streamlit as st

    from dashboard.frame import add_chosen_runs, choose_runs, open_store, replace_chosen_runs

    st.button("Others", key="others", on_click=lambda: replace_chosen_runs("runs", [3, 4]))
    st.button("One more", key="more", on_click=lambda: add_chosen_runs("runs", 5))
    chosen = choose_runs("runs", "Runs", "Which runs.", open_store().runs(), [1, 2])
    st.session_state["got"] = [run.number for run in chosen]


def late(at: AppTest, numbers: list[int]) -> list[int]:
    """What is chosen after a message of the browser with these runs."""
    at.session_state["runs"] = numbers
    at.run()
    assert not at.exception
    return at.session_state["got"]


@pytest.fixture
def page(store: Store) -> AppTest:
    at = AppTest.from_function(script).run()
    assert at.session_state["got"] == [1, 2]
    return at


def test_runs_that_were_replaced_do_not_come_back_with_a_late_message(page: AppTest) -> None:
    page.button(key="others").click().run()
    assert page.session_state["got"] == [3, 4]
    assert late(page, [1, 2]) == [3, 4]
    assert late(page, [2]) == [3, 4]
    # The browser knows the new runs, and a person adds an old one.
    assert late(page, [3, 4, 1]) == [3, 4, 1]


def test_runs_that_were_added_stay_beside_what_a_late_message_brings(page: AppTest) -> None:
    page.button(key="more").click().run()
    assert page.session_state["got"] == [1, 2, 5]
    assert late(page, [1, 2]) == [1, 2, 5]
    assert late(page, [2]) == [2, 5]
