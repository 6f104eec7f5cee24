"""A table whose rows the browser draws only while they are in view: ten thousand runs open as fast as ten."""

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
from dashboard.components.terms import without_terms
from mnist_core.text import FORMULA, one_line

# A content of more characters is sent only once, and after its first rows.
_LARGE = 100_000
_FIRST_ROWS = 60
# Heights in pixels of a row (the head is as high), and of what is around the rows: the line above and the borders.
_ROW, _AROUND = 36, 36
# Gives the browser time to draw the first rows before the rest of the page arrives.
_AHEAD_SECONDS = 0.1
# Kinds of cells by the types of Streamlit's column configurations.
_KINDS = {"image": "image", "list": "list", "link": "link", "progress": "progress", "datetime": "time"}

_MOUNT = component(
    "mnist_lab_data_table",
    html=assets.text("data_table/data_table.html"),
    css=assets.text("data_table/data_table.css"),
    js=assets.joined(
        "page_run.js",
        "kept.js",
        "kept_place.js",
        "data_table/data_table_cells.js",
        "data_table/data_table_order.js",
        "data_table/data_table_draw.js",
        "data_table/data_table.js",
    ),
)


@dataclass(frozen=True)
class TableRows:
    """A DataFrame as the browser reads it, made once and shown often."""

    # JSON with the ids of the rows (the index of the frame) and the columns with their values.
    content: str
    digest: str
    # The same of the first rows only, if the content is large; else empty.
    first: str
    # How many rows there are.
    count: int


def table_rows(
    frame: pd.DataFrame,
    columns: Mapping[str, Any] | None = None,
    decimals: Mapping[str, Sequence[int]] | None = None,
) -> TableRows:
    """A DataFrame for `data_table`; `columns` are column configurations as `st.dataframe` takes them.

    `decimals` gives, for columns of numbers, how many decimals are written in each row.

    The id of a row is its value in the index, or its position if the index has duplicates. Of a column's configuration
    the label, help, width, type, format and whether it is pinned are used. Images are addresses that contain SVG, and
    the SVG must be the app's own, because it becomes part of the page.
    """
    digits = decimals or {}
    content = _content(frame, columns or {}, digits)
    first = _content(frame.head(_FIRST_ROWS), columns or {}, digits) if len(content) > _LARGE else ""
    return TableRows(content, hashlib.sha256(content.encode()).hexdigest()[:16], first, len(frame))


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
    """Show the rows, at most `height` pixels of them, with a caption above.

    `shown` are positions of the rows to show, by default all; `fresh` contains newer values of some rows and columns.
    With `ticked`, ids of rows, each row can be ticked: `on_tick` then gets the ids of all ticked rows, also of those
    that are not shown, before the page is drawn again.

    The first rows of a large table are sent ahead of the rest of the page, so that they appear a tenth of a second
    earlier. Once the page has run, the browser requests the other rows.
    """
    session = st.session_state
    opened, sent, answered = _session_keys(key)
    is_ahead = bool(rows.first) and shown is None and opened not in session
    data = {
        "name": key,
        "formula": FORMULA.pattern,
        "digest": rows.digest,
        "content": rows.first if is_ahead else None if session.get(sent) == rows.digest else rows.content,
        "whole": not is_ahead,
        "large": bool(rows.first),
        "caption": caption,
        "height": height,
        "shown": None if shown is None else list(shown),
        "fresh": fresh and fresh.content,
        "ticked": None if ticked is None else list(ticked),
        # While Python has not confirmed the latest ticks, the browser's state is newer.
        "answered": session.get(answered, 0),
    }
    session[sent] = rows.digest if rows.first and not is_ahead else None
    session[opened] = True
    _MOUNT(
        key=key,
        data=data,
        height=_place(rows.count if shown is None else len(shown), height),
        on_ticked_change=lambda: _take_ticks(key, on_tick),
        on_lacking_change=lambda: session.update({sent: None}),
    )
    if is_ahead:
        time.sleep(_AHEAD_SECONDS)


def _place(rows: int, most: int | None) -> int:
    """Pixels that are kept for the table, so that what is below it does not move when its rows arrive."""
    box = (rows + 1) * _ROW
    return _AROUND + (box if most is None else min(box, most))


def _session_keys(key: str) -> tuple[str, str, str]:
    """Keys of the session: whether the table was shown, the digest that was sent, the last confirmed ticks."""
    return f"{key}:begun", f"{key}:sent", f"{key}:answered"


def _take_ticks(key: str, on_tick: Callable[[list[int]], None] | None) -> None:
    match (st.session_state.get(key) or {}).get("ticked"):
        case {"ids": list(ids), "asked": int(number)} if on_tick:
            _, _, answered = _session_keys(key)
            st.session_state[answered] = number
            on_tick([row for row in ids if isinstance(row, int)])


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
    help, terms = without_terms(config.get("help") or "")
    column = {
        "name": one_line(name),
        "head": one_line(config.get("label") or name),
        "help": help or None,
        "terms": terms or None,
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
    """The values for JSON, None if missing; words that repeat are sent once, with a code for each row."""
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
    """Seven digits of a fraction, all of a whole number: thousands of rows travel in one message."""
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() else float(f"{value:.7g}")
