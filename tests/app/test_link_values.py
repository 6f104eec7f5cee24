"""Links whose values no widget can have: the page stands, its widgets are as usual, and it says what it left out."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.pages import opened, ran

pytestmark = pytest.mark.usefixtures("quiet")

HOSTILE = ["inf", "nan", "9" * 5000, "-1", "٣", "\x00", ["1", "2", "x"]]
WHOLE = ("epochs", "batch_size", "train_images", "validation_images", "split_seed", "early_stopping", "seed", "threads",
         "checkpoint_every", "seeds")  # fmt: skip


def numbers(at: AppTest) -> dict[str | None, object]:
    return {one.key: one.value for one in at.number_input}


@pytest.mark.parametrize("page", ["train", "sweeps"])
@pytest.mark.parametrize("value", HOSTILE, ids=[repr(value)[:8] for value in HOSTILE])
def test_no_value_of_an_address_ends_a_page(page: str, value: str | list[str]) -> None:
    keys = {*WHOLE, "learning_rate", "momentum", "shift", "own", "layers", "optimizer", "schedule", "view", "method",
            "samples", "seeds_each", "halving", "vary1", "values1", "dataset", "folder_size", "runs", "sweep", "sample",
            "class"}  # fmt: skip
    opened(page, **dict.fromkeys(keys, value))


def test_a_number_out_of_bounds_is_told_with_what_may_stand_there() -> None:
    at = opened("train", epochs="50000", learning_rate="inf", batch_size="32", seed="inf")
    assert numbers(at)["epochs"] == 5
    assert numbers(at)["seed"] == 0
    assert numbers(at)["batch_size"] == 32
    epochs, rate, seed = sorted(toast.value for toast in at.toast)
    assert "50000" in epochs
    assert "10000" in epochs
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
