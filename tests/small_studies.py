"""Studies made small for tests: on 300 images of mnist-5k, trained in this process."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from mnist_core.store.run import Run
from mnist_core.store.store import Store
from mnist_core.studies.catalogue import all_studies
from mnist_core.studies.study import Study
from tests.labs import train_now

SMALL = {"dataset": "mnist-5k", "train_images": 300}


def small(study: str, *names: str, **changes: object) -> Study:
    """A study with some of its experiments, on 300 images of mnist-5k."""
    study_found = all_studies()[study]
    experiments = tuple(
        replace(
            experiment,
            variants=tuple(
                replace(variant, config=variant.config.replace(**SMALL, **changes)) for variant in experiment.variants
            ),
        )
        for experiment in study_found.experiments
        if experiment.name in names
    )
    return replace(study_found, experiments=experiments)


def train_queue(store: Store) -> list[Run]:
    """Train all queued runs in this process; returns them in the order in which they were claimed."""
    taken = []
    while (run := store.claim()) is not None:
        train_now(store, run)
        taken.append(store.run(run.id))
    return taken


def values(store: Store, run: Run, name: str) -> list[float]:
    return store.metrics(run.id, names=[name])["value"].tolist()


def write_photographs(folder: Path) -> Path:
    from PIL import Image

    generator = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in range(10):
            (folder / split / f"class{name}").mkdir(parents=True)
            for number in range(3):
                pixels = generator.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / split / f"class{name}" / f"{number}.png")
    return folder
