"""Training: from a checked config to a generator of events, and the checkpoints on the way. It knows no store."""

import lazy_loader

# Names that other rooms may use are listed in __init__.pyi; each is imported at its first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
