"""Networks with a name: every file of this folder declares `PRESETS`, one family a file."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from mnist_core.architectures.language import check_length
from mnist_core.architectures.layers import KINDS
from mnist_core.errors import ArchitectureError

# In the order in which one learns them.
_FAMILIES = (
    "Linear",
    "Multilayer perceptron",
    "Convolutional",
    "Residual",
    "Mixer",
    "Transformer",
)

# The presets that a newcomer looks for; lists show them first in their families.
WELL_KNOWN = ("softmax", "mlp-300", "lenet-5", "vgg-small", "resnet-small", "mlp-mixer", "vit-small")


@dataclass(frozen=True)
class Preset:
    """A line under a name, with what it shows and where it comes from."""

    name: str
    text: str
    # One line for a reader.
    explanation: str
    # Paper and year, or study and experiment.
    source: str
    family: str


@cache
def presets() -> dict[str, Preset]:
    """All presets by name, simple families first. Adding a file with PRESETS to this folder adds its presets."""
    all_presets: list[Preset] = []
    for module in sorted(iter_modules(__path__), key=lambda module: module.name):
        all_presets += import_module(f"{__name__}.{module.name}").PRESETS
    all_presets.sort(
        key=lambda preset: _FAMILIES.index(preset.family) if preset.family in _FAMILIES else len(_FAMILIES)
    )
    return {preset.name: preset for preset in all_presets}


def architecture_line(text: str) -> str:
    """The line of a preset's name; any other text comes back with each white space made a plain blank.

    A single word that is neither a preset nor a layer raises ArchitectureError with the names that are close.
    """
    check_length(text)
    name = text.strip().lower()
    by_name = presets()
    if name in by_name:
        return by_name[name].text
    # One blank for each white space keeps character positions, and the text stays one line above an error's carets.
    line = re.sub(r"\s", " ", text)
    if re.fullmatch(r"[^\W\d][\w.+-]*", name) and name not in KINDS:
        longer = [preset for preset in by_name if preset.startswith(name)]
        close = (longer or get_close_matches(name, [*by_name, *KINDS], n=3, cutoff=0.6))[:3]
        remedy = f"did you mean {' or '.join(close)}?" if close else "choose one from the list or type its layers"
        start = len(text) - len(text.lstrip())
        raise ArchitectureError(f"There is no preset {text.strip()}; {remedy}", line, start, start + len(name))
    return line
