"""The Inspect page: what it shows follows from the stored predictions of runs that were trained for the tests."""

import contextlib
import hashlib
import re
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import precision_recall_fscore_support
from streamlit.testing.v1 import AppTest

from dashboard.controls import bold_class
from mnist_core.data import mnist_5k
from mnist_core.plots.images import sprite
from mnist_core.store.store import Store
from tests.app import inspect_lab
from tests.app.inspect_lab import BAR, CONVOLUTIONAL, LINEAR, SMALL, html, image_shown, picture, text
from tests.app.pages import numbers_in, opened, ran, tables

pytestmark = pytest.mark.usefixtures("quiet")
prepare = inspect_lab.prepare


def predictions_of(store: Store, number: int) -> Path:
    return store.folder(store.find(str(number)).id) / "predictions.parquet"


def replace_predictions(store: Store, number: int, table: pd.DataFrame) -> None:
    """Store these predictions as if the run had been tested with them."""
    path = predictions_of(store, number)
    table.to_parquet(path, index=False)
    content = path.read_bytes()
    values = (hashlib.sha256(content).hexdigest(), len(content), number, path.name)
    with contextlib.closing(sqlite3.connect(store.root / "runs.db")) as connection, connection:
        connection.execute("UPDATE artifacts SET sha256 = ?, size = ? WHERE run = ? AND path = ?", values)
        # Otherwise the run would be called changed, and its predictions would not be shown.
        connection.execute("DELETE FROM fingerprints WHERE run = ?", (number,))


def predictions(store: Store, number: int, split: str = "test") -> pd.DataFrame:
    """The stored predictions of a split, the most confident first, computed here without the page's code."""
    table = pd.read_parquet(predictions_of(store, number))
    table = table.loc[table["split"] == split, :].reset_index(drop=True)
    values = table[[f"p{cls}" for cls in range(10)]].to_numpy()
    table = table.assign(answer=values.argmax(axis=1), sure=values.max(axis=1))
    return table.iloc[np.argsort(-table["sure"].to_numpy(), kind="stable"), :]


def mistakes(table: pd.DataFrame) -> pd.DataFrame:
    return table.loc[table["answer"].to_numpy() != table["label"].to_numpy(), :]


def of_cell(table: pd.DataFrame, true: int, predicted: int) -> pd.DataFrame:
    return table.loc[(table["label"].to_numpy() == true) & (table["answer"].to_numpy() == predicted), :]


def counts_of(table: pd.DataFrame) -> np.ndarray:
    return np.array([[len(of_cell(table, true, predicted)) for predicted in range(10)] for true in range(10)])


def test_without_a_run_the_page_says_where_to_begin() -> None:
    at = opened("inspect", run=3, view="Mistakes")
    assert len(at.info) == 1
    assert not at.selectbox


def test_without_a_run_a_button_trains_the_first_and_shows_it(own_lab: Path) -> None:
    at = opened("inspect")
    ran(at.button(key="first-network").click())
    (run,) = Store.open(own_lab).runs()
    assert at.selectbox(key="run").value == run.number == 1


def test_the_run_is_the_first_chosen_on_compare_and_compare_keeps_its_choice(store: Store) -> None:
    at = opened("compare", runs=["2", "1"])
    goes_to(at, "inspect")
    assert at.selectbox(key="run").value == 2
    at.selectbox(key="run").set_value(3)
    ran(at)
    goes_to(at, "compare")
    assert at.query_params["runs"] == ["2", "1"]
    goes_to(at, "inspect")
    assert at.selectbox(key="run").value == 3, "a choice made here lasts until another is made there"
    goes_to(at, "compare", runs=["1", "2"])
    goes_to(at, "inspect")
    assert at.selectbox(key="run").value == 1


def goes_to(at: AppTest, page: str, **query: list[str]) -> None:
    """Another page as the menu opens it, in the same session; with `query` as a link there does."""
    at.query_params.clear()
    at.query_params.update(query)
    ran(at.switch_page(f"pages/{page}.py"))


def test_the_summary_is_that_of_the_run_in_the_link(store: Store) -> None:
    run = store.find("1")
    assert run.test_accuracy is not None
    facts = html(opened("inspect", run=1), "facts")
    for fact in (f"{run.test_accuracy:.2%}", "7,850", "3 of 3", "mnist-5k", "finished"):
        assert f"<b>{fact}</b>" in facts


def test_zeros_before_the_number_of_a_run_change_nothing(store: Store) -> None:
    at = opened("inspect", run="001")
    assert at.selectbox(key="run").value == 1
    assert not at.warning


