"""Pages of the app without a browser, as a link opens them."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Widget

from dashboard.access.gate import PERSON_HEADER
from mnist_core.store.people import Person

_ROOT = Path(__file__).resolve().parents[2]


def opened(page: str, /, **query: object) -> AppTest:
    """A page as a link with this query shows it; it must not end in a traceback."""
    return ran(unopened(page, **query))


def unopened(page: str, /, **query: object) -> AppTest:
    """The same before it has run for the first time."""
    at = AppTest.from_file(str(_ROOT / "app.py"), default_timeout=60).switch_page(f"pages/{page}.py")
    for key, value in query.items():
        at.query_params[key] = value if isinstance(value, list) else str(value)
    return at


def ran(changed: AppTest | Widget) -> AppTest:
    """Run the page, or the page of a changed control, once more; it must not end in a traceback."""
    at = changed.run()
    assert not at.exception, at.exception
    return at


def as_person(monkeypatch: pytest.MonkeyPatch, person: Person) -> None:
    """From now on the pages are this person's, as after a login."""
    # The gate alone can set the header of a request, and here is no request.
    monkeypatch.setenv("MNIST_LAB_ACCESS", "on")
    headers = {PERSON_HEADER: person.id}
    monkeypatch.setattr(type(st.context), "headers", property(lambda context: headers))


def texts(at: AppTest) -> str:
    """What a page says in headings, messages, captions and running text; controls, tables and charts left out."""
    kinds = (at.title, at.header, at.subheader, at.info, at.success, at.warning, at.error, at.caption, at.markdown)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def running_text(at: AppTest) -> list[str]:
    """The running text of a page in its order, without what buttons open."""
    opened_by_button = {id(element) for block in at.get("popover") for element in block}  # type: ignore[attr-defined]
    return [text.value for text in at.markdown if id(text) not in opened_by_button]


def numbers_in(text: str) -> list[str]:
    """The numbers of a text in their order, as they are written there: "1,000", "97.50%", "3"."""
    return re.findall(r"\d[\d,]*(?:\.\d+)?%?(?<!,)", text)


def tables(at: AppTest) -> dict[str, pd.DataFrame]:
    """What `data_table` shows, by the key of each table: its rows as they are now, indexed by their ids."""
    sent = [
        component.proto
        for component in at.get("bidi_component")
        if component.proto.component_name == "mnist_lab_data_table"
    ]
    tables_by_key = {}
    for message in map(json.loads, (proto.json for proto in sent)):
        frame = frame_of(message["content"])
        if message["fresh"]:
            newer = frame_of(message["fresh"])
            for name in newer:
                frame[name] = newer[name].reindex(frame.index).where(frame.index.isin(newer.index), frame[name])
        tables_by_key[message["name"]] = frame if message["shown"] is None else frame.iloc[message["shown"]]
    return tables_by_key


def curve_charts(at: AppTest) -> dict[str, dict[str, Any]]:
    """The shape of each chart of curves by its key, as its first message has it; each line with its points."""
    charts = {}
    for component in at.get("bidi_component"):
        if component.proto.component_name.endswith("curve_chart"):
            data = json.loads(component.proto.json)
            shape = data["message"]["shape"]
            for line, part in zip(shape["lines"], data["message"]["parts"], strict=True):
                line |= {axis: np.frombuffer(base64.b64decode(part[axis]), "<f4") for axis in "xy"}
            charts[data["key"]] = shape
    return charts


def answers_sent(at: AppTest) -> dict[str, Any]:
    """What the Draw page sends to the part that asks for answers: the runs, and the HTML before there is a drawing."""
    (sent,) = [part for part in at.get("bidi_component") if part.proto.component_name == "mnist_lab_drawing_answers"]
    return json.loads(sent.proto.json)


def ticked(at: AppTest) -> list[int]:
    """Ids of the rows that the table of all runs shows as ticked."""
    (message,) = [
        json.loads(component.proto.json)
        for component in at.get("bidi_component")
        if "runs-table" in component.proto.json
    ]
    return message["ticked"]


def frame_of(content: str) -> pd.DataFrame:
    """The table that was sent as this content."""
    sent = json.loads(content)
    columns = {}
    for column in sent["columns"]:
        words = column.get("words")
        columns[column["name"]] = (
            column["values"] if words is None else [None if code < 0 else words[code] for code in column["codes"]]
        )
    return pd.DataFrame(columns, index=sent["ids"])
