"""The block that adds its input to the output of its layers, with a shortcut where the shapes differ."""

from typing import Any

from mnist_core.architectures.layers.kind import LayerKind, Shape, format_shape, no_macs, no_weights, unchanged
from mnist_core.errors import ArchitectureError


def shortcut(before: Shape, after: Shape) -> tuple[str, dict[str, Any]] | None:
    """Kind and arguments of the projection that turns `before` into `after`; None if they are equal.

    Images get a 1×1 convolution with the stride that is needed, vectors and tokens a linear layer, both
    without bias (the W_s of He et al. 2015). Raises ArchitectureError where neither can do it.
    """
    if before == after:
        return None
    if len(before) == len(after) == 3:
        sides = list(zip(before[1:], after[1:], strict=True))
        # Take the smallest stride that shrinks both sides enough; a larger one would shrink them further.
        stride = max((size - 1) // wanted + 1 for size, wanted in sides)
        if all((size - 1) // stride + 1 == wanted for size, wanted in sides):
            values = {"out": after[0], "kernel": 1, "stride": stride, "padding": 0, "groups": 1, "bias": False}
            return "conv", values
    elif len(before) == len(after) and before[:-1] == after[:-1]:
        return "linear", {"out": after[-1], "bias": False}
    raise ArchitectureError(
        f"residual cannot add its input of {format_shape(before)} to what its layers make of it, "
        f"{format_shape(after)}; "
        "only channels (or the last size) and an evenly shrunk image can be projected: "
        "use padding=same inside, or let the last layer restore the shape"
    )


RESIDUAL = LayerKind(
    name="residual",
    help="Adds its input to what the layers inside make of it (He et al. 2015). Where the shapes differ, the input "
    "passes a shortcut without bias: a 1×1 conv with the stride that is needed, or a linear layer.",
    role="block",
    arguments=(),
    shape=unchanged,
    weights=no_weights,
    macs=no_macs,
    over_batch=False,
    make=lambda nn, shape, body, shortcut: nn.Residual(body, shortcut),
    label=None,
)
