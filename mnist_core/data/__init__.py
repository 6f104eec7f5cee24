"""Data sets as arrays and tensors: what there is, getting it, reading it, splitting it, augmenting it.

Only `loading`, `augmentation`, `cifar10`'s reader and the child process of `download` import torch.
"""
