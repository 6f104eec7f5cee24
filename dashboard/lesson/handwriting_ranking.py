"""The networks in the order in which they read the drawings of the class, with intervals; ties are ties."""

import pandas as pd
import streamlit as st

from dashboard.components import data_table, table_rows
from dashboard.frame import open_store, pace
from dashboard.lesson.league_view import owner_name
from mnist_core.analysis import handwriting
from mnist_core.plots import run_label
from mnist_core.store import RunQuery, Store, count_by_digit, names_of_people, read_page
from mnist_core.text import in_html, in_markdown

_TICK_SECONDS = 2.0


@st.cache_resource(show_spinner=False)
def class_answers() -> handwriting.HandwritingAnswers:
    """What networks have answered to the drawings, for all sessions."""
    return handwriting.HandwritingAnswers()


def handwriting_ranking() -> None:
    """The ranking as it is now; it follows what is handed in and what ends its training."""
    st.fragment(_show, run_every=pace(_TICK_SECONDS))()


def _show() -> None:
    store = open_store()
    counts = count_by_digit(store)
    if not sum(counts):
        st.info(
            "Nothing has been drawn yet. What the class draws becomes its own test set, on which the newest "
            f"{handwriting.MOST_RANKED} finished networks for digits are ranked here."
        )
        return
    finished = read_page(store, RunQuery(states=["finished"])).runs
    ranking = class_answers().rank(store, finished)
    if ranking.rows:
        _show_leader(ranking)
        _show_table(store, ranking)
        _show_scope(ranking, len(handwriting.ranked_runs(finished)))
    elif not ranking.waiting:
        st.info("No network has learned to read digits yet: train one on the page Train.")
    if ranking.waiting:
        st.caption(f"Networks that have not answered all drawings yet: {ranking.waiting}.")
    for run, reason in ranking.left_out:
        st.caption(in_markdown(f"{run_label(run)} is not ranked: {reason}"))
    _show_counts(counts)


def _show_leader(ranking: handwriting.Ranking) -> None:
    first, right = ranking.rows[0], ranking.right or {}
    st.html(
        f"<p class='leader drawings'>{right[first.run.id]} of {ranking.drawings}</p>"
        f"<p class='leader-name'>{in_html(run_label(first.run))} reads right</p>"
    )
    if ranking.summary:
        st.markdown(in_markdown(ranking.summary))


def _show_table(store: Store, ranking: handwriting.Ranking) -> None:
    names, right = names_of_people(store), ranking.right or {}
    rows = [
        {
            "Place": row.place,
            "Network": run_label(row.run),
            **({"Name": owner_name(names, row.run)} if names else {}),
            "Right": right[row.run.id],
            "Drawings": ranking.drawings,
            "95 % interval": f"{row.low:.1%} to {row.high:.1%}",
        }
        for row in ranking.rows
    ]
    data_table("handwriting", table_rows(pd.DataFrame(rows)), "Networks by how many drawings of the class they read")


def _show_scope(ranking: handwriting.Ranking, ranked: int) -> None:
    newest = f" At most the newest {handwriting.MOST_RANKED} networks are ranked." * (ranked == handwriting.MOST_RANKED)
    st.caption(
        in_markdown(
            f"{ranking.scope} Whoever draws sees what the first network says, and may draw for or against it. A place "
            "is one more than the number of networks that are better beyond chance (McNemar's test, 5 %, corrected for "
            f"all pairs).{newest}"
        )
    )


def _show_counts(counts: tuple[int, ...]) -> None:
    cells = "".join(f"<li><b>{digit}</b> <span>{count}</span></li>" for digit, count in enumerate(counts))
    st.html(
        f"<p class='counts-title'>{sum(counts):,} drawing{'s' * (sum(counts) != 1)}; under each digit its number:</p>"
        f"<ul class='digit-counts'>{cells}</ul>"
    )
