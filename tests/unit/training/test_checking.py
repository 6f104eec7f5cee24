"""Checks of a config before training: batches that can be normalised, a learning rate as expected."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_core.architectures.inference import flatten_nodes, infer_nodes
from mnist_core.architectures.presets import presets
from mnist_core.config.run_config import RunConfig
from mnist_core.config.schedules import schedule_remarks
from mnist_core.data.loading import load_data
from mnist_core.errors import ConfigError
from mnist_core.store.store import Store
from mnist_core.training.checking import check_trainable, count_training_images
from tests.labs import train_now, trained_run

ON_VECTORS = "flatten linear(20) batchnorm relu linear(classes)"
ON_ONE_PIXEL = "conv(4, 28) batchnorm relu flatten linear(classes)"
ON_IMAGES = "conv(4, 3) batchnorm relu flatten linear(classes)"
SMALL = RunConfig(dataset="mnist-5k", architecture=ON_VECTORS, epochs=1, validation_images=100)


@pytest.mark.parametrize(
    ("architecture", "images", "batch_size", "refused"),
    [
        (ON_VECTORS, 101, 50, True),
        (ON_VECTORS, 101, 1, True),
        (ON_VECTORS, 100, 1, True),
        (ON_VECTORS, 101, 20, True),
        (ON_VECTORS, 100, 50, False),
        (ON_VECTORS, 102, 50, False),
        (ON_VECTORS, 101, 101, False),
        (ON_ONE_PIXEL, 101, 50, True),
        (ON_IMAGES, 101, 50, False),
        (ON_IMAGES, 100, 1, False),
        (f"flatten residual({'linear(784) batchnorm'}) linear(classes)", 101, 50, True),
        ("flatten linear(20) layernorm linear(classes)", 101, 50, False),
    ],
)
def test_a_batch_of_one_image_is_refused_where_it_cannot_be_normalised(
    architecture: str, images: int, batch_size: int, refused: bool, tmp_path: Path
) -> None:
    config = SMALL.replace(architecture=architecture, train_images=images, batch_size=batch_size)
    store = Store.open(tmp_path / "lab")
    run = trained_run(store, config)
    if not refused:
        check_trainable(config)
        assert run.state == "finished"
        return
    with pytest.raises(ConfigError, match=r"^batch_size: ") as caught:
        check_trainable(config)
    assert (run.state, run.step) == ("failed", 0)
    assert run.note == str(caught.value)
    remedies = [int(word) for word in str(caught.value).split("choose")[1].replace(",", "").split() if word.isdecimal()]
    assert remedies
    for size in remedies:
        check_trainable(config.replace(batch_size=size))


def test_a_folder_whose_last_batch_has_one_image_is_refused_once_it_is_read(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for split, name, count in [("train", "a", 5), ("train", "b", 4), ("test", "a", 1), ("test", "b", 1)]:
        (tmp_path / "pictures" / split / name).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 255, (8, 8), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / split / name / f"{number}.png")
    config = RunConfig(
        dataset="folder",
        folder=str(tmp_path / "pictures"),
        folder_size=8,
        batch_size=4,
        epochs=1,
        validation_images=0,
        architecture=ON_VECTORS,
    )
    check_trainable(config)
    store = Store.open(tmp_path / "lab")
    run = trained_run(store, config)
    assert run.state == "failed"
    assert run.note.startswith("batch_size: ")


@pytest.mark.parametrize("change", [{}, {"train_images": 500}, {"validation_images": 0}, {"choose_on": "test"}])
def test_the_number_of_training_images_is_that_of_the_data(change: dict, tmp_path: Path) -> None:
    config = RunConfig(dataset="mnist-5k").replace(**change)
    assert count_training_images(config) == len(load_data(config, tmp_path, "cpu").train.labels)


def test_every_preset_that_normalises_vectors_over_a_batch_is_known() -> None:
    for preset in presets().values():
        nodes = infer_nodes(preset.text, (1, 28, 28), 10)
        on_vectors = any(
            node.kind.name == "batchnorm" and len(node.input_shape) == 1 for node, _, _ in flatten_nodes(nodes)
        )
        config = SMALL.replace(architecture=preset.name, train_images=101, batch_size=50)
        if on_vectors:
            with pytest.raises(ConfigError):
                check_trainable(config)
        else:
            check_trainable(config)


COSINE = RunConfig(schedule="cosine", epochs=4, learning_rate=0.1)


@pytest.mark.parametrize(
    ("config", "parent", "says"),
    [
        (COSINE, None, []),
        (COSINE.replace(warmup_epochs=4), None, []),
        (COSINE.replace(warmup_epochs=8), None, ["warm-up"]),
        (RunConfig(epochs=2, warmup_epochs=2.5), None, ["warm-up"]),
        (RunConfig(epochs=2, warmup_epochs=9, schedule="one-cycle"), None, []),
        (RunConfig(epochs=2, warmup_epochs=9, library="sklearn"), None, []),
        (COSINE.replace(epochs=8, continue_from="x", continue_epoch=4), COSINE, ["jumps"]),
        (COSINE.replace(epochs=8, continue_from="x", continue_epoch=2), COSINE, ["jumps"]),
        (COSINE.replace(continue_from="x", continue_epoch=2), COSINE, []),
        (
            RunConfig(epochs=8, schedule="one-cycle", continue_from="x", continue_epoch=4),
            RunConfig(epochs=4, schedule="one-cycle"),
            ["jumps"],
        ),
        (RunConfig(epochs=8, continue_from="x", continue_epoch=4), RunConfig(epochs=4), []),
        (RunConfig(epochs=8, learning_rate=0.01, continue_from="x", continue_epoch=4), RunConfig(epochs=4), ["jumps"]),
        (
            RunConfig(epochs=8, schedule="step", step_epochs=2, continue_from="x", continue_epoch=4),
            RunConfig(epochs=4, schedule="step", step_epochs=2),
            [],
        ),
    ],
)
def test_a_learning_rate_that_does_something_unexpected_is_told(
    config: RunConfig, parent: RunConfig | None, says: list[str]
) -> None:
    remarked = schedule_remarks(config, parent)
    assert len(remarked) == len(says)
    assert all(word in remark for word, remark in zip(says, remarked, strict=True))


def test_the_numbers_of_the_remarks_are_those_of_the_run(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "lab")
    base = SMALL.replace(architecture="softmax", train_images=500, schedule="cosine", epochs=2, learning_rate=0.01)
    first = store.enqueue(base, claimed=True)
    train_now(store, first)
    second = store.enqueue(base.replace(epochs=4, continue_from=first.id, continue_epoch=2), claimed=True)
    train_now(store, second)
    run = store.run(second.id)
    assert run.state == "finished"
    (remark,) = schedule_remarks(run.config, base)
    assert remark in run.note
    rates = store.metrics(second.id, names=["learning_rate"])["value"].to_numpy()
    # Halfway through half a cosine the rate is half the highest.
    assert rates.max() == pytest.approx(0.005, rel=0.05)
    assert " to 0.005 " in remark
