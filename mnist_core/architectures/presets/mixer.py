"""MLP-Mixers: linear layers alone, first across the patches, then within each."""

from mnist_core.architectures.presets import Preset

PRESETS = (
    Preset(
        name="mlp-mixer",
        text=(
            "patches(4, 64) 3 * ("
            "residual(layernorm transpose linear(64) gelu linear(tokens) transpose) "
            "residual(layernorm linear(128) gelu linear(64))) "
            "layernorm meantokens linear(classes)"
        ),
        explanation="No convolution, no attention: linear layers mix the 4×4 patches, then the numbers within each.",
        source="Tolstikhin et al. 2021, scaled down",
        family="Mixer",
    ),
)
