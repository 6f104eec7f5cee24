"""Study linear-depth: does depth help without non-linearity?"""

from mnist_core.studies.study import PUBLISHED, Experiment, QuizQuestion, Study, Variant

_BOTTLENECKS = tuple(f"{width}-10" for width in (5, 6, 7, 8, 9, 10, 100))
_DEEP = ("100-100-10", "100-100-100-10", "100-100-100-100-10")
# In the order of the study's model numbers.
_WIDTHS = ("10", *_BOTTLENECKS, *_DEEP)
_BASE = PUBLISHED.replace(optimizer="sgd", learning_rate=0.001, momentum=0.01, batch_size=12, epochs=100)
_STILL_FALLING = (
    "The accuracy agrees. Our three runs pass a loss of 0.2764 after 15 to 20 of the 100 epochs and fall on to 0.267. "
    "A shorter training than the study's text says would explain its figure; whether it was shorter is not known."
)


def _close_seeds(deviation: str, pooled: str, distance: str) -> str:
    return (
        f"Our three seeds lie close together here, with a standard deviation of {deviation}. Of the seven networks "
        f"with three seeds together it is {pooled}; by that the study's figure is {distance} standard deviations away, "
        "as one of 22 figures may well be."
    )


STUDY = Study(
    name="linear-depth",
    title="Does depth help without non-linearity?",
    source="“MNIST study in PyTorch”, 2017",
    asks="Eleven fully connected networks with nothing between their layers: no ReLU, no other activation. "
    "Do more layers, or wider ones, read digits better than a single layer?",
    protocol="Each network was trained once on all 60,000 training images for 100 epochs and then tested on the "
    "10,000 test images. One run each says nothing about luck: another seed may change the order.",
    experiments=(
        Experiment(
            name="depth",
            title="Eleven linear networks",
            asks="Is a stack of linear layers better than one?",
            variants=tuple(
                Variant(f"784-{widths}", _BASE.replace(architecture=f"linear-{widths}"), {}) for widths in _WIDTHS
            ),
            swept=(),
            continues="",
            measure="last",
            reported_seconds=0.0,
            seeds=1,
        ),
    ),
    question=QuizQuestion(
        text="One network has a single linear layer, another has five in a row (100 units each, no ReLU between them). "
        "After 100 epochs, which one reads more test digits right?",
        options=(
            "Five layers, clearly: they have fourteen times as many weights",
            "Neither: both end up at about the same",
            "One layer, clearly: the deep one cannot be trained",
        ),
        answer=1,
        why="The study reports 92.50 % for one layer and 92.32 % for five. A linear layer multiplies by a matrix (and "
        "adds a constant), and a product of matrices is again one matrix. Whatever five layers can do, one can do too.",
    ),
    lesson="**A stack of linear layers is one linear layer.** Multiply the weight matrices of the deepest network and "
    "you get a single matrix of 10 × 784 numbers, which can be drawn as ten images: one template for each digit. Depth "
    "and width add weights but no new functions, so accuracy stays where it was.\n\n"
    "**What a narrow layer takes away.** The rank of the product is at most the width of the narrowest layer. With 5 "
    "units all ten digits must share 5 numbers, and the study lost 2.4 points. From 9 on nothing is lost: only the "
    "differences between the ten scores matter, and these are 9 numbers.\n\n"
    "What makes depth worth having is the non-linearity between the layers, such as ReLU.",
    because={
        ("depth", "784-10", "test_loss"): _STILL_FALLING,
        ("depth", "784-7-10", "test_loss"): _close_seeds("0.0003", "0.0008", "less than two"),
        ("depth", "784-9-10", "test_accuracy"): _close_seeds("0.03", "0.08", "about two"),
    },
)
