"""What several pages use: forms, the table of runs, predictions, downloads and imports."""

import lazy_loader

# Other rooms may use what __init__.pyi lists; each name is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
