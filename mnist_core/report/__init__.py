"""Reports: a comparison of runs as one HTML file that needs only a browser, no network and no server."""

import lazy_loader

# What others may use stands in __init__.pyi; each of it is imported at its first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
