"""Study mlp-course: from logistic regression to a multilayer perceptron, and what 160 images can teach."""

from mnist_core.studies.study import PUBLISHED, Experiment, QuizQuestion, Study, Variant

_SGD = PUBLISHED.replace(optimizer="sgd", learning_rate=0.01, momentum=0.5, batch_size=64)
_TWO_LAYERS = _SGD.replace(architecture="linear-50-10", epochs=1)
_MLP = _SGD.replace(architecture="mlp-512-256-128-64", epochs=10)
_SMALL = _MLP.replace(train_images=160, batch_size=16, epochs=100)
_SMALL_ADAM = PUBLISHED.replace(
    architecture="mlp-512-256-128-64",
    optimizer="adam",
    learning_rate=0.001,
    train_images=160,
    batch_size=16,
    epochs=100,
)
_CIFAR = PUBLISHED.replace(
    dataset="cifar10",
    crop_flip=True,
    normalise=False,
    architecture="mlp-512-256-128-64",
    optimizer="adam",
    learning_rate=0.001,
    batch_size=100,
    epochs=50,
)
_LOGISTIC = PUBLISHED.replace(
    library="sklearn",
    standardise=True,
    architecture="softmax",
    solver="sag",
    tolerance=0.1,
    inverse_regularisation=50.0,
    epochs=100,
)
_SKLEARN_MLP = PUBLISHED.replace(
    library="sklearn",
    standardise=True,
    architecture="mlp-100",
    optimizer="sgd",
    learning_rate=0.01,
    momentum=0.9,
    nesterov=True,
    weight_decay=1e-4,
    batch_size=64,
    epochs=5,
    seed=1,
)

_FIRST_EPOCH = (
    "The training loss of the same epoch agrees. Accuracy moves fast then: after this epoch our three runs are at 89.1 "
    "to 89.8 %, two epochs later at 95.4 %. Why the study's single run was ahead is not known."
)
_BEST_EPOCH = (
    "This is the study's best epoch of ten, chosen on the test images, so luck probably has a part in it; the training "
    "loss of the same epoch agrees. The best epochs of our three runs, chosen in the same way, are at 97.55, 97.59 and "
    "97.68 %."
)

STUDY = Study(
    name="mlp-course",
    title="A course chapter on the multilayer perceptron",
    source="course chapter, scikit-learn and PyTorch",
    asks="What does each step from logistic regression to a deep network with ReLU bring, and what is left of it when "
    "there are only 160 training images?",
    protocol="The test images served as validation images: the epoch that did best on them was kept and reported. That "
    "is optimistic, as the best of many epochs is partly luck. Everything was computed on the CPU.",
    experiments=(
        Experiment(
            name="logistic-regression",
            title="Logistic regression with scikit-learn",
            asks="How far does the simplest model get?",
            variants=(Variant("C=50 sag", _LOGISTIC, {}),),
            swept=(),
            continues="",
            measure="last",
            reported_seconds=0.0,
            seeds=1,
        ),
        Experiment(
            name="sklearn-mlp",
            title="A perceptron of 100 hidden units with scikit-learn",
            asks="What does one hidden layer add?",
            variants=(Variant("100", _SKLEARN_MLP, {}),),
            swept=(),
            continues="",
            measure="last",
            reported_seconds=0.0,
            seeds=1,
        ),
        Experiment(
            name="two-layer-linear",
            title="Two linear layers without an activation",
            asks="Is a network with a hidden layer but without ReLU better than logistic regression?",
            variants=(Variant("784-50-10", _TWO_LAYERS, {}),),
            swept=(),
            continues="",
            measure="last",
            reported_seconds=7,
            seeds=1,
        ),
        Experiment(
            name="two-layer-continued",
            title="The same network, ten epochs more",
            asks="Does more training help two linear layers?",
            variants=(Variant("784-50-10", _TWO_LAYERS.replace(epochs=11, fresh_optimizer=True), {}),),
            swept=(),
            continues="two-layer-linear",
            measure="best",
            reported_seconds=74,
            seeds=1,
        ),
        Experiment(
            name="mlp-relu",
            title="Four hidden layers with ReLU",
            asks="What do depth and ReLU bring together?",
            variants=(Variant("784-512-256-128-64-10", _MLP, {}),),
            swept=(),
            continues="",
            measure="best",
            reported_seconds=113,
            seeds=1,
        ),
        Experiment(
            name="small-data-sgd",
            title="Only 160 images, SGD",
            asks="What can 16 images of each digit teach?",
            variants=(Variant("160 images", _SMALL, {}),),
            swept=(),
            continues="",
            measure="best",
            reported_seconds=137,
            seeds=1,
        ),
        Experiment(
            name="small-data-adam",
            title="Only 160 images, Adam",
            asks="Does another optimizer make up for missing images?",
            variants=(Variant("160 images", _SMALL_ADAM, {}),),
            swept=(),
            continues="",
            measure="best",
            reported_seconds=148,
            seeds=1,
        ),
        Experiment(
            name="cifar10-mlp",
            title="Colour photographs (CIFAR-10)",
            asks="How well does the same kind of network name the object in a small photograph?",
            variants=(Variant("3072-512-256-128-64-10", _CIFAR, {}),),
            swept=(),
            continues="",
            measure="best",
            reported_seconds=0.0,
            seeds=1,
        ),
    ),
    question=QuizQuestion(
        text="A network with 575,050 weights sees only 160 digits, 16 of each, again and again, until it gets every "
        "one of them right. How many of the 10,000 test digits does it then read right?",
        options=("About 30 %", "About 50 %", "About 77 %", "About 97 %"),
        answer=2,
        why="The study reports 77.08 %. That is far from the 97.68 % after ten epochs on all 60,000 images, but also "
        "far from the 10 % of guessing: 160 images teach a lot, and then the network learns only these by heart.",
    ),
    lesson="**Training accuracy is not the goal.** With 160 images the network reached 100 % on its training "
    "images from about epoch 60 on, and 77 % on images it had not seen. A network with many more weights than "
    "images can learn all of them by heart; what counts is what it does with new ones.\n\n"
    "**What 160 images can teach.** Most of the way: from 10 % by guessing to 77 %. The last twenty points take the "
    "other 59,840 images. Changing the optimizer moved the result by one point in the study and by three here; "
    "more images move it by twenty.\n\n"
    "**ReLU makes the hidden layers count.** Two linear layers without it stay near 92 %, as one linear layer "
    "does; a hundred epochs do not change that. Five layers with ReLU between them reach 97.7 % in ten.\n\n"
    "**Choosing on the test set makes a figure too good.** The epoch that is best on the test images was partly "
    "lucky. Beside it stands the honest figure: the epoch is chosen on training images that were held out, and the "
    "test images are used once.",
    because={
        ("mlp-relu", "epoch 0", "test_accuracy"): _FIRST_EPOCH,
        ("mlp-relu", "epoch 6", "test_accuracy"): _BEST_EPOCH,
    },
)
