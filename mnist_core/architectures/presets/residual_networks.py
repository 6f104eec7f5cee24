"""Residual networks: blocks that learn what to add to their input."""

from mnist_core.architectures.presets import Preset


def _block(channels: int, stride: int = 1) -> str:
    first = f"conv({channels}, 3, padding=same, bias=False)".replace(
        "3,", f"3, stride={stride}," if stride > 1 else "3,"
    )
    return f"residual({first} batchnorm relu conv({channels}, 3, padding=same, bias=False) batchnorm) relu"


PRESETS = (
    Preset(
        name="resnet-small",
        text=(
            f"conv(16, 3, padding=same, bias=False) batchnorm relu {_block(16)} {_block(32, 2)} {_block(64, 2)} "
            "globalavgpool linear(classes)"
        ),
        explanation="Each block adds a correction to its input, so gradients reach every layer and depth does no harm.",
        source="He et al. 2015, scaled down",
        family="Residual",
    ),
)
