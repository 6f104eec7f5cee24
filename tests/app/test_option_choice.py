"""A choice between options falls back to its default for any value that is not an option."""

import pytest
from streamlit.testing.v1 import AppTest

from mnist_core.store.store import Store
from tests.app import inspect_lab
from tests.app.pages import opened, ran

pytestmark = pytest.mark.usefixtures("quiet")
prepare = inspect_lab.prepare


def page_of_one_choice() -> None:
    import streamlit as st

    from dashboard.frame.option_choice import choose_option

    chosen = choose_option("Which", ["first", "second", "third"], key="which", default="second", help="")
    st.text(chosen)


@pytest.mark.parametrize("value", ["fourth", "", None, 7, [], ["first"], True])
def test_an_unknown_value_falls_back_to_the_default(value: object) -> None:
    at = AppTest.from_function(page_of_one_choice)
    at.session_state["which"] = value
    assert ran(at).text[0].value == "second"
    assert at.button_group[0].value == "second"


def test_a_known_value_is_kept() -> None:
    at = AppTest.from_function(page_of_one_choice)
    at.session_state["which"] = "third"
    assert ran(at).text[0].value == "third"


@pytest.mark.parametrize("page", ["train", "inspect", "data", "draw", "compare", "studies", "sweeps"])
def test_no_value_of_any_choice_ends_a_page(page: str, store: Store) -> None:
    at = opened(page, **({"study": "cnn"} if page == "studies" else {}))
    for group in at.button_group:
        for value in ("nonsense", None):
            at.session_state[str(group.key)] = value
            ran(at)
