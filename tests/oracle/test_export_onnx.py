"""Exported weights against the network that they come from: onnxruntime and safetensors' own reader against torch."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors import safe_open

from mnist_core.analysis import trained
from mnist_core.architectures.building import build_network
from mnist_core.config.run_config import RunConfig
from mnist_core.data.loading import Data, load_data
from mnist_core.export.weight_files import write_onnx, write_safetensors
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from tests.labs import trained_run

BASE = RunConfig(dataset="mnist-5k", train_images=300, validation_images=100, epochs=2, learning_rate=0.01)
CNN = (
    "conv(6, 3, padding=same) batchnorm relu maxpool(2) residual(conv(8, 3, padding=same) layernorm gelu) "
    "globalavgpool dropout(0.2) linear(classes)"
)
MIXER = (
    "conv(4, 3, padding=same) conv(4, 3, padding=same, groups=4) avgpool(2) leakyrelu patches(7, 12) transpose "
    "linear(tokens) tanh transpose meantokens linear(classes) logsoftmax"
)
ARCHITECTURES = {
    "MLP": "mlp-50",
    "batch norm, dropout, residual": CNN,
    "attention": "patches(7, 16) position residual(layernorm attention(2)) layernorm meantokens linear(classes)",
    "mixer, depthwise": MIXER,
    "pixels standardised": "flatten linear(20) sigmoid linear(classes)",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return load_data(BASE, tmp_path_factory.mktemp("data"), "cpu")


def trained_by_name(name: str, folder: Path) -> tuple[Store, Run]:
    store = Store.open(folder)
    config = BASE.replace(architecture=ARCHITECTURES[name], standardise=name == "pixels standardised")
    return store, trained_run(store, config, name)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_onnxruntime_answers_1000_images_as_torch_does(name: str, data: Data, tmp_path: Path):
    store, run = trained_by_name(name, tmp_path / "lab")
    path = tmp_path / "network.onnx"
    write_onnx(store, run, path)
    # Shape uint8 (1000, 1, 28, 28).
    images = data.test.images.numpy()
    assert len(images) == 1000
    expected = trained.run_probabilities(store, run, images)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (probabilities_of_onnx,) = session.run(["probabilities"], {"images": images})
    assert isinstance(probabilities_of_onnx, np.ndarray)
    assert probabilities_of_onnx.dtype == np.float32
    assert np.abs(probabilities_of_onnx - expected).max() < 1e-4
    assert (probabilities_of_onnx.argmax(1) == expected.argmax(1)).all()
    # The network has learned something: it does not predict the same class for all images.
    assert len(set(probabilities_of_onnx.argmax(1))) > 1
    # The exported network takes any number of images.
    (single,) = session.run(None, {"images": images[:1]})
    assert isinstance(single, np.ndarray)
    assert np.abs(single - expected[:1]).max() < 1e-4
    assert json.loads(session.get_modelmeta().custom_metadata_map["classes"]) == list("0123456789")


def test_safetensors_hold_the_best_weights_and_what_it_takes_to_use_them(data: Data, tmp_path: Path):
    store, run = trained_by_name("batch norm, dropout, residual", tmp_path / "lab")
    path = tmp_path / "weights.safetensors"
    write_safetensors(store, run, path)
    with safe_open(path, framework="pt") as file:
        about = file.metadata()
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    shape, classes = tuple(json.loads(about["shape"])), json.loads(about["classes"])
    assert (shape, classes) == ((1, 28, 28), list("0123456789"))
    assert about["epoch"] == str(run.best_epoch)
    assert RunConfig.model_validate_json(about["config"]) == run.config
    model = build_network(about["architecture"], shape, len(classes)).eval()
    model.load_state_dict(weights)
    mean, std = (torch.tensor(json.loads(about[name])).view(-1, 1, 1) for name in ("mean", "std"))
    with torch.inference_mode():
        probabilities = model((data.test.images / 255 - mean) / std).softmax(1)
    expected = trained.run_probabilities(store, run, data.test.images.numpy())
    assert np.abs(probabilities.numpy() - expected).max() < 1e-6
