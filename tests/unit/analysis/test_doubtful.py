"""Doubtful labels: weights computed by hand, votes of weak and strong runs, errors planted in real data."""

import numpy as np
import pytest

from mnist_core.analysis import doubtful, predictions, scores
from mnist_core.analysis.doubtful import RunWorth
from mnist_core.config.recipes import RECIPES
from mnist_core.config.run_config import RunConfig
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from tests.labs import trained_run


def sure(*rows: tuple[int, float]) -> np.ndarray:
    """Probabilities (N, 3): the named class of each image gets this much, the other two share the rest."""
    values = np.array([[(1 - probability) / 2] * 3 for _, probability in rows])
    values[np.arange(len(rows)), [called for called, _ in rows]] = [probability for _, probability in rows]
    return values


def known(accuracy: float, confidence: float, images: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """Validation probabilities and labels of a run with this accuracy and this constant confidence."""
    labels = np.random.default_rng(0).integers(0, 3, images)
    called = np.where(np.arange(images) < accuracy * images, labels, (labels + 1) % 3)
    return sure(*((int(label), confidence) for label in called)), labels


def test_half_the_loss_counts_sixteen_times() -> None:
    worths = [RunWorth(100, 1.0, loss) for loss in (0.1, 0.2, 0.4)]
    assert doubtful.run_weights(worths) == pytest.approx(np.array([256, 16, 1]) / 273)
    assert doubtful.run_weights(worths[:1]) == [1]


def test_a_run_is_worth_its_loss_however_sure_it_is_of_itself() -> None:
    """A run that is right on 90 % says 90 % once calibrated, and its loss is -0.9 ln 0.9 - 0.1 ln 0.05."""
    modest, boastful = (doubtful.run_worth(*known(0.9, confidence)) for confidence in (0.9, 0.9999))
    loss = -0.9 * np.log(0.9) - 0.1 * np.log(0.05)
    assert modest.temperature == pytest.approx(1, abs=0.01)
    assert boastful.temperature == pytest.approx(np.log(0.9999 / 0.00005) / np.log(0.9 / 0.05), rel=0.01)
    assert (2001 * modest.loss - np.log(3)) / 2000 == pytest.approx(loss, abs=1e-4)
    assert boastful.loss == pytest.approx(modest.loss, abs=1e-4)
    assert boastful.calibrated(sure((1, 0.9999))) == pytest.approx(sure((1, 0.9)), abs=0.003)


def test_a_few_lucky_images_promise_no_perfection() -> None:
    lucky = doubtful.run_worth(*known(1.0, 0.9, images=20))
    assert lucky.loss > np.log(3) / 21
    assert lucky.loss > doubtful.run_worth(*known(0.995, 0.995)).loss
    assert lucky.temperature == 0.5


@pytest.mark.parametrize("weak", [2, 20])
def test_weak_runs_do_not_outvote_a_strong_one(weak: int) -> None:
    """Only the strong run doubts image 1. All weak runs, which are surer, call image 0 something else."""
    strong, poor = doubtful.run_worth(*known(0.99, 0.99)), doubtful.run_worth(*known(0.8, 0.8))
    labels = np.array([0, 1, 2])
    first = sure((0, 0.9), (2, 0.9), (2, 0.99))
    other = sure((2, 0.99), (1, 0.99), (2, 0.8))
    table = doubtful.suspect_labels(labels, [first] + [other] * weak, [strong] + [poor] * weak)
    assert table[["index", "label", "called", "runs"]].to_numpy().tolist() == [[1, 1, 2, 1]]
    assert table["weight"].to_numpy()[0] > 0.9
    counted_alike = doubtful.suspect_labels(labels, [first] + [other] * weak, [poor] * (weak + 1))
    assert counted_alike["index"].tolist() == [0], "by heads they would have"


def test_the_order_is_that_of_the_odds_against_the_label() -> None:
    labels = np.array([0, 0, 0, 0])
    values = np.array([[0.05, 0.55, 0.4], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1], [0.01, 0.04, 0.95]])
    table = doubtful.suspect_labels(labels, [values], [RunWorth(100, 1.0, 0.3)])
    assert table["index"].tolist() == [3, 0, 1], "95 : 1, 11 : 1, 3.5 : 1; the third is called by its label"
    assert table["called"].tolist() == [2, 1, 1]
    assert table["confidence"].tolist() == pytest.approx([0.95, 0.55, 0.7])
    assert table["of_label"].tolist() == pytest.approx([0.01, 0.05, 0.2])
    assert doubtful.suspect_labels(labels, [values], [RunWorth(100, 1.0, 0.3)], confidence=0.7)["index"].tolist() == [
        3,
        1,
    ]
    both = [values, sure((0, 0.9), (0, 0.9), (0, 0.9), (2, 0.9))]
    agreed = doubtful.suspect_labels(labels, both, [RunWorth(100, 1.0, 0.3)] * 2, agree=0.6)
    assert agreed[["index", "runs", "weight"]].to_numpy().tolist() == [[3, 2, 1]]


def test_runs_are_measured_on_the_same_kind_of_images() -> None:
    assert doubtful.weighing_split([True, True]) == "validation"
    assert doubtful.weighing_split([True, False]) == "test"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Store, Run]]:
    """A small convolutional network and two softmax regressions on mnist-5k."""
    store = Store.open(tmp_path_factory.mktemp("lab"))
    base = RunConfig(dataset="mnist-5k", architecture="softmax", epochs=2)
    strong = RECIPES["fast-99"].config.replace(
        dataset="mnist-5k", validation_images=None, epochs=4, precision="float32", learning_rate=0.01
    )
    pairs = []
    for config in (strong, base, base.replace(seed=1)):
        pairs.append((store, trained_run(store, config)))
    return pairs


def planted(probabilities: np.ndarray, labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels, 15 of them replaced by the second choice of a network that predicts them rightly, and the indices."""
    others = probabilities.copy()
    others[np.arange(len(labels)), labels] = -1
    right = np.flatnonzero(probabilities.argmax(axis=1) == labels)
    places = np.random.default_rng(seed).choice(right, 15, replace=False)
    wrong = labels.copy()
    wrong[places] = others.argmax(axis=1)[places]
    return wrong, places


def test_errors_planted_in_real_labels_are_found_though_weak_runs_are_in_the_majority(
    trained: list[tuple[Store, Run]],
) -> None:
    assert [run.state for _, run in trained] == ["finished"] * 3
    tables = [
        {split: predictions.load_split(*network, split) for split in ("validation", "test")} for network in trained
    ]
    labels = tables[0]["test"]["label"].to_numpy(np.int64)
    values = [scores.probabilities(table["test"]) for table in tables]
    worths = [
        doubtful.run_worth(scores.probabilities(table["validation"]), table["validation"]["label"].to_numpy(np.int64))
        for table in tables
    ]
    detected, alike = [], []
    for seed in range(10):
        wrong, places = planted(values[0], labels, seed)
        for counts, power in ((detected, doubtful.POWER), (alike, 0)):
            table = doubtful.suspect_labels(wrong, values, worths, power=power)
            counts.append(np.isin(table["index"].to_numpy()[:30], places).sum())
    assert np.mean(detected) >= 13, detected
    assert np.mean(detected) > np.mean(alike) + 1, alike
