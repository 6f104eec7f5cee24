"""The Class page: who is here, the league, votes on races, and what the class has drawn."""

import lazy_loader

# __init__.pyi lists the names for other rooms; each is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
