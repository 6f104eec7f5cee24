"""Simulated searches: how much the best of many runs owes to chance is estimated rightly."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from mnist_core.analysis import stats

SCATTER, IMAGES = 0.0012, 10_000
Means = Callable[[np.random.Generator, int], np.ndarray]
SEARCHES: dict[str, Means] = {
    "all alike": lambda random, count: np.full(count, 0.975),
    "some better": lambda random, count: 0.975 + random.normal(0, SCATTER, count),
    "far apart": lambda random, count: 0.975 + random.normal(0, 3 * SCATTER, count),
    "a hill": lambda random, count: 0.975 - np.linspace(-6, 6, count) ** 2 * SCATTER / 3,
    "half collapse": lambda random, count: np.where(np.arange(count) < count // 2, 0.975, 0.5),
}


def searched(means: Means, settings: int, seeds: int, times: int) -> tuple[float, float]:
    """Mean of how far the best run lies above its setting's true accuracy, and mean of the estimate of that."""
    random, true, estimates = np.random.default_rng([settings, seeds]), [], []
    for _ in range(times):
        means_of_settings = means(random, settings)
        # Settings that collapse do so with some seeds only.
        scatter = np.where(means_of_settings < 0.9, 0.2, SCATTER)[:, None]
        accuracies = means_of_settings[:, None] + scatter * random.normal(size=(settings, seeds))
        accuracies[means_of_settings < 0.9] = np.clip(accuracies[means_of_settings < 0.9], 0.1, 0.96)
        best = np.unravel_index(accuracies.argmax(), accuracies.shape)
        true.append(accuracies[best] - means_of_settings[best[0]])
        flattery = stats.selection_bias(accuracies.tolist(), stats.image_noise(0.975, IMAGES))
        assert flattery is not None
        assert flattery.by_seeds == (seeds > 1)
        estimates.append(flattery.excess)
    return float(np.mean(true)), float(np.mean(estimates))


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize(("settings", "seeds"), [(12, 3), (8, 5)])
def test_over_seeds_it_is_what_is_said(name: str, settings: int, seeds: int) -> None:
    true, estimated = searched(SEARCHES[name], settings, seeds, 100)
    assert estimated == pytest.approx(true, rel=0.2, abs=0.0001)


@pytest.mark.parametrize("name", SEARCHES)
def test_with_one_seed_of_each_it_is_at_most_what_is_said(name: str) -> None:
    true, estimated = searched(SEARCHES[name], 12, 1, 100)
    assert 0.95 * true <= estimated


@pytest.mark.long
@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("settings", [4, 12, 40])
@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_over_seeds_it_is_what_is_said_for_all_sizes(name: str, settings: int, seeds: int) -> None:
    true, estimated = searched(SEARCHES[name], settings, seeds, 400)
    assert estimated == pytest.approx(true, rel=0.25, abs=0.0002)


def test_what_cannot_be_known_is_not_said() -> None:
    assert stats.selection_bias([]) is None
    # With one seed a setting and an unknown number of images nothing can be estimated.
    assert stats.selection_bias([[0.98], [0.97]]) is None
    assert stats.selection_bias_text(None) == ""
    alone = stats.selection_bias([[0.98]], 0.001)
    assert alone is not None
    assert alone.excess == 0
    assert stats.selection_bias_text(alone) == ""
    # Two seeds may agree by chance, which says nothing about how far seeds lie apart.
    assert stats.selection_bias([[0.98, 0.98], [0.5, 0.6]]) is None
    same = stats.selection_bias([[0.98, 0.98], [0.5, 0.6]], 0.0014)
    assert same is not None
    assert not same.by_seeds
    assert same.excess == pytest.approx(0.0014 / math.sqrt(math.pi), rel=0.08)
    assert stats.image_noise(0.98, 0) == 0
    assert stats.image_noise(0.98, 10_000) == pytest.approx(0.0014, rel=0.01)
    assert stats.image_noise(1.0, 100) > 0.005