def test_a_run_that_is_gone_is_named_and_the_newest_shown(store: Store) -> None:
    store.delete([store.find("1").id])
    at = opened("inspect", run=1)
    assert numbers_in(at.warning[0].value)[0] == "1"
    assert at.selectbox(key="run").value == CONVOLUTIONAL
    assert not at.selectbox(key="run").set_value(LINEAR).run().warning


@pytest.mark.parametrize(
    "query",
    [
        {"view": "Nothing", "split": "train"},
        {"view": "Mistakes", "true": "x", "given": "77", "page": 99, "image": -1},
        {"view": "Confusion", "cell": "10-0"},
        {"view": "Confusion", "cell": "one"},
        {"view": "Samples", "sample": -4},
        {"view": "Weights", "layer": "none", "epoch": 99},
        {"run": "all"},
    ],
    ids=str,
)
def test_a_link_that_makes_no_sense_shows_the_page_all_the_same(store: Store, query: dict[str, object]) -> None:
    at = opened("inspect", **({"run": 1} | query))
    assert not at.error
    assert len(at.segmented_control) >= 1


@pytest.mark.parametrize("split", ["test", "validation"])
def test_samples_are_marked_and_counted(store: Store, split: str) -> None:
    table = predictions(store, 1, split)
    at = opened("inspect", run=1, view="Samples", split=split, sample=3)
    indices = np.random.default_rng(3).permutation(len(table))[:60]
    sample = table.sort_index().iloc[indices]
    correct = 60 - len(mistakes(sample))
    assert 0 < correct < 60
    share = 1 - len(mistakes(table)) / len(table)
    assert {str(correct), "60", f"{len(table):,}", f"{share:.2%}"} <= set(numbers_in(text(at)))
    assert image_shown(at) == (split, indices[0])
    # The button shows the next random sample.
    ran(at.button[0].click())
    assert at.number_input(key="sample").value == 4
    assert image_shown(at) == (split, np.random.default_rng(4).permutation(len(table))[0])


def test_the_most_confident_mistake_is_shown_first_with_all_its_probabilities(store: Store) -> None:
    table = predictions(store, 1)
    wrong = mistakes(table)
    assert len(wrong) > 60
    at = opened("inspect", run=1, view="Mistakes")
    assert {f"{len(wrong):,}", "1,000"} <= set(numbers_in(text(at)))
    first = wrong.iloc[0]
    large = html(at, "inspected")
    assert image_shown(at) == ("test", first["index"])
    assert re.findall("<b>([0-9])</b>", large) == [str(first["answer"]), str(first["label"])]
    assert BAR.findall(large) == [(str(cls), f"{min(100 * first[f'p{cls}'], 99.9):.1f}%") for cls in range(10)]
    _, (images, labels) = mnist_5k.read_mnist_5k()
    assert labels[first["index"]] == first["label"]
    np.testing.assert_array_equal(picture(large), images[first["index"], 0])


def test_mistakes_come_in_pages(store: Store) -> None:
    wrong = mistakes(predictions(store, 1))
    assert len(wrong) > 120
    at = opened("inspect", run=1, view="Mistakes", page=2)
    assert image_shown(at) == ("test", wrong.iloc[60]["index"])
    # A class has fewer mistakes, so its pages end before the third.
    at = opened("inspect", run=1, view="Mistakes", page=3, true=8)
    assert image_shown(at) == ("test", wrong[wrong["label"] == 8].iloc[0]["index"])


def test_mistakes_are_filtered_by_class(store: Store) -> None:
    table = predictions(store, 1)
    counts = counts_of(mistakes(table))
    true, predicted = np.unravel_index(counts.argmax(), counts.shape)
    at = opened("inspect", run=1, view="Mistakes", true=true)
    ran(at.selectbox(key="given").select(str(predicted)))
    assert str(counts[true, predicted]) in numbers_in(text(at))
    first = of_cell(table, int(true), int(predicted)).iloc[0]
    assert image_shown(at) == ("test", first["index"])
    ran(at.selectbox(key="true").select(str(predicted)))
    assert len(at.info) == 1
    assert not any("class='inspected'" in part.value for part in at.html)


def test_the_chosen_image_becomes_large_and_part_of_the_link(store: Store) -> None:
    wrong = mistakes(predictions(store, 1))
    _, (images, _) = mnist_5k.read_mnist_5k()
    digest = hashlib.sha256(sprite(images[wrong["index"][:60], 0], 10)).hexdigest()[:16]
    at = opened("inspect", run=1, view="Mistakes")
    at.session_state["mistakes"] = {"chosen": {"index": 17, "sprite": digest}}
    chosen = wrong.iloc[17]["index"]
    assert image_shown(ran(at)) == ("test", chosen)
    assert at.query_params["image"] in (str(chosen), [str(chosen)])
    assert image_shown(opened("inspect", run=1, view="Mistakes", image=chosen)) == ("test", chosen)


