"""What the tests of the Inspect page share: really trained runs, and reading the page that shows them."""

import base64
import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from dashboard import state
from mnist_core.config import RunConfig
from mnist_core.data.availability import Download, status
from mnist_core.store import Run, Store
from mnist_core.worker import work

ROOT = Path(__file__).resolve().parents[2]
SMALL = RunConfig(dataset="mnist-5k", train_images=500, batch_size=16, architecture="softmax")
RUNS = (
    SMALL.replace(epochs=3),
    SMALL.replace(epochs=1, architecture="flatten linear(120) linear(10)"),
    SMALL.replace(epochs=1, architecture="conv(3, 5) relu maxpool(4) conv(4, 3) relu flatten linear(10)"),
)
TEMPLATES, LINEAR, CONVOLUTIONAL = 1, 2, 3  # numbers of these runs
BAR = re.compile(r"<span class='[^']*' title='([^']*)'>.*?</i><div>.*?</div><span class='[^']*'>([^<]*)</span>")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with the trained RUNS."""
    folder = tmp_path_factory.mktemp("prepared") / "results"
    for config in RUNS:
        train(Store.open(folder), config)
    return folder


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No background process, no download, no cache from another test."""
    monkeypatch.setattr(state.jobs, "start", lambda store: SimpleNamespace(wake=lambda: None))
    monkeypatch.setattr(state, "ensure", lambda name, root: Download(status(name, root), root, ()))
    monkeypatch.setattr(state, "_WARM_UP_SECONDS", 3600.0)
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def store(prepared: Path, own_lab: Path) -> Store:
    """The test's own copy of the trained runs."""
    shutil.copytree(prepared, own_lab)
    return Store.open(own_lab)


def train(store: Store, config: RunConfig) -> Run:
    run = store.enqueue(config, claimed=True)
    for _ in work(store, run):
        pass
    return store.run(run.id)


def opened(**query: object) -> AppTest:
    """The page as a link with this query shows it."""
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).switch_page("pages/inspect.py")
    for key, value in query.items():
        at.query_params[key] = str(value)
    return checked(at.run())


def checked(at: AppTest) -> AppTest:
    assert not at.exception
    return at


def html(at: AppTest, css_class: str) -> str:
    """The one piece of HTML of this class."""
    found = [part.value for part in at.html if f"class='{css_class}'" in part.value]
    assert len(found) == 1
    return found[0]


def text(at: AppTest) -> str:
    return "\n".join(part.value for part in at.markdown)


def picture(part: str) -> np.ndarray:
    address = re.search(r"<img src='data:image/png;base64,([^']+)'", part)
    assert address
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address[1]))))
