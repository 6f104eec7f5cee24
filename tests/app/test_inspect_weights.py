"""The Inspect page: its templates, units, filters and maps follow from the weights of trained runs."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from PIL import Image

from mnist_core.config.run_config import RunConfig
from mnist_core.plots.images import weight_images
from mnist_core.store.store import Store
from mnist_core.training import checkpoints
from tests.app import inspect_lab
from tests.app.inspect_lab import BAR, CONVOLUTIONAL, LINEAR, TEMPLATES, html, picture, text
from tests.app.pages import numbers_in, opened, ran
from tests.labs import trained_run

pytestmark = pytest.mark.usefixtures("quiet")
prepare = inspect_lab.prepare


def weights(store: Store, number: int, epoch: int) -> list[np.ndarray]:
    """The weights, without the biases, of the network's layers."""
    path = store.folder(store.find(str(number)).id) / f"checkpoints/epoch-{epoch:04d}.safetensors"
    tensors = checkpoints.load_checkpoint(path, weights_only=True).tensors
    return [tensor.numpy() for name, tensor in tensors.items() if name.endswith(".weight")]


def test_templates_are_the_weights_at_the_chosen_epoch(store: Store) -> None:
    best = store.find("1").best_epoch
    assert best is not None
    at = opened("inspect", run=TEMPLATES, view="Weights")
    assert at.selectbox(key="layer").value == "class templates"
    for epoch in (best, 1):
        ran(at.select_slider(key="epoch-1").set_value(epoch))
        images, limit = weight_images(weights(store, 1, epoch)[0].reshape(10, 28, 28))
        np.testing.assert_array_equal(picture(html(at, "inspected")), images[0])
        assert f"<span>+{limit:.3g}</span>" in html(at, "scale")
    linked = opened("inspect", run=TEMPLATES, view="Weights", epoch=1)
    assert linked.select_slider(key="epoch-1").value == 1
    assert picture(html(linked, "inspected")).tolist() == picture(html(at, "inspected")).tolist()


def test_templates_of_a_deeper_linear_network_are_the_product_of_its_matrices(store: Store) -> None:
    first, second = weights(store, LINEAR, 1)
    at = opened("inspect", run=LINEAR, view="Weights")
    images, _ = weight_images((second @ first).reshape(10, 28, 28))
    difference = picture(html(at, "inspected")).astype(int) - images[0]
    # The page multiplies in another order, so the last digit may differ.
    assert np.abs(difference).max() <= 1
    assert images[0].std() > 10


def test_units_are_sorted_by_the_size_of_their_weights(store: Store) -> None:
    first, _ = weights(store, LINEAR, 1)
    images, _ = weight_images(first.reshape(-1, 28, 28))
    largest = int(np.linalg.norm(first, axis=1).argmax())
    at = opened("inspect", run=LINEAR, view="Weights", layer="linear 1")
    assert str(largest + 1) in numbers_in(text(at))
    assert {"100", "120"} <= set(numbers_in(text(at)))
    np.testing.assert_array_equal(picture(html(at, "inspected")), images[largest])
    ran(at.toggle(key="largest").set_value(False))
    np.testing.assert_array_equal(picture(html(at, "inspected")), images[0])


def test_filters_of_every_convolution_share_a_scale(store: Store) -> None:
    first, second = weights(store, CONVOLUTIONAL, 1)[:2]
    at = opened("inspect", run=CONVOLUTIONAL, view="Weights")
    assert at.selectbox(key="layer").options == ["conv 1", "conv 2"]
    np.testing.assert_array_equal(picture(html(at, "inspected")), weight_images(first[:, 0])[0][0])
    assert all(kind in at.caption[-1].value for kind in ("relu", "maxpool"))
    ran(at.selectbox(key="layer").select("conv 2"))
    kernels = picture(html(at, "kernels"))
    # (4, 3, 3, 3, 3)
    images, limit = weight_images(second)
    # A kernel of 3 x 3 takes 45 pixels.
    scale = 15
    for row, column in ((0, 0), (3, 2)):
        corner = row * (3 * scale + 3), column * (3 * scale + 3)
        tile = kernels[corner[0] : corner[0] + 45 : scale, corner[1] : corner[1] + 45 : scale, :3]
        np.testing.assert_array_equal(tile, images[row, column])
    assert f"<span>−{limit:.3g}</span>" in html(at, "scale")


def test_layer_by_layer(store: Store) -> None:
    maps = html(opened("inspect", run=CONVOLUTIONAL, view="Samples", maps="true"), "maps")
    assert re.findall(r"<h4>([^<]+)</h4>", maps) == [
        "conv 1 · 3 maps of 24 × 24",
        "relu 1 · 3 maps of 24 × 24",
        "maxpool 1 · 3 maps of 6 × 6",
        "conv 2 · 4 maps of 4 × 4",
        "relu 2 · 4 maps of 4 × 4",
        "linear 1 · 10 units",
    ]
    assert maps.count("<img") == 3 + 3 + 3 + 4 + 4 + 1


def test_many_classes_with_words_for_names_in_colour(own_lab: Path, tmp_path: Path) -> None:
    names = sorted(["<b>bold</b>".replace("/", "-"), "star*star", *(f"thing {number}" for number in range(12))])
    random = np.random.default_rng(0)
    for split, count in (("train", 6), ("test", 3)):
        for name in names:
            (tmp_path / "pictures" / split / name).mkdir(parents=True)
            for index in range(count):
                pixels = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / "pictures" / split / name / f"{index}.png")
    run = trained_run(
        Store.open(own_lab),
        RunConfig(
            dataset="folder",
            folder=str(tmp_path / "pictures"),
            folder_size=8,
            folder_colour=True,
            epochs=1,
            architecture="conv(4, 3) relu flatten linear(classes)",
            validation_images=0,
        ),
    )
    at = opened("inspect", run=run.number, view="Samples")
    large = html(at, "inspected")
    assert len(BAR.findall(large)) == 12
    assert "<b>bold<-b>" not in large
    assert picture(large).shape == (8, 8, 3)
    assert "Split" not in [control.label for control in at.segmented_control]
    star = names.index("star*star")
    confusion = opened("inspect", run=run.number, view="Confusion", cell=f"{star}-{star}")
    assert r"**star\*star**" in text(confusion)
    at = opened("inspect", run=run.number, view="Weights")
    assert picture(html(at, "inspected")).shape == (3, 3, 3)
    # A picture of the scale of red and blue would mean nothing for weights in colour.
    assert not [part for part in at.html if "class='scale'" in part.value]
    shutil.rmtree(tmp_path / "pictures")
    st.cache_resource.clear()
    at = opened("inspect", run=run.number, view="Mistakes")
    assert "pictures" in at.error[0].value
