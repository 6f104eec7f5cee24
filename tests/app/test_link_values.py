"""Links with values that no widget can have: the page opens as without them, and says which it left out."""

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from mnist_core.config.fields import list_config_fields
from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store
from mnist_core.sweeps.axes import SweepAxis
from mnist_core.sweeps.running import launch_sweep
from mnist_core.sweeps.sweep import Sweep
from tests.app.pages import opened, ran
from tests.labs import trained_run

pytestmark = pytest.mark.usefixtures("quiet")

HOSTILE = ["inf", "nan", "9" * 5000, "-1", "٣", "\x00", ["1", "2", "x"]]
WHOLE = (
    "epochs",
    "batch_size",
    "train_images",
    "validation_images",
    "split_seed",
    "early_stopping",
    "seed",
    "threads",
    "checkpoint_every",
    "seeds",
)


def numbers(at: AppTest) -> dict[str | None, object]:
    return {field.key: field.value for field in at.number_input}


@pytest.mark.parametrize("page", ["train", "sweeps"])
@pytest.mark.parametrize("value", HOSTILE, ids=[repr(value)[:8] for value in HOSTILE])
def test_no_value_of_an_address_ends_a_page(page: str, value: str | list[str]) -> None:
    keys = {
        *WHOLE,
        "learning_rate",
        "momentum",
        "shift",
        "own",
        "layers",
        "optimizer",
        "schedule",
        "view",
        "method",
        "samples",
        "seeds_each",
        "halving",
        "vary1",
        "values1",
        "dataset",
        "folder_size",
        "runs",
        "sweep",
        "sample",
        "class",
    }
    opened(page, **dict.fromkeys(keys, value))


def test_a_number_out_of_bounds_is_told_with_what_may_stand_there() -> None:
    at = opened("train", epochs="50000", learning_rate="inf", batch_size="32", seed="inf")
    assert numbers(at)["epochs"] == 5
    assert numbers(at)["seed"] == 0
    assert numbers(at)["batch_size"] == 32
    epochs, rate, seed = sorted(toast.value for toast in at.toast)
    assert "50000" in epochs
    assert "10,000" in epochs
    assert "'inf'" in rate
    assert "'inf'" in seed
    assert "epochs" not in at.query_params
    assert not ran(at).toast


@pytest.mark.parametrize("query", [{}, {"epochs": "5"}, {"epochs": "", "own": "FALSE"}, {"epochs": "7", "seed": "3"}])
def test_nothing_is_told_of_a_link_that_is_taken_as_it_is(query: dict[str, str]) -> None:
    assert not opened("train", **query).toast


def test_many_refused_values_are_counted() -> None:
    toasts = opened("train", **dict.fromkeys(WHOLE, "inf")).toast
    assert len(toasts) == 6
    assert str(len(WHOLE) - 5) in toasts[-1].value


