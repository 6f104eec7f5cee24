"""A table of which the browser draws only the rows in view: ten thousand runs open as soon as ten."""

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.components.v2 import component

from dashboard.components import assets
from mnist_core.text import FORMULA, one_line

# characters of content that a browser gets once only, and after a first few rows
_LARGE = 100_000
# rows
_FIRST = 60
# enough for a browser to begin with the table, and too short to be missed where it is not
_AHEAD_SECONDS = 0.1
_KINDS = {"image": "image", "list": "list", "link": "link", "progress": "progress", "datetime": "time"}

_MOUNT = component(
    "mnist_lab_data_table",
    html=assets.text("data_table/data_table.html"),
    css=assets.text("data_table/data_table.css"),
    js=assets.joined(
        "page_run.js",
        "kept.js",
        "data_table/data_table_cells.js",
        "data_table/data_table_order.js",
        "data_table/data_table_draw.js",
        "data_table/data_table.js",
    ),
)


@dataclass(frozen=True)
class TableRows:
    """A DataFrame as the browser reads it, made once and shown often."""

    # JSON: the ids of the rows, which are the index, and the columns with their values
    content: str
    digest: str
    # the content of the first rows, if there are many
    first: str


def table_rows(
    frame: pd.DataFrame,
    columns: Mapping[str, Any] | None = None,
    decimals: Mapping[str, Sequence[int]] | None = None,
) -> TableRows:
    """The rows and columns of a DataFrame; `columns` says how to show them, as `st.dataframe` takes it.

    `decimals` gives, for columns of numbers, with how many each row's number is written.

    A row is known by its value in the index, which may stand there once only; by its place where one stands twice.
    Of a column's configuration its label, help, width, type, format and whether it is pinned are followed; images are
    addresses that hold SVG, and it has to be our own.
    """
    places = {name: list(digits) for name, digits in (decimals or {}).items()}
    content = _content(frame, columns or {}, places)
    first = _content(frame.head(_FIRST), columns or {}, places) if len(content) > _LARGE else ""
    return TableRows(content, hashlib.sha256(content.encode()).hexdigest()[:16], first)


def data_table(
    key: str,
    rows: TableRows,
    caption: str,
    height: int | None = None,
    shown: Sequence[int] | None = None,
    fresh: TableRows | None = None,
    ticked: Sequence[int] | None = None,
    on_tick: Callable[[list[int]], None] | None = None,
) -> None:
    """Show the rows, at most `height` pixels of them, with a line above that says what they are.

    `shown` are the places of those to show, by default all; `fresh` holds newer values of some rows and columns. With
    `ticked`, ids of rows, each row can be ticked: `on_tick` then gets the ids of all that are ticked, also of rows that
    are not shown, before the page is drawn again.

    Of many rows the first ones go ahead, and what the page shows besides follows a moment later: so they are on the
    screen a tenth of a second earlier. Once the page has run, the browser asks for the rest.
    """
    begun, sent, answered = f"{key}:begun", f"{key}:sent", f"{key}:answered"
    session = st.session_state
    ahead = bool(rows.first) and shown is None and begun not in session
    data = {
        "name": key,
        "formula": FORMULA.pattern,
        "digest": rows.digest,
        "content": rows.first if ahead else None if session.get(sent) == rows.digest else rows.content,
        "whole": not ahead,
        "large": bool(rows.first),
        "caption": caption,
        "height": height,
        "shown": None if shown is None else list(shown),
        "fresh": fresh and fresh.content,
        "ticked": None if ticked is None else list(ticked),
        # until the browser's newest ticks are, it knows better
        "answered": session.get(answered, 0),
    }
    session[sent] = rows.digest if rows.first and not ahead else None
    session[begun] = True

    def take() -> None:
        match (session.get(key) or {}).get("ticked"):
            case {"ids": list(ids), "asked": int(asked)} if on_tick:
                session[answered] = asked
                on_tick([number for number in ids if isinstance(number, int)])

    def send_again() -> None:
        session[sent] = None

    _MOUNT(key=key, data=data, on_ticked_change=take, on_lacking_change=send_again)
    if ahead:
        time.sleep(_AHEAD_SECONDS)


def _content(frame: pd.DataFrame, columns: Mapping[str, Any], decimals: Mapping[str, Sequence[int]]) -> str:
    described = [
        _column(str(name), values, columns.get(str(name)) or {}, decimals.get(str(name)))
        for name, values in frame.items()
    ]
    ids = frame.index.tolist() if frame.index.is_unique else list(range(len(frame)))
    return json.dumps({"ids": ids, "columns": described}, separators=(",", ":"))


def _column(
    name: str, values: pd.Series, config: Mapping[str, Any] | str, decimals: Sequence[int] | None
) -> dict[str, Any]:
    if isinstance(config, str):
        config = {"label": config}
    kind = config.get("type_config") or {}
    column = {
        "name": one_line(name),
        "head": one_line(config.get("label") or name),
        "help": config.get("help"),
        "width": config.get("width"),
        "pinned": bool(config.get("pinned")),
        "kind": _KINDS.get(kind.get("type", ""), "number" if pd.api.types.is_numeric_dtype(values) else "text"),
        "format": kind.get("format"),
        "step": kind.get("step"),
        "part": kind.get("display_text"),
        "low": kind.get("min_value"),
        "high": kind.get("max_value"),
    }
    if decimals is not None:
        column["decimals"] = list(decimals[: len(values)])
    return {key: value for key, value in column.items() if value is not None} | _values(values)


def _values(values: pd.Series) -> dict[str, Any]:
    """The values as JSON has them, None where there is none; of words that repeat, each once and the place of each."""
    if pd.api.types.is_datetime64_any_dtype(values):
        return {"values": [None if pd.isna(moment) else round(moment.timestamp()) for moment in values]}
    if pd.api.types.is_numeric_dtype(values):
        return {"values": [_number(value) for value in values.astype("float64").tolist()]}
    if len(values) and isinstance(values.iloc[0], (list, tuple)):
        return {"values": [list(map(one_line, words)) for words in values]}
    codes, words = pd.factorize(values)
    if 2 * len(words) > len(values):
        return {"values": [None if pd.isna(value) else one_line(str(value)) for value in values]}
    return {"codes": codes.tolist(), "words": [one_line(str(word)) for word in words]}


def _number(value: float) -> float | int | None:
    """Seven digits of a fraction, all of a whole number: thousands of rows go to the browser in one message."""
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() else float(f"{value:.7g}")
