"""Learned and forgotten images, from histories written by hand and from checkpoints of a trained run."""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false, reportGeneralTypeIssues=false
# plotly has no types for the traces of a figure, pandas too many for a column.

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mnist_core.analysis import costs, forgetting, predictions, trained
from mnist_core.analysis.forgetting import PredictionHistory
from mnist_core.config.run_config import RunConfig
from mnist_core.data.sources import load_arrays
from mnist_core.data.splitting import split_images
from mnist_core.plots.agreement import forgetting_course
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from tests.labs import trained_run

# One column an image with label 1: always right; forgotten for good; forgotten twice and learned again; never
# learned; learned late.
RIGHT = np.array([[1, 0, 1, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [1, 0, 0, 0, 1], [1, 0, 1, 0, 1]])
HAND = PredictionHistory(np.array([2, 4, 6, 8, 9]), RIGHT.astype(np.int16))
LABELS = np.ones(5, dtype=np.int64)


def test_how_each_image_fared() -> None:
    table = forgetting.forgetting_events(HAND, LABELS)
    assert table["index"].tolist() == [0, 1, 2, 3, 4]
    assert table["forgotten"].tolist() == [0, 1, 2, 0, 0]
    assert table["learned"].astype(object).where(table["learned"].notna(), None).tolist() == [2, 4, 2, None, 8]
    assert table["last_right"].dropna().tolist() == [9, 6, 9, 9]
    assert table["right_since"].astype(object).where(table["right_since"].notna(), None).tolist() == [
        2,
        None,
        9,
        None,
        8,
    ]


def test_the_course_counts_changes_between_epochs() -> None:
    table = forgetting.forgetting_course(HAND, LABELS)
    assert table["epoch"].tolist() == [2, 4, 6, 8, 9]
    assert table["right"].tolist() == [2, 2, 3, 2, 3]
    assert table["learned"].tolist() == [2, 1, 1, 1, 1]
    assert table["forgotten"].tolist() == [0, 1, 0, 2, 0]
    assert (table["right"].diff().iloc[1:] == (table["learned"] - table["forgotten"]).iloc[1:]).all()


def test_events_are_those_of_a_walk_through_each_image() -> None:
    numbers = np.random.default_rng(0)
    history = PredictionHistory(np.arange(1, 8), numbers.integers(0, 3, (7, 200)).astype(np.int16))
    labels = numbers.integers(0, 3, 200)
    table = forgetting.forgetting_events(history, labels)
    for image in range(200):
        events, since, before = 0, None, False
        for epoch, called in zip(history.epochs, history.of(image), strict=True):
            right = called == labels[image]
            events += before and not right
            since = None if not right else since or epoch
            before = right
        row = table.iloc[image]
        assert row["forgotten"] == events
        assert (None if pd.isna(row["right_since"]) else row["right_since"]) == since
    assert forgetting.forgetting_course(history, labels)["forgotten"].sum() == table["forgotten"].sum() > 0


def test_the_figure_leaves_the_first_epoch_out_of_the_changes() -> None:
    figure = forgetting_course(forgetting.forgetting_course(HAND, LABELS))
    assert list(figure.data[0].y) == [2, 2, 3, 2, 3]
    assert list(figure.data[1].x) == [4, 6, 8, 9]
    assert list(figure.data[2].y) == [-1, 0, -2, 0]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Run, np.ndarray, np.ndarray]:
    """A run of five epochs that kept every second checkpoint, the best and the last; its test images and labels."""
    root = tmp_path_factory.mktemp("lab")
    store = Store.open(root)
    config = RunConfig(
        dataset="mnist-5k", architecture="softmax", train_images=300, epochs=5, learning_rate=0.02, checkpoint_every=2
    )
    run = trained_run(store, config)
    images, labels = split_images(load_arrays(config, Path(root)), config, "test")
    return store, run, images, labels


def test_the_history_of_a_run(lab: tuple[Store, Run, np.ndarray, np.ndarray]) -> None:
    store, run, images, labels = lab
    kept = forgetting.kept_epochs(store, run)
    assert kept == sorted({2, 4, 5, run.best_epoch or 0})
    progress: list[tuple[int, int]] = []
    history = forgetting.prediction_history(store, run, images, lambda done, of: progress.append((done, of)))
    assert history.epochs.tolist() == kept
    assert history.predicted.shape == (len(kept), len(images))
    assert progress[-1] == (len(kept) * len(images), len(kept) * len(images))
    assert [done for done, _ in progress] == sorted({done for done, _ in progress})
    stored = predictions.align([run], {run.id: predictions.load_split(store, run)})[0]
    assert stored is not None
    best = kept.index(run.best_epoch or 0)
    assert np.array_equal(history.predicted[best], stored.predicted[0])
    assert (history.predicted[best] == labels).mean() == pytest.approx(run.test_accuracy)
    only = forgetting.prediction_history(store, run, images[:10], wanted=[4])
    assert np.array_equal(only.predicted[0], history.predicted[kept.index(4), :10])
    expected = trained.run_probabilities(store, run, images[:10], 4).argmax(axis=1)
    assert np.array_equal(only.predicted[0], expected)


def test_a_checkpoint_in_the_middle_of_an_epoch_is_no_epoch(lab: tuple[Store, Run, np.ndarray, np.ndarray]) -> None:
    store, run, *_ = lab
    waiting = store.enqueue(run.config, claimed=True)
    for path, epoch in (
        ("checkpoints/epoch-0001.safetensors", 1),
        ("checkpoints/epoch-0002.safetensors", 2),
        ("checkpoints/paused.safetensors", 2),
    ):
        store.write_artifact(waiting, path, "checkpoint", epoch, 1, lambda target: target.write_bytes(b"x") and None)
    assert forgetting.kept_epochs(store, waiting) == [1]


def test_the_expected_time_grows_with_the_work(lab: tuple[Store, Run, np.ndarray, np.ndarray]) -> None:
    _, run, *_ = lab
    once = forgetting.history_seconds(run, 1000, 1)
    assert once > 0
    assert forgetting.history_seconds(run, 2000, 3) == pytest.approx(6 * once)
    assert once == costs.answering_seconds(run, 1000)