@pytest.mark.parametrize(
    ("page", "key", "value", "label"),
    [
        ("train", "epochs", "3.5", "Epochs"),
        ("train", "seed", "9007199254740993", "Seed"),
        ("train", "seed", str(10**400), "Seed"),
        ("train", "seeds", "2.5", "Seeds"),
        ("train", "epochs", "１２", "Epochs"),
        ("train", "epochs", "٣", "Epochs"),
        ("train", "seeds", ["2", "3"], "Seeds"),
        ("train", "own", "perhaps", "Write my own network"),
        ("train", "architecture", "lenet-6", "Network"),
        ("train", "dataset", ["mnist", "kmnist"], "Data set"),
        ("sweeps", "seeds_each", "1.5", "Seeds of each"),
        ("sweeps", "method", "both", "Search"),
        ("sweeps", "halving", "maybe", "Stop hopeless runs early"),
        ("sweeps", "sweep", ["a", "b"], "Sweep"),
        ("data", "folder_size", "28.5", "Image size (pixels)"),
        ("data", "dataset", "imagenet", "Data set"),
        ("compare", "look", "Everything", "Look at"),
        ("compare", "smoothing", "2", "Smoothing"),
        ("inspect", "split", "training", "Split"),
        ("inspect", "image", "9999999", "Image"),
        ("inspect", "run", ["1", "2"], "Run"),
        ("draw", "source", "Camera", "Source"),
        ("studies", "study", "nobody-1900", "Study"),
        ("studies", "times", "2.5", "Seeds"),
        ("studies", "share", "1e308", "Epochs"),
        ("studies", "honest", "-1", "The honest figure, too"),
    ],
)
def test_what_a_widget_cannot_have_is_told_by_the_name_on_the_page(
    page: str, key: str, value: str | list[str], label: str, small_lab: Store
) -> None:
    beside: dict[str, Any] = {
        "compare": {"runs": ["1", "2"], "look": "Curves"},
        "data": {"dataset": "folder"},
        "inspect": {"run": "1"},
        "studies": {"study": "cnn"},
    }.get(page, {})
    at = opened(page, **(beside | {key: value}))
    (toast,) = at.toast
    assert toast.value.startswith(label)
    assert ("".join(value) if isinstance(value, str) else value[0])[:20] in toast.value
    assert not ran(at).toast


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two trained runs and a sweep."""
    folder = tmp_path_factory.mktemp("links") / "results"
    store = Store.open(folder)
    config = RunConfig(dataset="mnist-5k", train_images=200, architecture="softmax", epochs=1)
    for seed in (0, 1):
        trained_run(store, config.replace(seed=seed))
    launch_sweep(store, Sweep("rates", config, (SweepAxis("learning_rate", (0.1, 0.01)),)))
    return folder


@pytest.fixture
def small_lab(prepared: Path, own_lab: Path) -> Store:
    shutil.copytree(prepared, own_lab)
    return Store.open()


FORM = [field.name for field in list_config_fields()]
# The query parameters of each page, and the views in which others of its widgets are shown.
PAGES: dict[str, tuple[list[str], list[dict[str, Any]]]] = {
    "train": (
        [*FORM, "own", "layers", "seeds", "view", "runs", "smoothing", "x", "log_x", "log_y"],
        [{}, {"own": "true"}, {"view": "Training", "runs": ["1", "2"]}],
    ),
    "sweeps": (
        [
            *FORM,
            "own",
            "layers",
            "sweep",
            "method",
            "samples",
            "seeds_each",
            "halving",
            "vary1",
            "vary2",
            "try_learning_rate",
            "curves_of",
        ],
        [{}, {"method": "random"}],
    ),
    "inspect": (
        [
            "run",
            "view",
            "split",
            "image",
            "sample",
            "true",
            "given",
            "page",
            "layer",
            "epoch",
            "largest",
            "maps",
            "takeaway_script",
            "cell",
        ],
        [{"view": view} for view in ("Samples", "Mistakes", "Confusion", "Classes", "Weights", "Files")],
    ),
    "draw": (["runs", "source"], [{}]),
    "compare": (
        [
            "runs",
            "filter",
            "look",
            "metric",
            "x",
            "smoothing",
            "log_x",
            "log_y",
            "curve_seeds",
            "curve_band",
            "results_chart",
            "factor",
            "cost",
            "cost_split",
            "cost_seeds",
            "verdict_about",
            "verdict_band",
            "disagreements_view",
            "disagreements_page",
            "classes_by",
            "classes_cell",
            "classes_page",
            "calibration_bins",
            "calibration_coverage",
            "labels_most",
            "labels_agree",
            "labels_confidence",
            "labels_list",
            "labels_show",
            "labels_out",
        ],
        [
            {"look": look, "runs": ["1", "2"]}
            for look in (
                "Results",
                "Curves",
                "Is it real?",
                "Disagreements",
                "Classes",
                "Calibration",
                "Cost",
                "Labels",
            )
        ],
    ),
    "studies": (["study", "experiment", "times", "share", "honest", "results", "metric"], [{}, {"study": "cnn"}]),
    "data": (
        ["dataset", "folder", "folder_size", "folder_colour", "split", "class", "sample"],
        [{"dataset": "mnist-5k"}, {"dataset": "folder"}],
    ),
}
CRAFTED = [
    "nan",
    "inf",
    "-inf",
    "1e308",
    "-1",
    "3.5",
    "0",
    "1",
    "2",
    str(10**400),
    "a" * 5000,
    "\ufffd",
    "\x00",
    "٣",
    "",
    "<b>x</b>",
    "[x](javascript:1)",
    "../../etc/passwd",
    "/dev/zero",
    "True",
    "1_0",
    " 7 ",
]
TEXTS = st.sampled_from(CRAFTED) | st.text(max_size=8)
VALUES = TEXTS | st.lists(TEXTS, min_size=1, max_size=3)


def bear(page: str, data: st.DataObject) -> None:
    """Open a page with made-up values for its query parameters, and for parameters that it does not have."""
    keys, places = PAGES[page]
    position = data.draw(st.sampled_from(places))
    query = (
        data.draw(st.dictionaries(st.sampled_from(keys) | st.text("abc", min_size=1), VALUES, max_size=6)) | position
    )
    at = opened(page, **query)
    noted = at.session_state["link:refused"] if "link:refused" in at.session_state else {}  # noqa: SIM401
    shown = [*at.number_input, *at.checkbox, *at.toggle, *at.selectbox, *at.text_input, *at.text_area, *at.slider]
    for widget in shown:
        link_value = query.get(str(widget.key))
        if link_value and any(link_value) and not position.get(str(widget.key)) and widget.key not in noted:
            assert widget.key in ("run", "sweep", "study", "experiment") or is_value(widget.value, link_value), (
                widget.key
            )


def is_value(value: object, link_value: str | list[str]) -> bool:
    text = link_value if isinstance(link_value, str) else link_value[0] if len(link_value) == 1 else None
    if text is None:
        return False
    if isinstance(value, bool):
        return text.lower() == str(value).lower()
    with contextlib.suppress(ValueError):
        return value == text or float(text) == value
    return value == text or not text


def fuzzed(examples: int, **how: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    limits = settings(max_examples=examples, deadline=None, database=None, suppress_health_check=checks, **how)
    return lambda test: limits(given(data=st.data())(test))


@pytest.mark.parametrize("page", [*PAGES])
@fuzzed(5, derandomize=True)
def test_made_up_links_are_borne_by_every_page(page: str, small_lab: Store, data: st.DataObject) -> None:
    bear(page, data)


@pytest.mark.long
@pytest.mark.parametrize("page", [*PAGES])
@fuzzed(60)
def test_many_made_up_links_are_borne_by_every_page(page: str, small_lab: Store, data: st.DataObject) -> None:
    bear(page, data)
