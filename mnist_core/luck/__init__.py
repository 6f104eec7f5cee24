"""Luck: one network with many seeds, to see how far chance alone moves its accuracy. Never imports torch."""

import lazy_loader

# __init__.pyi lists the names for other rooms; each is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
