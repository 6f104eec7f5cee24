"""Archives: a run with all its files in one zip, and the checks of such a zip before it is imported."""

import lazy_loader

# What others may use stands in __init__.pyi; each of it is imported at its first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
