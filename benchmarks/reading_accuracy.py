"""How well drawings and pictures are read, however they were made.

    python -m benchmarks.reading_accuracy [--digits 400] [--first 0] [--run NUMBER] [--only "JPEG"]

Redraws test digits of MNIST with other pens, in other sizes and files, prepares each picture as the Draw page does and
asks the network, and prints for each way what share of the digits is read as labelled, beside the share of the digits
themselves, and the milliseconds that preparing one takes. The network is lenet-5 trained for 5 epochs on MNIST with
seed 0, in a results folder of its own (a minute or two), or a run of the results folder in use.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.machine import describe_machine
from mnist_core import environment
from mnist_core.analysis import trained
from mnist_core.config.dataset_catalogue import BOX_OF_20_BY_MASS
from mnist_core.config.run_config import RunConfig
from mnist_core.data.handwriting import place_drawing, read_picture
from mnist_core.data.sources import read_published
from mnist_core.jobs.worker import work
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from tests.redrawing import WAYS, Digit, Way

_BATCH = 500


def read(store: Store, run: Run, images: np.ndarray) -> np.ndarray:
    """The most probable class of each image uint8 (N, C, H, W)."""
    starts = range(0, len(images), _BATCH)
    return np.concatenate(
        [trained.run_probabilities(store, run, images[start : start + _BATCH]).argmax(1) for start in starts]
    )


def prepared(way: Way, digits: list[Digit]) -> tuple[np.ndarray, float]:
    """What a network is given of each digit, uint8 (N, 1, 28, 28), all 0 where nothing was found, and ms for each."""
    images, seconds = np.zeros((len(digits), 1, 28, 28), dtype=np.uint8), 0.0
    for index, digit in enumerate(digits):
        picture = way(digit)
        start = time.process_time()
        strokes = read_picture(picture) if isinstance(picture, bytes) else picture
        placed = place_drawing(strokes, (1, 28, 28), BOX_OF_20_BY_MASS)
        seconds += time.process_time() - start
        if placed is not None:
            images[index] = placed.image
    return images, 1000 * seconds / len(digits)


def train(store: Store) -> Run:
    """The network of the figures in docs/benchmarks.md."""
    run = store.enqueue(RunConfig(architecture="lenet-5", epochs=5), claimed=True)
    for _ in work(store, run):
        pass
    return store.run(run.id)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--digits", type=int, default=400)
    parser.add_argument("--first", type=int, default=0, help="of the 10,000 test digits")
    parser.add_argument("--run", help="number of a trained run")
    parser.add_argument("--only", default="", help="only ways whose name holds this")
    options = parser.parse_args()
    print(describe_machine(), flush=True)
    _, (images, labels) = read_published("mnist", environment.data_dir())
    chosen = slice(options.first, options.first + options.digits)
    images, labels = images[chosen], labels[chosen]
    digits = [Digit(image[0], index) for index, image in enumerate(images)]
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open() if options.run else Store.open(Path(folder))
        run = store.find(options.run) if options.run else train(store)
        print(f"  {len(labels)} digits as they are: {np.mean(read(store, run, images) == labels):.2%}", flush=True)
        for name, way in WAYS.items():
            if options.only in name:
                prepared_images, milliseconds = prepared(way, digits)
                print(
                    f"  {name:42}{np.mean(read(store, run, prepared_images) == labels):8.2%}{milliseconds:7.1f} ms",
                    flush=True,
                )


if __name__ == "__main__":
    main()
