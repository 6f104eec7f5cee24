"""Study cnn: a convolutional network, step by step."""

from mnist_core.studies.study import PUBLISHED, Experiment, QuizQuestion, Study, Variant

_ONE_BATCH = (
    "One batch of 50 images at one moment, in one run of the study and in one of ours. The images of the batch and the "
    "first weights are different here, so single figures need not agree. Each image changes the accuracy by 2 %."
)

STUDY = Study(
    name="cnn",
    title="A convolutional network",
    source="Colab notebook, PyTorch 0.3",
    asks="How does one build, train and test a network of two convolutions, and where does the size of its first "
    "linear layer come from?",
    protocol="Three epochs on all 60,000 training images; loss and accuracy of every single step were kept. It was "
    "tested without switching to evaluation mode, so dropout still removed half of the hidden units at random. "
    "The test accuracy is printed as a whole number.",
    experiments=(
        Experiment(
            name="cnn",
            title="Two convolutions and three linear layers",
            asks="How well does a convolutional network read digits after three epochs?",
            variants=(
                Variant(
                    "150-64-1024-500",
                    PUBLISHED.replace(
                        architecture="cnn-150-64",
                        normalise=False,
                        optimizer="sgd",
                        learning_rate=0.01,
                        momentum=0.95,
                        batch_size=50,
                        epochs=3,
                    ),
                    {},
                ),
            ),
            swept=(),
            continues="",
            measure="last",
            reported_seconds=0.0,
            seeds=1,
        ),
    ),
    question=QuizQuestion(
        text="A single linear layer reads about 92 % of the test digits after 100 epochs. This network slides small "
        "5 × 5 filters over the image. How many does it read after only three epochs?",
        options=("About 90 %", "About 95 %", "About 97 %", "About 99 %"),
        answer=3,
        why="The study reports 99 %. A filter that has learned an edge or a curve finds it anywhere in the image, so "
        "every image teaches it many times over; a linear layer must learn each stroke again at each place.",
    ),
    lesson="**Follow the shapes.** A 5 × 5 convolution with padding 2 keeps the size, a max-pooling of 2 halves it: "
    "28 → 14 → 7. With 64 channels the flattened image has 64 · 7 · 7 = 3,136 numbers, and that is what the first "
    "linear layer must take. The table of layers works this out for you.\n\n"
    "**Log-softmax twice does nothing.** The network ends in log-softmax and its loss applies log-softmax once more. "
    "Log-softmax subtracts the logarithm of the sum of the exponentials; the second time that sum is already 1 and its "
    "logarithm 0. It costs a little time and changes no result: it is *idempotent*.\n\n"
    "**Switch dropout off before you test.** Dropout is for training. The study left it on, so it tested a network "
    "with half of its hidden units missing, others for each image. Here networks are tested whole.",
    because={
        ("cnn", "150-64-1024-500", "test_accuracy"): "The study prints the accuracy as a whole number, and it tested "
        "with dropout still on; here the whole network is tested.",
        **{
            ("cnn", f"step {step}", metric): _ONE_BATCH
            for step in (0, 1000, 2000, 3000)
            for metric in ("train_batch_loss", "train_batch_accuracy")
        },
    },
)
