"""The league table of the class: the best run of each person, with intervals; ties are ties."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from dashboard.components import data_table, table_rows
from dashboard.controls import compared_runs
from dashboard.frame import choose_option, open_store, pace
from mnist_core.analysis import league
from mnist_core.store import TEACHER, Run, names_of_people
from mnist_core.text import in_html, in_markdown

_TICK_SECONDS = 3.0


def show_league() -> None:
    """The table as it is now; it follows the runs that end."""
    datasets = league.read_datasets(open_store()) or [league.DATASETS[0]]
    dataset = datasets[0]
    if len(datasets) > 1:
        dataset = choose_option(
            "Data set",
            datasets,
            key="league",
            default=dataset,
            help="Only networks that were tested on the same images can be compared.",
        )
    st.fragment(_table, run_every=pace(_TICK_SECONDS))(dataset)


def owner_name(names: Mapping[str, str], run: Run) -> str:
    """The name of whoever trained a run."""
    return TEACHER if run.owner is None else names.get(run.owner) or "Somebody without a name"


def show_places(
    key: str, rows: Sequence[league.LeagueRow], names: Mapping[str, str], columns: Sequence[str], caption: str
) -> None:
    """The places of a league as a table with these columns, in their order."""
    frame = pd.DataFrame(
        [
            {
                "Place": row.place,
                "Name": owner_name(names, row.run),
                "Network": row.run.config.architecture,
                "Test accuracy (%)": 100 * row.accuracy,
                "95 % interval": f"{row.low:.2%} to {row.high:.2%}",
                "Beats": row.wins,
                "Beaten by": row.losses,
                "Wins": row.wins,
                "Losses": row.losses,
                "Epochs": row.run.config.epochs,
                "Run": row.run.number,
            }
            for row in rows
        ]
    )
    digits = {"Test accuracy (%)": st.column_config.NumberColumn(format="%.2f")}
    data_table(key, table_rows(frame.loc[:, list(columns)], digits), caption)


def _table(dataset: str) -> None:
    store = open_store()
    candidates = league.read_entries(store, dataset)
    if not candidates:
        st.info(
            "The league begins with the first finished run that held out validation images. The run of each person "
            "with the best validation accuracy counts here; its place is decided by the test images."
        )
        return
    compared = compared_runs.gather_predictions(candidates)
    if compared is None:
        return
    rows = league.league(compared_runs.load_verdict(compared))
    names = names_of_people(store)
    first = [row for row in rows if row.place == 1]
    leaders = ", ".join(dict.fromkeys(owner_name(names, row.run) for row in first))
    st.html(f"<p class='leader'>{first[0].accuracy:.2%}</p><p class='leader-name'>{in_html(leaders)}</p>")
    if len(first) > 1:
        st.markdown(
            f"**{len(first)} share the first place.** On these {compared.images:,} test images their differences may "
            "be luck."
        )
    columns = ("Place", "Name", "Network", "Test accuracy (%)", "95 % interval", "Beats", "Beaten by", "Run")
    show_places("league", rows, names, columns, "League: of each person the run with the best validation accuracy")
    if store.owner is not None:
        st.caption("Only your own runs, your teacher's and shared ones are counted here. Your teacher sees all.")
    st.caption(
        in_markdown(
            "A place is one more than the number of runs that are better beyond chance (McNemar's test, 5 %, corrected "
            "for all pairs). Runs that cannot be told apart may share a place."
        )
    )
