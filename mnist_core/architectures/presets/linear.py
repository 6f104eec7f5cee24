"""Networks without an activation function: each is one matrix in disguise."""

from mnist_core.architectures.presets import Preset

_WHAT = {
    "10": "One matrix from 784 pixels to 10 classes: what every deeper linear network can be multiplied out to.",
    "5-10": "All ten classes must squeeze through 5 numbers, so the product matrix has rank 5.",
    "6-10": "A bottleneck of 6: one dimension more than linear-5-10, and visibly better.",
    "7-10": "A bottleneck of 7: ten classes need at most 9 dimensions to be told apart.",
    "8-10": "A bottleneck of 8: nearly as good as no bottleneck at all.",
    "9-10": "A bottleneck of 9: just enough, as only differences between the ten scores matter.",
    "10-10": "As wide as the output: nothing is lost, and nothing gained over one matrix.",
    "50-10": "50 hidden units without an activation between the layers: 39,760 parameters that act like 7,850.",
    "100-10": "A wide hidden layer without an activation: many more parameters, the same functions.",
    "100-100-10": "Two hidden linear layers: depth without non-linearity.",
    "100-100-100-10": "Three hidden linear layers: still one matrix, only slower to learn.",
    "100-100-100-100-10": "Four hidden linear layers: does depth help without non-linearity?",
}


def _preset(widths: str, explanation: str) -> Preset:
    hidden = " ".join(f"linear({width})" for width in widths.split("-")[:-1])
    return Preset(
        name=f"linear-{widths}",
        text=f"flatten {hidden} linear(classes)".replace("  ", " "),
        explanation=explanation,
        source="Study mlp-course, two-layer-linear" if widths == "50-10" else "Study linear-depth",
        family="Linear",
    )


PRESETS = (
    Preset(
        name="softmax",
        text="flatten linear(classes)",
        explanation="Softmax regression: one template image a class; the class whose template fits best wins.",
        source="Logistic regression (Cox 1958) for many classes; study mlp-course, logistic-regression",
        family="Linear",
    ),
    *(_preset(widths, explanation) for widths, explanation in _WHAT.items()),
)
