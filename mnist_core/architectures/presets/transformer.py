"""Vision transformers: patches that attend to each other."""

from mnist_core.architectures.presets import Preset

PRESETS = (
    Preset(
        name="vit-small",
        text=(
            "patches(4, 64) position 4 * ("
            "residual(layernorm attention(4)) "
            "residual(layernorm linear(128) gelu linear(64))) "
            "layernorm meantokens linear(classes)"
        ),
        explanation="Reads the image as a sentence of patches that look at each other; needs more epochs than a CNN.",
        source="Dosovitskiy et al. 2020, scaled down, with the mean of the tokens instead of a class token",
        family="Transformer",
    ),
)
