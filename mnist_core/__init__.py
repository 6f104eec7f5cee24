"""MNIST Lab's core: describe, train, store and inspect small networks, without a browser.

`from mnist_core import train, load, predict, compare, plot` is all that a script or a notebook needs.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnist_core.api import compare, load, plot, predict, train

__version__ = "0.1.0"
__all__ = ["compare", "load", "plot", "predict", "train"]


def __getattr__(name: str) -> Any:
    """Import the Python API at its first use: `import mnist_core` alone stays quick."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mnist_core import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
