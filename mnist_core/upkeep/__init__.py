"""Care of a results folder: backup and restore, examination and repair, and the disk space that runs take."""

import lazy_loader

# What others may use stands in __init__.pyi; each of it is imported at its first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
