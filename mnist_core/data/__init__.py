"""Data sets as arrays and tensors: the catalogue, downloading, reading, splitting and augmenting.

Only `loading`, `augmentation`, `cifar10`'s reader and the child process of `download` import torch.
"""

import lazy_loader

# Names that other rooms may use are listed in __init__.pyi; each is imported at its first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
