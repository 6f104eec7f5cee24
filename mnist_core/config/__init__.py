"""What a run is: one immutable `RunConfig`, its fields and their limits, and the facts recorded beside it."""

import lazy_loader

# Names that other rooms may use are listed in __init__.pyi; each is imported at its first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
