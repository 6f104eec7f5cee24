"""Multilayer perceptrons: linear layers with ReLU between them, some with dropout."""

from mnist_core.architectures.presets import Preset

_WIDTH = {
    10: "Ten hidden units: a tight bottleneck, easy to draw and to look into.",
    50: "Fifty hidden units with ReLU: compare linear-50-10, which has the same weights and no ReLU.",
    100: "A hundred hidden units with ReLU.",
    300: "The classic: one hidden layer of 300 units with ReLU. Trains in seconds an epoch.",
    1000: "A wide hidden layer: more capacity than 60,000 digits need.",
    2000: "A very wide hidden layer: does more width still help?",
}


def _mlp(name: str, text: str, explanation: str, source: str) -> Preset:
    return Preset(f"mlp-{name}", f"flatten {text} linear(classes)", explanation, source, "Multilayer perceptron")


PRESETS = (
    *(
        _mlp(str(width), f"linear({width}) relu", explanation, "Study ffnn-tuning, width")
        for width, explanation in _WIDTH.items()
    ),
    _mlp(
        "512-256-128-64",
        "linear(512) relu linear(256) relu linear(128) relu linear(64) relu",
        "Four hidden layers that halve in width: deep enough to overfit 160 images perfectly.",
        "Study mlp-course, mlp-relu",
    ),
    *(
        _mlp(
            f"300-dropout-{share}",
            f"linear(300) relu dropout({share})",
            f"mlp-300 with {share:.0%} of its hidden units switched off at random in each training step.",
            "Study ffnn-tuning, dropout",
        )
        for share in (0.1, 0.3, 0.5, 0.7, 0.9)
    ),
    *(
        _mlp(
            f"{width}-{width * 3 // 10}-dropout-{share}",
            f"linear({width}) relu dropout({share}) linear({width * 3 // 10}) relu",
            f"Two hidden layers, the second 0.3 times the first, with {share:.0%} dropout after the first ReLU.",
            "Study ffnn-tuning, three-layer-grid",
        )
        for width in (300, 500, 800)
        for share in (0.3, 0.5)
    ),
    Preset(
        name="mlp-784-500-50-relu-logits",
        text="flatten linear(784) relu linear(500) relu linear(50) relu linear(classes) relu",
        explanation="Ends in a ReLU, a mistake to learn from: a class whose score is clipped to zero gets no gradient.",
        source="Study deep-mlp",
        family="Multilayer perceptron",
    ),
)
