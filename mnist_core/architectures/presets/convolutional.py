"""Plain convolutional networks: convolutions, pooling, then linear layers."""

from mnist_core.architectures.presets import Preset


def _vgg(channels: int) -> str:
    return f"conv({channels}, 3, padding=same) relu conv({channels}, 3, padding=same) relu maxpool(2)"


def _separable(channels: int, stride: int, groups: int) -> str:
    depthwise = f"conv({groups}, 3, stride={stride}, padding=same, groups={groups}, bias=False) batchnorm relu"
    return f"{depthwise} conv({channels}, 1, bias=False) batchnorm relu"


PRESETS = (
    Preset(
        name="lenet-5",
        text=(
            "conv(6, 5, padding=2) tanh avgpool(2) conv(16, 5) tanh avgpool(2) "
            "flatten linear(120) tanh linear(84) tanh linear(classes)"
        ),
        explanation="The network that read cheques in the 1990s: two convolutions, tanh and average pooling.",
        source="LeCun et al. 1998, with today's softmax output",
        family="Convolutional",
    ),
    Preset(
        name="cnn-150-64",
        text=(
            "conv(150, 5, padding=2) relu maxpool(2) conv(64, 5, padding=2) relu maxpool(2) "
            "flatten linear(1024) relu dropout(0.5) linear(500) relu dropout(0.5) linear(classes)"
        ),
        explanation="Two wide 5×5 convolutions; each pooling halves the image: 28 to 14 to 7, so flatten gives 64·7·7.",
        source="Study cnn",
        family="Convolutional",
    ),
    Preset(
        name="vgg-small",
        text=f"{_vgg(16)} {_vgg(32)} flatten linear(128) relu dropout(0.5) linear(classes)",
        explanation="Only 3×3 convolutions: two in a row see as far as one 5×5, with fewer weights.",
        source="Simonyan and Zisserman 2014, scaled down",
        family="Convolutional",
    ),
    Preset(
        name="depthwise-separable",
        text=(
            f"conv(16, 3, padding=same, bias=False) batchnorm relu {_separable(32, 2, 16)} {_separable(64, 2, 32)} "
            f"{_separable(128, 1, 64)} globalavgpool linear(classes)"
        ),
        explanation="Filters each channel by itself, then mixes the channels: a convolution at a fraction of its cost.",
        source="Howard et al. 2017 (MobileNet), scaled down",
        family="Convolutional",
    ),
)
