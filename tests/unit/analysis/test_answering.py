"""Predicting again after training gives the stored predictions bit for bit, in the run's own precision."""

import numpy as np
import pytest
import torch

from mnist_core import api
from mnist_core.analysis import costs, explain, forgetting, predictions, robustness, scores, trained
from mnist_core.config.run_config import RunConfig
from mnist_core.data.sources import load_arrays
from mnist_core.data.splitting import split_images
from mnist_core.environment import data_dir
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from mnist_core.training import devices
from tests.labs import trained_run

TINY = RunConfig(
    dataset="mnist-5k", train_images=300, validation_images=50, epochs=2, architecture="mlp-50", device="cpu"
)
CNN = "conv(8, 3) batchnorm relu maxpool(2) residual(conv(8, 3, padding=same) relu) flatten linear(classes)"
MIXER = "patches(7, 16) position residual(layernorm attention(2)) layernorm meantokens linear(classes)"
CONFIGS = {
    "perceptron": TINY,
    "perceptron in bfloat16": TINY.replace(precision="bfloat16"),
    "convolution": TINY.replace(architecture=CNN),
    "convolution in bfloat16": TINY.replace(architecture=CNN, precision="bfloat16"),
    "attention in bfloat16, raw pixels": TINY.replace(architecture=MIXER, precision="bfloat16", normalise=False),
    "each pixel standardised": TINY.replace(standardise=True),
    "scikit-learn": TINY.replace(library="sklearn", architecture="mlp-50", tolerance=0.1),
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, dict[str, Run]]:
    """A trained run of each config."""
    store = Store.open(tmp_path_factory.mktemp("lab"))
    runs = {}
    for name, config in CONFIGS.items():
        runs[name] = trained_run(store, config, name)
    return store, runs


def stored_answers(store: Store, run: Run) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Test images, labels, and the stored probabilities."""
    images, labels = split_images(load_arrays(run.config, data_dir()), run.config, "test")
    return images, labels, scores.probabilities(predictions.load_split(store, run))


@pytest.mark.parametrize("name", CONFIGS)
def test_a_network_answers_as_it_did_when_it_was_tested(
    name: str, lab: tuple[Store, dict[str, Run]], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, run = lab[0], lab[1][name]
    images, labels, stored = stored_answers(store, run)
    assert trained.load_network(store, run).precision == run.config.precision
    # Loaded once, then kept.
    assert trained.load_network(store, run) is trained.load_network(store, run)
    assert trained.precision_note(run) == ""
    np.testing.assert_array_equal(trained.run_probabilities(store, run, images), stored)
    np.testing.assert_array_equal(costs.load_predictors(store, [run])[run.id](images), stored)
    monkeypatch.setenv("MNIST_LAB_RESULTS", str(store.root))
    np.testing.assert_array_equal(api.predict(run), stored)
    history = forgetting.prediction_history(store, run, images, wanted=[run.best_epoch or 0])
    assert (history.predicted[0] == labels).mean() == run.test_accuracy


def test_the_layers_of_a_bfloat16_run_are_shown_in_bfloat16(lab: tuple[Store, dict[str, Run]]) -> None:
    store, run = lab[0], lab[1]["convolution in bfloat16"]
    image = stored_answers(store, run)[0][0]
    network = trained.load_network(store, run)
    about = (network.model, image, network.mean, network.std)
    shown = explain.activations(*about, network.precision)[-1].values
    np.testing.assert_array_equal(shown, network.logits(image[None])[0])
    assert not np.array_equal(shown, explain.activations(*about)[-1].values)


def test_severity_0_is_what_is_stored_whatever_the_network_answers_here() -> None:
    images = np.zeros((250, 1, 8, 8), dtype=np.uint8)
    labels = np.zeros(250, dtype=np.int64)
    stored = np.random.default_rng(0).random(250) < 0.8
    asked: list[np.ndarray] = []

    def never(seen: np.ndarray) -> np.ndarray:
        asked.append(seen)
        return np.tile([0.0, 1.0], (len(seen), 1))

    *_, last = robustness.count_right_answers({"run": never}, images, labels, {"run": stored})
    assert (last.right["run"][:, 0] == stored.sum()).all()
    assert (last.right["run"][:, 1:] == 0).all()
    # The unchanged images are not predicted again.
    assert len(asked) == 3 * len(robustness.CORRUPTIONS) * (robustness.LEVELS - 1)


def test_stored_predictions_stand_for_the_epoch_that_was_tested(lab: tuple[Store, dict[str, Run]]) -> None:
    store, run = lab[0], lab[1]["perceptron"]
    images = stored_answers(store, run)[0]
    # Pretend that another machine has predicted.
    elsewhere = np.full(len(images), 7)
    history = forgetting.prediction_history(store, run, images, wanted=[1, 2], stored={2: elsewhere})
    assert np.array_equal(history.predicted[1], elsewhere)
    assert np.array_equal(history.predicted[0], trained.run_probabilities(store, run, images, 1).argmax(axis=1))


def test_where_a_precision_is_missing_the_answers_are_in_float32_and_say_so(
    lab: tuple[Store, dict[str, Run]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A processor without bfloat16 refuses autocast. There is none here, so torch is made to refuse it."""
    store, run = lab[0], lab[1]["convolution in bfloat16"]
    images = stored_answers(store, run)[0][:20]
    computed = trained.run_probabilities(store, run, images)

    def refused(*_: object, **__: object) -> None:
        raise RuntimeError("bfloat16 is not supported")

    devices.has_bfloat16.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(torch, "autocast", refused)
        assert not devices.has_bfloat16()
    try:
        assert trained.precision_here(run) == "float32"
        assert f"Run {run.number} was trained in bfloat16" in trained.precision_note(run)
        assert trained.load_network(store, run).precision == "float32"
        plain = trained.run_probabilities(store, run, images)
        np.testing.assert_allclose(plain, computed, atol=0.05)
        assert not np.array_equal(plain, computed)
    finally:
        devices.has_bfloat16.cache_clear()
    assert trained.load_network(store, run).precision == "bfloat16"
