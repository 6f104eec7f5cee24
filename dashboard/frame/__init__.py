"""What surrounds every page: navigation, serving, messages, the store, chosen runs, links."""

import lazy_loader

# Other rooms may use what __init__.pyi lists; each name is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
