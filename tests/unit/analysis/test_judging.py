"""Is it real? One function answers for the API, the pages and the report."""

from dataclasses import replace
from html import unescape
from itertools import combinations
from statistics import fmean

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from mnist_core import api, report
from mnist_core.analysis import stats
from mnist_core.analysis.predictions import Predictions, align, load_split
from mnist_core.analysis.verdict import judge
from mnist_core.config.run_config import RunConfig
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from tests.labs import trained_run

TINY = RunConfig(dataset="mnist-5k", train_images=300, validation_images=100, architecture="softmax", epochs=1)
IMAGES, CLASSES = 500, 4
# Of three architectures with one, two and three seeds: how often each run is right.
SHARES = (0.9, 0.6, 0.62, 0.9, 0.92, 0.7)


@pytest.fixture(scope="module")
def predictions(tmp_path_factory: pytest.TempPathFactory) -> Predictions:
    store = Store.open(tmp_path_factory.mktemp("lab"))
    rates = (0.1, 0.2, 0.2, 0.3, 0.3, 0.3)
    runs = tuple(store.enqueue(RunConfig(learning_rate=rate, seed=seed)) for seed, rate in enumerate(rates))
    random = np.random.default_rng(0)
    labels = random.integers(0, CLASSES, IMAGES)
    probabilities = {}
    for run, share in zip(runs, SHARES, strict=True):
        called = (labels + (random.random(IMAGES) > share)) % CLASSES
        probabilities[run.id] = np.eye(CLASSES, dtype=np.float32)[called]
    return Predictions(runs, labels, probabilities)


def test_every_pair_is_tested_and_corrected(predictions: Predictions) -> None:
    verdict = judge(predictions)
    p = []
    for a, b in combinations(range(6), 2):
        two = verdict.pair(a, b).paired
        right_a, right_b = predictions.right[a], predictions.right[b]
        assert (two.only_a, two.only_b) == ((right_a & ~right_b).sum(), (right_b & ~right_a).sum())
        p.append(binomtest(two.only_a, two.disagreements).pvalue if two.disagreements else 1.0)
        turned = verdict.pair(b, a)
        assert (turned.a, turned.b, turned.adjusted) == (b, a, verdict.pair(a, b).adjusted)
        assert (turned.paired.low, turned.paired.high) == (-two.high, -two.low)
        assert turned.paired == stats.paired_test(right_b, right_a)
    np.testing.assert_allclose([pair.adjusted for pair in verdict.pairs], stats.holm(np.array(p)), rtol=1e-9)
    claim = verdict.sentence(verdict.pairs[0], "a", "b").claim
    assert (claim.p, claim.corrected) == (verdict.pairs[0].adjusted, True)
    alone = judge(predictions.of(predictions.runs[:2]))
    assert not alone.sentence(alone.pairs[0], "a", "b").claim.corrected


def test_the_best_run_its_interval_and_those_like_it(predictions: Predictions) -> None:
    verdict = judge(predictions)
    counts = predictions.right.sum(axis=1)
    assert [counts[run] for run in verdict.order] == sorted(counts, reverse=True)
    assert verdict.count_right(verdict.best) == counts.max()
    expected = binomtest(int(counts.max()), IMAGES).proportion_ci(method="wilson")
    assert verdict.interval(verdict.best) == pytest.approx((expected.low, expected.high))
    assert verdict.like_the_best == sorted({0, 3, 4} - {verdict.best})
    assert all(verdict.pair(verdict.best, run).adjusted > stats.ALPHA for run in verdict.like_the_best)


def test_architectures_are_compared_over_their_seeds_the_best_mean_first(predictions: Predictions) -> None:
    verdict = judge(predictions)
    accuracies = predictions.right.mean(axis=1)
    assert [sorted(row.accuracies) for row in verdict.architectures] == [[0], [3, 4, 5], [1, 2]]
    assert [row.mean for row in verdict.architectures] == pytest.approx(
        [accuracies[0], accuracies[3:].mean(), accuracies[1:3].mean()]
    )
    (pair,) = verdict.architecture_pairs
    assert (pair.a, pair.b, pair.seeds) == (1, 2, (3, 2))
    assert pair.test == stats.group_test(accuracies[3:].tolist(), accuracies[1:3].tolist())
    assert verdict.architecture_of(predictions.runs[2]) == verdict.architectures[2]
    assert verdict.architecture_sentence(pair).claim.ahead == -1


def test_what_choosing_the_best_adds_starts_from_the_mean_of_its_seeds(predictions: Predictions) -> None:
    runs = predictions.runs[3:5]
    verdict = judge(predictions.of(runs))
    mean = fmean(verdict.architectures[0].accuracies.values())
    # The best run's own accuracy is the one that chance has raised, so the noise is that of the mean.
    noise = stats.image_noise(mean, IMAGES)
    assert noise == pytest.approx(binom(IMAGES, mean).std() / IMAGES, rel=0.02)
    assert verdict.selection_bias == stats.selection_bias([list(verdict.architectures[0].accuracies.values())], noise)


def prepare(store: Store) -> None:
    for seed in range(3):
        trained_run(store, TINY.replace(seed=seed), f"net {seed}")


def test_the_api_and_the_report_say_what_is_judged(store: Store) -> None:
    runs = [store.find(str(number)) for number in (1, 2, 3)]
    aligned, _ = align(runs, {run.id: load_split(store, run) for run in runs})
    assert aligned
    verdict = judge(aligned)
    names = [f"{run.number} · {run.name}" for run in runs]
    sentences = [verdict.sentence(pair, names[pair.a], names[pair.b]) for pair in verdict.pairs]
    assert list(api.compare(1, 2, 3).sentences) == sentences
    html = unescape(report.report_html(store, runs))
    assert all(sentence in html for sentence in sentences)


def test_a_version_changes_with_what_is_stored_and_with_nothing_else(store: Store) -> None:
    run = store.find("1")
    others: list[Run] = [
        replace(run, id="another"),
        replace(run, state="stopped"),
        replace(run, epoch=2),
        replace(run, step=run.step + 1),
        replace(run, started=0.0),
        # Trained from scratch to the same step.
        replace(run, finished=0.0),
    ]
    assert len({run.version, *(other.version for other in others)}) == 7
    assert replace(run, name="other", tags=("tag",), note="note", heartbeat=0.0).version == run.version
