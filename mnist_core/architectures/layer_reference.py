"""Writes docs/architectures.md from layers and presets: `python -m mnist_core.architectures.layer_reference > ...`."""

import sys

from mnist_core.architectures.layers import KINDS
from mnist_core.architectures.layers.kind import Argument, LayerKind
from mnist_core.architectures.presets import Preset, presets
from mnist_core.architectures.table import describe_architecture
from mnist_core.config import MAX_LAYERS, MAX_NESTING, MAX_PARAMETERS

_HEAD = """# Architectures

<!-- Generated. To renew: python -m mnist_core.architectures.layer_reference > docs/architectures.md -->

An architecture is the name of a preset or a line of layers, read from left to right:

```
conv(16, 3, padding=same) relu maxpool(2) flatten linear(100) relu linear(classes)
```

- Layers stand in a row; blanks, new lines, commas or arrows (`->`) between them are all the same, and so are capitals.
- Arguments come in the order given below, or by name: `conv(16, 3, padding=1)` is `conv(16, kernel=3, padding=1)`.
- `classes` stands for the data set's number of classes and, after `patches`, `tokens` for the number of tokens, so one
  line fits several data sets.
- `3 * relu` repeats a layer, `3 * (conv(16, 3) relu)` a group. `residual(...)` adds its input to what
  its layers make of it.
- Nothing happens silently: an image goes into `linear` only through `flatten`, `globalavgpool` or `patches`.
- The last layer gives one score a class (a logit). The loss turns scores into probabilities, so no softmax is needed;
  the networks of studies that end in log-softmax are given here without it and compute the same.
- Weights start as torch's defaults for each layer. A network may have at most {parameters:,} parameters and {layers:,}
  layers, counting those inside of blocks and repetitions, which may lie at most {nesting} deep in each other.

The table of layers counts multiply-accumulates of convolutions, linear layers and attention for one image; those of
biases, activations, pooling and normalisation are not counted.

## Layers
"""


def architecture_reference() -> str:
    """The reference of all layers and presets as Markdown."""
    parts = [
        _HEAD.format(parameters=MAX_PARAMETERS, layers=MAX_LAYERS, nesting=MAX_NESTING),
        *map(_layer, KINDS.values()),
        "## Presets\n",
    ]
    parts.append(
        "Parameters and multiply-accumulates (MACs) are for MNIST: one channel of 28×28 pixels, ten classes.\n"
    )
    families = dict.fromkeys(preset.family for preset in presets().values())
    parts += [_family(family, [p for p in presets().values() if p.family == family]) for family in families]
    return "\n".join(parts).rstrip() + "\n"


def _layer(kind: LayerKind) -> str:
    lines = [f"### `{kind.signature()}`\n", kind.help, ""]
    lines += [f"- `{argument.name}`: {_limits(argument)}. {argument.help}" for argument in kind.arguments]
    return "\n".join(lines) + ("\n" if kind.arguments else "")


def _limits(argument: Argument) -> str:
    if argument.takes is bool:
        text = "True or False"
    else:
        number = "number" if argument.takes is float else "whole number"
        text = " or ".join([f"{number} from {argument.low:,} to {argument.high:,}", *argument.words])
    return text if argument.default is None else f"{text}; {argument.default} if left out"


def _family(name: str, family: list[Preset]) -> str:
    lines = [f"### {name}\n", "| preset | parameters | MACs | what it shows | source |", "|---|--:|--:|---|---|"]
    lines += [_row(preset) for preset in family]
    lines += ["", "```", *(f"{preset.name}: {preset.text}" for preset in family), "```", ""]
    return "\n".join(lines)


def _row(preset: Preset) -> str:
    table = describe_architecture(preset.name, (1, 28, 28), 10)
    costs = f"{table.parameters:,} | {table.macs:,}"
    return f"| `{preset.name}` | {costs} | {preset.explanation} | {preset.source} |"


if __name__ == "__main__":
    sys.stdout.write(architecture_reference())
