"""An address that the server writes has what a person has just chosen, though the request came with the one before.

AppTest's requests never have the new value of a bound widget in their address, as a busy browser's may not.
"""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.frame.address import keep_chosen_values
from tests.app.pages import ran

keep_chosen_values()


def page_with_bound_widgets() -> None:
    import streamlit as st

    from dashboard.frame.address import complete_address

    st.toggle("Open", key="open", bind="query-params")
    st.number_input("Rate", 0.0, 1.0, 0.5, key="rate", bind="query-params")
    st.multiselect("Runs", ["one", "two", "three"], ["one"], key="some", bind="query-params")
    st.segmented_control("View", ["left", "right"], key="side", default="left", required=True, bind="query-params")
    if st.session_state["open"] and st.query_params.get("written") != "yes":
        st.query_params["written"] = "yes"
    complete_address()


@pytest.fixture
def at() -> AppTest:
    return ran(AppTest.from_function(page_with_bound_widgets))


def test_what_the_server_writes_keeps_the_switch_that_was_just_turned(at: AppTest) -> None:
    assert ran(at.toggle[0].set_value(True)).query_params == {"open": "true", "written": "yes"}


def test_the_end_of_a_run_adds_what_is_missing(at: AppTest) -> None:
    ran(at.number_input[0].set_value(0.25))
    ran(at.multiselect[0].set_value(["two", "three"]))
    assert ran(at.button_group[0].set_value("right")).query_params == {
        "rate": "0.25",
        "some": ["two", "three"],
        "side": "right",
    }


def test_usual_and_emptied_values_are_written_as_the_browser_writes_them(at: AppTest) -> None:
    at.query_params["rate"] = "0.25"
    ran(at.number_input[0].set_value(0.5))
    assert ran(at.multiselect[0].set_value([])).query_params == {"some": ""}


def test_other_digits_of_the_same_number_stay(at: AppTest) -> None:
    ran(at.number_input[0].set_value(0.25))
    at.query_params["rate"] = "2.5e-1"
    assert ran(at).query_params == {"rate": "2.5e-1"}


def test_a_link_is_not_changed_before_anything_is_chosen() -> None:
    at = AppTest.from_function(page_with_bound_widgets)
    at.query_params.update({"rate": "0.75", "other": "1"})
    assert ran(at).query_params == {"rate": "0.75", "other": "1"}
    assert at.number_input[0].value == 0.75
