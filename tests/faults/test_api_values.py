"""Each function of the Python API with values of wrong kinds for each of its arguments: an error names the field."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_core import api
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import ConfigError, MnistLabError
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from tests.labs import trained_run

SMALL = {"dataset": "mnist-5k", "train_images": 100, "architecture": "softmax", "epochs": 1, "progress": False}
WRONG: list[Any] = [
    None,
    True,
    -1,
    10**5000,
    1.5,
    float("nan"),
    float("inf"),
    1e308,
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "a" * 100_000,
    b"\xff",
    [],
    [[]],
    [[1], [2, 3]],
    ["\ud800"],
    {"a": 1},
    object(),
    np.zeros(3),
    range,
]
# The values above that a field may have.
RIGHT: dict[str, Callable[[Any], bool]] = {
    "name": lambda value: isinstance(value, str) and "\ud800" not in value,
    "tags": lambda value: isinstance(value, list) and not value,
    "epoch": lambda value: value is None,
    "images": lambda value: value is None,
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "results"
    store = Store.open(folder)
    for seed in (0, 1):
        trained_run(store, RunConfig.parse({**_settings(), "seed": seed}))
    return folder


@pytest.fixture
def run(trained: Path, own_lab: Path) -> Run:
    shutil.copytree(trained, own_lab)
    return Store.open().find("1")


IMAGE = np.zeros((28, 28), np.uint8)
# Functions of a run and one value, by a name, each with the field of that value.
CALLS: dict[str, tuple[str, Callable[[Run, Any], object]]] = {
    "train name": ("name", lambda run, value: api.train(**SMALL, name=value)),
    "train tags": ("tags", lambda run, value: api.train(**SMALL, tags=value)),
    "load run": ("run", lambda _, value: api.load(value)),
    "load epoch": ("epoch", lambda run, value: api.load(run, value)),
    "predict run": ("run", lambda run, value: api.predict(value, IMAGE)),
    "predict images": ("images", lambda run, value: api.predict(run, value)),
    "predict epoch": ("epoch", lambda run, value: api.predict(run, IMAGE, value)),
    "compare first": ("run", lambda run, value: api.compare(value, run)),
    "compare second": ("run", lambda run, value: api.compare(run, value)),
    "compare more": ("run", lambda run, value: api.compare(1, 2, value)),
    "plot run": ("run", lambda _, value: api.plot(value)),
    "plot metric": ("metric", lambda run, value: api.plot(run, metric=value)),
    "plot x": ("x", lambda run, value: api.plot(run, x=value)),
    "plot smoothing": ("smoothing", lambda run, value: api.plot(run, smoothing=value)),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_value_of_a_wrong_kind_is_refused_by_its_field(name: str, run: Run):
    field, call = CALLS[name]
    may_be = RIGHT.get(field, lambda value: False)
    for value in WRONG:
        if may_be(value):
            continue
        with pytest.raises(MnistLabError) as refused:
            call(run, value)
        if isinstance(refused.value, ConfigError):
            assert refused.value.field == field
        text = str(refused.value)
        assert len(text) < 1000, ascii(value)[:80]
        assert "Traceback" not in text


SETTINGS = sorted(RunConfig.model_fields)


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("field", SETTINGS)
def test_a_setting_of_a_wrong_kind_is_refused_by_its_field_and_begins_no_run(field: str):
    before = len(Store.open().runs())
    for value in (-1, 10**5000, float("nan"), "\0", "\ud800", b"\xff", [[]], {"a": 1}, object(), np.zeros(3)):
        if not is_possible(field, value):
            with pytest.raises(MnistLabError):
                api.train(**{**SMALL, field: value})
    assert len(Store.open().runs()) == before


def is_possible(field: str, value: object) -> bool:
    try:
        RunConfig.parse({**_settings(), field: value})
    except MnistLabError as refused:
        return len(str(refused)) > 5000
    return True


def _settings() -> dict[str, Any]:
    return {name: value for name, value in SMALL.items() if name != "progress"}


def test_every_function_of_the_api_is_tried():
    assert {name.split()[0] for name in CALLS} == {"train", "load", "predict", "compare", "plot"}
