"""The Compare page image by image: disagreements, forgotten images, classes and doubtful labels of trained runs."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from mnist_core.analysis import agreement, doubtful, forgetting, predictions, scores
from mnist_core.analysis.predictions import Predictions
from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store
from tests.app.pages import numbers_in, opened, tables, texts
from tests.labs import train_now, trained_run

pytestmark = pytest.mark.usefixtures("quiet")
ROOT = Path(__file__).resolve().parents[2]
TINY = RunConfig(dataset="mnist-5k", train_images=300, validation_images=100, architecture="softmax", epochs=3)


def prepare(store: Store) -> None:
    """Runs 1 and 2 are trained, 3 waits in the queue, and 4 trained for one epoch only."""
    for config in (TINY, TINY.replace(learning_rate=0.01), TINY.replace(seed=5), TINY.replace(epochs=1)):
        run = store.enqueue(config, claimed=config.seed != 5)
        if config.seed != 5:
            train_now(store, run)


def found(store: Store, *numbers: int) -> Predictions:
    """The stored predictions of some runs, read without the page."""
    runs = {run.number: run for run in store.runs()}
    chosen = [runs[number] for number in numbers]
    both, _ = predictions.align(chosen, {run.id: predictions.load_split(store, run) for run in chosen})
    assert both is not None
    return both


def section(look: str, *runs: str, **query: str) -> AppTest:
    """A section of Compare as a link shows it."""
    at = opened("compare", runs=list(runs), look=look, **query)
    assert not at.error
    return at


def shown(at: AppTest, key: str) -> int:
    """Images in the gallery."""
    gallery = next(component for component in at.get("bidi_component") if f"{key}-gallery" in str(component.proto.id))
    return json.loads(gallery.proto.json)["count"]


def card(at: AppTest) -> str:
    """The HTML of the large image and of what the runs predict for it."""
    return next(element.proto.body for element in at.get("html") if "compared" in element.proto.body)


def image_shown(at: AppTest) -> int:
    """Index of the image that is shown large, as its caption names it."""
    caption = re.search(r"<figcaption>test \w+ ([\d,]+)", card(at))
    assert caption
    return int(caption[1].replace(",", ""))


def rows(at: AppTest, column: str) -> pd.DataFrame:
    return next(table for table in tables(at).values() if column in table)


def test_the_rows_add_up_to_all_images(store: Store) -> None:
    both = found(store, 1, 2)
    at = section("Disagreements", "1", "2")
    everybody, nobody = len(agreement.right_by_all(both.right)), len(agreement.right_by_none(both.right))
    assert {f"{count:,}" for count in (everybody, both.images, nobody)} <= set(numbers_in(texts(at)))
    traces = json.loads(at.get("plotly_chart")[0].proto.spec)["data"]  # type: ignore[attr-defined]
    rows = next(trace["customdata"] for trace in traces if trace.get("name") == "rows")
    assert sum(images for _, _, images in rows) == both.images
    names = [name for _, name, _ in rows]
    assert sorted(names) == ["all", "nobody", "only 1", "only 2"]
    assert at.selectbox(key="disagreements_pattern").options == names


@pytest.mark.parametrize(("name", "pattern"), [("only 2", (False, True)), ("nobody", (False, False))])
def test_a_row_shows_its_images_with_both_runs_probabilities(
    store: Store, name: str, pattern: tuple[bool, ...]
) -> None:
    both = found(store, 1, 2)
    places = agreement.right_by_pattern(both.right, pattern)
    hardest = places[agreement.true_probability(both).mean(axis=0)[places].argmin()]
    at = section("Disagreements", "1", "2", disagreements_pattern=name)
    assert shown(at, "disagreements") == min(60, len(places))
    assert image_shown(at) == hardest
    assert card(at).count("class='card'") == 2
    for run in both.runs:
        sure = both.probabilities[run.id][hardest].max()
        assert f"{min(99.9, 100 * sure):.1f}%" in card(at)
    asked = int(places[-1] if len(places) <= 60 else hardest)
    at = section("Disagreements", "1", "2", disagreements_pattern=name, disagreements_image=str(asked))
    assert image_shown(at) == asked


def test_how_many_are_right_and_other_orders(store: Store) -> None:
    both = found(store, 1, 2)
    count = int((both.right.sum(axis=0) == 1).sum())
    at = section(
        "Disagreements", "1", "2", disagreements_rows="how many are right", disagreements_order="least agreement first"
    )
    assert at.selectbox(key="disagreements_count").value == "1 of 2"
    assert f"{count:,}" in numbers_in(texts(at))
    places = np.flatnonzero(both.right.sum(axis=0) == 1)
    assert image_shown(at) == places[agreement.disagreement(both)[places].argmax()]


def test_one_run_and_untested_runs_are_told_what_to_do(store: Store) -> None:
    for look, number in (("Disagreements", "1"), ("Disagreements", "3"), ("Classes", "3"), ("Labels", "3")):
        at = section(look, number)
        assert (len(at.info), len(at.get("plotly_chart"))) == (1, 0)
    at = section("Classes", "1", "3")
    assert "Run 3" in texts(at)
    assert at.info


def test_forgotten_images_are_those_of_the_history(store: Store) -> None:
    both = found(store, 2)
    run = both.runs[0]
    at = section("Disagreements", "1", "2", disagreements_view="forgotten", disagreements_run="2")
    from mnist_core.data.sources import load_arrays
    from mnist_core.data.splitting import split_images

    images, labels = split_images(load_arrays(run.config, ROOT), run.config, "test")
    table = forgetting.forgetting_events(forgetting.prediction_history(store, run, images), labels)
    forgot = table.loc[table["forgotten"] > 0, :]
    assert len(forgot)
    assert f"**{len(forgot):,}**" in texts(at)
    listed = rows(at, "forgotten")
    assert set(listed["index"]) == set(forgot["index"])
    strip = next(element.proto.body for element in at.get("html") if "class='strip'" in element.proto.body)
    assert re.findall(r"<small>(\d+)</small>", strip) == ["1", "2", "3"]
    assert "missed" in strip


def test_a_slow_history_waits_for_a_click(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_core.analysis.forgetting.history_seconds", lambda run, images, epochs: 200.0)
    at = section("Disagreements", "1", disagreements_view="forgotten")
    assert not at.get("plotly_chart")
    button = at.button(key="disagreements-compute")
    assert ("3 epochs" in button.label, "3 minutes" in button.label) == (True, True)
    at = button.click().run()
    assert not at.exception
    assert at.get("plotly_chart")
    # The history is kept for other sessions, which need no click.
    again = section("Disagreements", "1", disagreements_view="forgotten")
    assert again.get("plotly_chart")


def test_one_epoch_is_too_few(store: Store) -> None:
    at = section("Disagreements", "4", disagreements_view="forgotten")
    assert (len(at.info), len(at.get("plotly_chart"))) == (1, 0)


def test_classes_and_the_images_behind_a_cell(store: Store) -> None:
    both = found(store, 1, 2)
    first, second = (scores.confusion_matrix(both.labels, both.predicted[index], both.classes) for index in (1, 0))
    difference = first - second
    wrong = np.abs(difference - np.diag(np.diag(difference)))
    true, predicted = (int(index) for index in np.unravel_index(wrong.argmax(), wrong.shape))
    cells = [agreement.images_of_cell(both, index, true, predicted) for index in (1, 0)]
    only = [len(np.setdiff1d(cells[0], cells[1])), len(np.setdiff1d(cells[1], cells[0]))]
    at = section("Classes", "1", "2", classes_a="2", classes_b="1")
    for run, count in zip((2, 1), only, strict=True):
        assert re.search(rf"\brun {run}\D+\b{count:,}\b", texts(at))
    assert shown(at, "classes") == max(only)
    at = section("Classes", "1", "2", classes_cell="3-3", classes_by="both")
    common = np.intersect1d(agreement.images_of_cell(both, 0, 3, 3), agreement.images_of_cell(both, 1, 3, 3))
    assert shown(at, "classes") == min(60, len(common)) > 0
    table = rows(at, "Run 1 (%)")
    assert table["Run 2 (%)"].to_numpy() == pytest.approx(100 * agreement.class_accuracy(both)[2].to_numpy())
    same = section("Classes", "1", "2", classes_a="1", classes_b="1")
    assert len(same.info) == 1


def suspects(store: Store, *numbers: int, split: str = "validation", **limits: float) -> pd.DataFrame:
    """Labels that the runs doubt, each run weighed by its predictions for the images of a split."""
    both = found(store, *numbers)
    tables = [predictions.load_split(store, run, split) for run in both.runs]
    worths = [
        doubtful.run_worth(scores.probabilities(table), table["label"].to_numpy(dtype=np.int64)) for table in tables
    ]
    return doubtful.suspect_labels(both.labels, [both.probabilities[run.id] for run in both.runs], worths, **limits)


def test_doubtful_labels_and_scores_without_them(store: Store) -> None:
    both, doubted = found(store, 1, 2), suspects(store, 1, 2)
    assert len(doubted) > 80
    listed = f"{doubted['index'].iloc[1]}, {doubted['index'].iloc[0]}"
    at = section("Labels", "1", "2", labels_list=listed, labels_out="those in the list")
    assert len(at.info) == 1, "that these labels are only suspected"
    assert rows(at, "called")["index"].tolist() == doubted["index"].tolist()[:60]
    assert {"60", str(len(doubted)), "2"} <= set(numbers_in(texts(at)))
    expected = agreement.accuracy_without(both, doubted["index"].to_numpy()[:2])
    assert rows(at, "wrong_without")["wrong_without"].tolist() == expected["wrong_without"].tolist()
    at.segmented_control(key="labels_out").set_value("those found").run()
    expected = agreement.accuracy_without(both, doubted["index"].to_numpy()[:60])
    found_scores = rows(at, "wrong_without")["accuracy_without"].to_numpy()
    assert found_scores == pytest.approx(100 * expected["accuracy_without"].to_numpy())


def test_the_limits_of_the_list_and_links_of_before(store: Store) -> None:
    """Links of earlier versions have an agreement from 50 on and a confidence from 0 on."""
    at = section("Labels", "1", "2", labels_agree="100", labels_confidence="70", labels_most="1000")
    doubted = suspects(store, 1, 2, agree=1, confidence=0.7)
    assert 0 < len(doubted) < len(suspects(store, 1, 2))
    assert rows(at, "called")["index"].tolist() == doubted["index"].tolist()
    assert {str(len(doubted)), "1,000"} <= set(numbers_in(texts(at)))
    at.number_input(key="labels_most").set_value(3).run()
    assert rows(at, "called")["index"].tolist() == doubted["index"].tolist()[:3]


def test_runs_without_validation_images_are_weighed_by_the_test_images(store: Store) -> None:
    run = trained_run(store, TINY.replace(validation_images=None, choose_on="test"))
    numbers = [1, run.number]
    at = section("Labels", *map(str, numbers))
    assert rows(at, "called")["index"].tolist() == suspects(store, *numbers, split="test")["index"].tolist()[:60]
    weights = tables(at)["labels-weights"]
    assert weights["Run"].tolist() == numbers
    assert weights["Images"].tolist() == [1000, 1000]
    assert any(f"run {numbers[1]} " in caption.value for caption in at.caption)
    assert tables(section("Labels", "1", "2"))["labels-weights"]["Images"].tolist() == [100, 100]


def test_a_list_that_cannot_be_read_is_told_and_left_out(store: Store) -> None:
    at = section("Labels", "1", "2", labels_list="4")
    at.text_area(key="labels_list").set_value("4, x").run()
    assert "line 1: 'x'" in at.error[0].value
    at.text_area(key="labels_list").set_value("4, 5").run()
    assert not at.error
    assert any(numbers_in(caption.value) == ["2"] for caption in at.caption)
