"""Every control of every page says what it does."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.compare.sections import SECTIONS
from mnist_core.config.run_config import RunConfig
from mnist_core.jobs import queue
from mnist_core.store import DRAWING_SIDE, add_drawing, concurrency
from mnist_core.store.store import Store
from tests.labs import trained_run

PAGES = Path(__file__).parents[2] / "pages"
KINDS = (
    "button",
    "checkbox",
    "multiselect",
    "number_input",
    "radio",
    "select_slider",
    "selectbox",
    "slider",
    "text_area",
    "text_input",
    "toggle",
    "button_group",
)


def prepare(store: Store) -> None:
    """Two trained runs."""
    for seed in (0, 1):
        config = RunConfig(dataset="mnist-5k", architecture="linear-5-10", train_images=300, epochs=2, seed=seed)
        trained_run(store, config)
    add_drawing(store, 3, np.eye(DRAWING_SIDE, dtype=np.uint8) * 255)


@pytest.fixture
def lab(store: Store) -> Iterator[None]:
    """A lab in which nothing is trained."""
    concurrency.set_runs_at_once(store, 0)
    st.cache_resource.clear()
    yield
    queue.start(store).end()
    st.cache_resource.clear()


VIEWS = [
    ("train", {"view": "Network"}),
    ("train", {"view": "Training"}),
    ("sweeps", {}),
    ("draw", {}),
    ("data", {"dataset": "mnist-5k"}),
    *(("compare", {"runs": ["1", "2"], "look": section}) for section in SECTIONS),
    ("compare", {"runs": ["1", "2"], "change": "true", "change_field": "Optimisation · Learning rate"}),
    ("class", {"part": "Our handwriting"}),
    ("studies", {}),
    ("studies", {"study": "linear-depth"}),
    *(("inspect", {"run": "1", "view": view}) for view in ("Samples", "Mistakes", "Confusion", "Classes", "Weights")),
    ("inspect", {"run": "1", "view": "How it learned"}),
    ("compare", {"runs": ["1", "2"], "look": "Curves", "replay": "true"}),
]


@pytest.mark.parametrize(("name", "query"), VIEWS, ids=lambda value: value if isinstance(value, str) else None)
def test_every_control_has_a_help_text(lab, name: str, query: dict):
    page = AppTest.from_file(PAGES / f"{name}.py", default_timeout=60)
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    controls = [widget for kind in KINDS for widget in page.get(kind)]
    assert controls
    assert [widget.proto.label for widget in controls if not widget.proto.help] == []
