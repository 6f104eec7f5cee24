"""MNIST Lab's core: describe, train, store and inspect small networks, without a browser.

`from mnist_core import train, load, predict, compare, plot` is all that a script or a notebook needs.
"""

import lazy_loader

__version__ = "0.2.0"

# The public names are listed in __init__.pyi. Each is imported at its first use, which keeps `import mnist_core` quick.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
