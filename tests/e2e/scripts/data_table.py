"""A page with a table of 3,000 rows, switches that change it, and the ids of the ticked rows."""

import time

import pandas as pd
import streamlit as st

from dashboard.components.data_table.data_table import data_table, table_rows
from dashboard.components.terms import explained

ROWS = 3_000
SETTINGS = ["rate=0.5", "rate=0.05", "rate=-2", "width=100", "width=20", "mlp-300", "mlp-100", "=1+1"]
column = st.column_config


@st.cache_resource
def rows(count):
    numbers = pd.Index([*range(ROWS + 1, count + 1), *range(1, ROWS + 1)])
    frame = pd.DataFrame(
        {
            "Run": numbers,
            "Name": [f"<b>run</b> {number % 7}, {number}" for number in numbers],
            "Tags": [["even", "a,b"] if number % 2 == 0 else [] for number in numbers],
            "State": "finished",
            "Setting": [SETTINGS[number % len(SETTINGS)] for number in numbers],
            "Page": [f"/?run={number}" for number in numbers],
            "Progress": [None if number % 2 else 40.0 for number in numbers],
            "Test": [None if number == 5 else (number * 37 % 1000) / 10 for number in numbers],
            "Parameters": [79_510 + number for number in numbers],
            "Rate": 10.0 ** -(numbers.to_series() % 6).to_numpy(),
            "Made": pd.to_datetime(1_700_000_000 + 60 * numbers.to_numpy(), unit="s", utc=True),
        },
        index=numbers,
    )
    return table_rows(
        frame,
        {
            "Run": column.NumberColumn("#", width=30, pinned=True, help="The number."),
            "Progress": column.ProgressColumn(format="%d%%", min_value=0, max_value=80),
            "Test": column.NumberColumn(format="%.2f%%"),
            "Parameters": column.NumberColumn(format="localized", help=explained("", "Parameters, weights")),
            "Rate": column.NumberColumn(format="%g"),
            "Tags": column.ListColumn(),
            "Page": column.LinkColumn(display_text=r"run=(\d+)"),
            "Made": column.DatetimeColumn(),
        },
    )


def choose(ids):
    st.session_state["chosen"] = ids
    st.session_state["changed"] = True


def table(last, more, train):
    """While something trains, values change several times a second."""
    if st.session_state.pop("changed", False):
        # The rest of the page shows which rows are chosen.
        st.rerun()
    fresh = pd.DataFrame({"Test": [12.345], "Rate": [time.time() % 1000]}, index=[1])
    data_table(
        "many",
        rows(ROWS + more),
        "3,000 rows",
        height=300,
        shown=range(ROWS - 10 + more, ROWS + more) if last else None,
        fresh=table_rows(fresh) if train else None,
        ticked=st.session_state["chosen"],
        on_tick=choose,
    )


st.set_page_config(layout="wide")
st.session_state.setdefault("chosen", [2_999])
last, more = st.toggle("Only the last ten"), st.toggle("One row more")
train = st.toggle("Train")
if not st.toggle("Put the table away"):
    st.fragment(table, run_every=0.2 if train else None)(last, more, train)
if st.button("Forget"):
    st.session_state["chosen"] = []
    st.rerun()
st.text(f"Chosen: {st.session_state['chosen']}")
st.text(f"{ROWS + more} rows in all")
