"""Networks that are kept once they were loaded, as many as fit into a number of bytes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from torch import nn


class HasModel(Protocol):
    """Anything with a network."""

    @property
    def model(self) -> "nn.Module":
        """The network."""
        ...


T = TypeVar("T", bound=HasModel)


class NetworkCache(Generic[T]):
    """Keeps what was used last, for all threads; what was used longest ago goes first. The newest always stays."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, load: Callable[[], T]) -> T:
        """What is kept under the key, else what `load` returns. Raises what `load` raises, and keeps nothing then."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
        # Loaded outside the lock, so that a large network does not hold up the small ones.
        loaded = load()
        size = _bytes_of(loaded.model)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = loaded, size
                self._bytes += size
            while self._bytes > self._most and len(self._kept) > 1:
                _, (_, gone) = self._kept.popitem(last=False)
                self._bytes -= gone
        return loaded


def _bytes_of(model: "nn.Module") -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in (*model.parameters(), *model.buffers()))
