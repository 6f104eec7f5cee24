"""Image folders of a few tiny pictures, and runs on them that take a second."""

from pathlib import Path

import numpy as np
import sqlalchemy as sa
from PIL import Image

from mnist_core.config.run_config import RunConfig
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from tests.labs import train_now

CLASSES = ("2", "10")


def write_images(root: Path, low: int = 0) -> Path:
    """Two classes of 12 + 4 small dark squares on white; each has another shade, the darkest `low`."""
    shade = low
    for split, count in (("train", 12), ("test", 4)):
        for name in CLASSES:
            (root / split / name).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                pixels = np.full((8, 8), 255, dtype=np.uint8)
                pixels[2:6, 2:6] = shade
                Image.fromarray(pixels).save(root / split / name / f"{number:02}.png")
                shade += 1
    return root


def config_of(root: Path, **changes: object) -> RunConfig:
    fields = {
        "dataset": "folder",
        "folder": str(root),
        "folder_size": 8,
        "validation_images": 6,
        "epochs": 1,
        "architecture": "flatten linear(classes)",
        "batch_size": 4,
    }
    return RunConfig.parse(fields | changes)


def train(store: Store, config: RunConfig, *, old: bool = False) -> Run:
    """A trained run; an `old` one began before runs recorded facts about their data."""
    run = store.enqueue(config, claimed=True)
    if old:
        forget(store, run)
    return train_now(store, store.run(run.id))


def forget(store: Store, run: Run) -> None:
    """Remove what a run from before schema 3 does not have."""
    with sa.create_engine(store.url).begin() as connection:
        connection.execute(sa.text("UPDATE runs SET data = NULL, started = 1.0 WHERE id = :id"), {"id": run.id})
        connection.execute(sa.text("DELETE FROM fingerprints WHERE run = :number"), {"number": run.number})
