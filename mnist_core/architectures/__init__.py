"""Networks as text: `describe_architecture` lists the layers without torch, `build_network` makes the torch module."""

import lazy_loader

# Names that other rooms may use are listed in __init__.pyi; each is imported at its first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
