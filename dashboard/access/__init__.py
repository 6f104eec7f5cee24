"""Who gets in: hosts that the server answers at, links with secret tokens, the gate before every request, names."""

import lazy_loader

# Other rooms may use what __init__.pyi lists; each name is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
