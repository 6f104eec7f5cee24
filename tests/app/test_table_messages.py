"""The Python side of the table, without a browser: what is sent and when, and which answers are accepted."""

import json
from typing import Any

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.components.data_table import data_table
from dashboard.components.data_table.data_table import table_rows


def sent(frame: pd.DataFrame, **columns: Any) -> list[dict[str, Any]]:
    return json.loads(table_rows(frame, columns).content)["columns"]


def test_values_are_written_so_that_nothing_is_lost_or_said_twice() -> None:
    frame = pd.DataFrame(
        {
            "whole": pd.array([1_663_370, None, 3], dtype="Int64"),
            "share": [0.1234567891, float("nan"), float("inf")],
            "name": ["a", None, "a"],
            "words": [["x"], [], ["y", "z"]],
            "made": pd.to_datetime([0, None, 86_400], unit="s", utc=True),
        },
        index=[7, 8, 9],
    )
    assert json.loads(table_rows(frame).content)["ids"] == [7, 8, 9]
    whole, share, name, words, made = sent(frame)
    assert whole["values"] == [1_663_370, None, 3]
    assert share["values"] == [0.1234568, None, None]
    assert (name["words"], name["codes"]) == (["a"], [0, -1, 0])
    assert words["values"] == [["x"], [], ["y", "z"]]
    assert made["values"] == [0, None, 86_400]
    (often,) = sent(pd.DataFrame({"state": ["finished", "stopped", None] * 4}))
    assert (often["words"], often["codes"]) == (["finished", "stopped"], [0, 1, -1] * 4)


def test_streamlits_column_configurations_are_followed() -> None:
    number = st.column_config.NumberColumn("Test", format="%.2f%%", width=88, pinned=True, help="Of the test images.")
    (column,) = sent(pd.DataFrame({"a": [1.5]}), a=number)
    assert {key: column[key] for key in ("name", "head", "format", "width", "pinned", "help", "kind")} == {
        "name": "a",
        "head": "Test",
        "format": "%.2f%%",
        "width": 88,
        "pinned": True,
        "help": "Of the test images.",
        "kind": "number",
    }
    link = st.column_config.LinkColumn(display_text=r"run=(\d+)")
    progress = st.column_config.ProgressColumn(min_value=0, max_value=50)
    first, other, plain = sent(pd.DataFrame({"a": ["/x?run=1"], "b": [4], "c": ["z"]}), a=link, b=progress, c="Letter")
    assert (first["kind"], first["part"]) == ("link", r"run=(\d+)")
    assert (other["kind"], other["low"], other["high"]) == ("progress", 0, 50)
    assert (plain["kind"], plain["head"]) == ("text", "Letter")


def script() -> None:
    import pandas as pd
    import streamlit as st

    from dashboard.components.data_table.data_table import data_table, table_rows

    rows = table_rows(pd.DataFrame({"a": range(st.session_state["rows"]), "b": 0.123456}))
    data_table("t", rows, "Rows", ticked=[1], on_tick=lambda ids: st.session_state.__setitem__("chosen", ids))


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What each run of the page sends; the browser answers with the event that the session's `answer` names."""
    calls: list[dict[str, Any]] = []

    def mount(data: dict[str, Any], **answers: Any) -> None:
        calls.append(data)
        if answer := st.session_state.get("answer"):
            answers[f"on_{answer}_change"]()

    monkeypatch.setattr(data_table, "_MOUNT", lambda key, data, **answers: mount(data, **answers))
    return calls


def rows_sent(data: dict[str, Any]) -> int | None:
    return None if data["content"] is None else len(json.loads(data["content"])["ids"])


def test_of_many_rows_the_first_go_ahead_and_all_come_once(mounted: list[dict[str, Any]]) -> None:
    app = AppTest.from_function(script)
    app.session_state["rows"] = 10_000
    for answer in ("", "", "", "lacking", ""):
        app.session_state["answer"] = answer
        app.run()
        assert not app.exception
    assert [rows_sent(data) for data in mounted] == [60, 10_000, None, None, 10_000]
    assert [data["whole"] for data in mounted] == [False, True, True, True, True]
    assert len({data["digest"] for data in mounted}) == 1


def test_a_few_rows_are_sent_whole_each_time(mounted: list[dict[str, Any]]) -> None:
    app = AppTest.from_function(script)
    app.session_state["rows"] = 100
    for _ in range(2):
        app.run()
    assert [(rows_sent(data), data["whole"]) for data in mounted] == [(100, True)] * 2


@pytest.mark.parametrize(
    ("message", "chosen", "answered"),
    [
        ({"ids": [5, 3], "asked": 7}, [5, 3], 7),
        ({"ids": [5, "3", None, [1]], "asked": 7}, [5], 7),
        ({"ids": "5", "asked": 7}, None, 0),
        ({"ids": [5]}, None, 0),
        (None, None, 0),
    ],
)
def test_of_what_a_browser_says_only_numbers_are_believed(
    mounted: list[dict[str, Any]], message: object, chosen: list[int] | None, answered: int
) -> None:
    app = AppTest.from_function(script)
    for key, value in {"rows": 10, "chosen": None, "t": {"ticked": message}, "answer": "ticked"}.items():
        app.session_state[key] = value
    app.run()
    app.run()
    assert not app.exception
    assert app.session_state["chosen"] == chosen
    assert mounted[-1]["answered"] == answered
