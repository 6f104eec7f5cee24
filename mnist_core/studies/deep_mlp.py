"""Study deep-mlp: a four-layer network with a ReLU where it hurts."""

from mnist_core.studies.study import PUBLISHED, Experiment, QuizQuestion, Study, Variant

_STUCK = (
    "Two of our three seeds are stuck. Seed 2 ends at 97.84 % of the test images, where the study's one run ended too, "
    "but seed 0 at 48.63 % and seed 1 at 66.90 %. There the ReLU on the logits clips the scores of some digits to 0 "
    "for nearly every image, so that they are never the answer: five digits with seed 0, three with seed 1."
)

STUDY = Study(
    name="deep-mlp",
    title="A four-layer network",
    source="blog post",
    asks="How far does a network of four fully connected layers get with very large batches?",
    protocol="One run of 50 epochs on all 60,000 training images, tested on the 10,000 test images. ReLU follows every "
    "layer, the last one too, which is a mistake.",
    experiments=(
        Experiment(
            name="deep-mlp",
            title="784-784-500-50-10, ReLU after every layer",
            asks="How well does it do, and what does the ReLU on the last layer do?",
            variants=(
                Variant(
                    "784-784-500-50-10",
                    PUBLISHED.replace(
                        architecture="mlp-784-500-50-relu-logits",
                        normalise=False,
                        optimizer="adam",
                        learning_rate=0.001,
                        batch_size=8192,
                        epochs=50,
                    ),
                    {},
                ),
            ),
            swept=(),
            continues="",
            measure="last",
            reported_seconds=0.0,
            seeds=3,
        ),
    ),
    question=QuizQuestion(
        text="The last layer gives each digit a score, and a ReLU then sets every negative score to 0. Suppose the "
        "score of the digit 4 is negative for every image. What happens to the 4?",
        options=(
            "It learns as fast as the others: the loss sees that it is wrong",
            "It learns more slowly, but it gets there",
            "It is stuck: no gradient reaches the weights of its score",
            "Its score turns positive after the next step",
        ),
        answer=2,
        why="Where ReLU clips, its slope is 0, and so is the gradient of everything before it on that path. The "
        "loss is high for every 4, but nothing tells the weights of the 4's score. Only a change in the layers "
        "below, made for the sake of other digits, could free it by chance.",
    ),
    lesson="**No ReLU on the logits.** The scores (logits) of the last layer may be negative: that is how a "
    "network says “surely not”. A ReLU after them clips “surely not” to 0, and a class that is clipped for every "
    "image gets no gradient: it is stuck, and its images are lost, about a tenth of all. Whether that happens depends "
    "on the first weights. Of the three seeds that came with this version one ends at 97.84 %, as the study reports; "
    "one loses three digits and ends at 66.90 %, one loses five and ends at 48.63 %. A single run would have told only "
    "one of these stories.\n\n"
    "**How to see it.** Look at the confusion matrix: a stuck class has an empty column, as it is never the "
    "answer (but where all scores are 0 the network answers 0). Take the last ReLU away and train again.\n\n"
    "**Training accuracy is not the goal.** 99.52 % on the training images and 97.84 % on the test images: the "
    "difference is what was learned by heart.",
    because={("deep-mlp", "784-784-500-50-10", metric): _STUCK for metric in ("train_accuracy", "test_accuracy")},
)
