"""Networks as text: `describe` gives the table of layers without torch, `build` the torch module."""

from mnist_core.architectures.building import build
from mnist_core.architectures.presets import Preset, presets
from mnist_core.architectures.table import Architecture, Layer, describe

__all__ = ["Architecture", "Layer", "Preset", "build", "describe", "presets"]