def test_a_run_without_mistakes_is_congratulated(store: Store) -> None:
    table = pd.read_parquet(predictions_of(store, 1))
    for cls in range(10):
        table[f"p{cls}"] = (table["label"] == cls).astype(np.float32)
    replace_predictions(store, 1, table)
    assert ["1,000" in message.value for message in opened("inspect", run=1, view="Mistakes").success] == [True]
    # Without a mistake the first class is shown, of which all images are right.
    assert {"0", "100", "100.0%"} <= set(numbers_in(text(opened("inspect", run=1, view="Confusion"))))
    assert "100.0%" in text(opened("inspect", run=1, view="Classes"))


def test_the_confusion_matrix_opens_at_the_worst_cell_or_that_of_the_link(store: Store) -> None:
    table = predictions(store, 1)
    counts = counts_of(table)
    wrong = counts * (1 - np.eye(10, dtype=int))
    true, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
    at = opened("inspect", run=1, view="Confusion")
    count = wrong.max()
    assert numbers_in(text(at))[-5:] == [str(true), str(predicted), str(count), "100", f"{count / 100:.1%}"]
    correct = of_cell(table, 3, 3)
    at = opened("inspect", run=1, view="Confusion", cell="3-3")
    assert {"3", str(len(correct)), "100"} <= set(numbers_in(text(at)))
    assert image_shown(at) == ("test", correct.iloc[0]["index"])
    empty = np.argwhere(counts == 0)[0]
    at = opened("inspect", run=1, view="Confusion", cell=f"{empty[0]}-{empty[1]}")
    assert numbers_in(text(at))[-5:] == [str(empty[0]), str(empty[1]), "0", "100", "0.0%"]


def test_precision_and_recall_of_each_class(store: Store) -> None:
    table = predictions(store, 1)
    at = opened("inspect", run=1, view="Classes")
    shown = tables(at)["class-table"]
    expected = [
        np.asarray(values)
        for values in precision_recall_fscore_support(table["label"], table["answer"], labels=range(10))
    ]
    for name, values, scale in zip(("Precision", "Recall", "F1", "Images"), expected, (100, 100, 100, 1), strict=True):
        np.testing.assert_allclose(shown[name], values * scale)
    recall = expected[1]
    best, worst = recall.argmax(), recall.argmin()
    summary = text(at)
    assert summary.index(f"**{best}**") < summary.index(f"{recall[best]:.1%}") < summary.index(f"**{worst}**")
    assert f"{recall[worst]:.1%}" in summary
    wrong = counts_of(mistakes(table))[worst]
    assert shown["Most often taken for"].iloc[worst] == f"{wrong.argmax()} ({wrong.max()} ×)"


@pytest.mark.parametrize("state", ["queued", "running", "paused", "diverged", "failed"])
def test_a_run_without_predictions_says_why(store: Store, state: str) -> None:
    run = store.enqueue(SMALL, claimed=state != "queued")
    if state not in ("queued", "running"):
        store.finish(run, state, "What happened.")  # pyright: ignore[reportArgumentType]
    at = opened("inspect", run=run.number, view="Confusion")
    assert f"<b>{state}</b>" in html(at, "facts")
    assert at.info
    if state in ("diverged", "failed"):
        assert at.warning[0].value == "What happened."
    at = opened("inspect", run=run.number, view="Weights")
    assert at.info
    assert not at.select_slider


def test_damaged_and_missing_files_give_messages(store: Store) -> None:
    predictions_of(store, 1).write_bytes(b"nothing")
    assert "predictions.parquet" in opened("inspect", run=1, view="Classes").error[0].value
    predictions_of(store, 2).unlink()
    assert "predictions.parquet" in opened("inspect", run=2).error[0].value
    path = store.folder(store.find("3").id) / "checkpoints/epoch-0001.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    assert opened("inspect", run=3, view="Weights").error[0].value


def test_other_images_are_not_shown_beside_old_predictions(store: Store) -> None:
    table = pd.read_parquet(predictions_of(store, 1))
    replace_predictions(store, 1, table.assign(label=(table["label"] + 1) % 10))
    at = opened("inspect", run=1, view="Samples")
    assert "#1" in at.error[0].value
    assert not any("class='inspected'" in part.value for part in at.html)
    assert tables(opened("inspect", run=1, view="Classes"))["class-table"]["Images"].to_numpy().sum() == 1000


def test_a_class_name_is_bold_whatever_it_holds() -> None:
    assert bold_class("7") == "**7**"
    assert bold_class("a_b [c]") == r"**a\_b \[c\]**"
