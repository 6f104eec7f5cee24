"""What is kept of loaded networks: as many as fit, those that were used last."""

from dataclasses import dataclass

import pytest
from torch import nn

from mnist_core.analysis.network_cache import NetworkCache


@dataclass(frozen=True)
class Loaded:
    """A network of 4 bytes a weight."""

    model: nn.Module


def network(weights: int) -> Loaded:
    return Loaded(nn.Linear(weights, 1, bias=False))


def never() -> Loaded:
    raise AssertionError("it should be kept")


def test_what_was_used_longest_ago_goes_first() -> None:
    cache: NetworkCache[Loaded] = NetworkCache(most_bytes=30 * 4)
    first, second = cache.get("first", lambda: network(10)), cache.get("second", lambda: network(10))
    assert cache.get("first", never) is first
    cache.get("third", lambda: network(20))
    assert cache.get("first", never) is first
    again = cache.get("second", lambda: network(10))
    assert again is not second


def test_a_network_larger_than_all_the_room_is_kept_until_the_next_one() -> None:
    cache: NetworkCache[Loaded] = NetworkCache(most_bytes=4)
    large = cache.get("large", lambda: network(100))
    assert cache.get("large", never) is large
    cache.get("small", lambda: network(1))
    with pytest.raises(AssertionError):
        cache.get("large", never)


def test_nothing_is_kept_of_a_network_that_cannot_be_loaded() -> None:
    cache: NetworkCache[Loaded] = NetworkCache(most_bytes=400)
    with pytest.raises(AssertionError):
        cache.get("damaged", never)
    assert cache.get("damaged", lambda: network(1)).model is not None
