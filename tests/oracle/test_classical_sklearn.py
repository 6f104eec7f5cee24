"""Runs of scikit-learn against scikit-learn's own fit: its coefficients, rounded to float32, and its answers."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from mnist_core import architectures
from mnist_core.config.run_config import RunConfig
from mnist_core.data.loading import Data, load_data
from mnist_core.events import EpochEnd, StepEnd
from mnist_core.training.evaluation import predict_split
from mnist_core.training.loop import TrainingState
from mnist_core.training.sklearn.estimators import perceptron_layers
from mnist_core.training.sklearn.fit import fit_sklearn

BASE = RunConfig(dataset="mnist-5k", train_images=600, validation_images=200, library="sklearn", seed=1)
# The network of the course chapter on fewer images, and another kind of network.
PERCEPTRON = BASE.replace(
    architecture="flatten linear(40) relu linear(classes)",
    optimizer="sgd",
    learning_rate=0.01,
    momentum=0.9,
    nesterov=True,
    weight_decay=1e-4,
    batch_size=64,
    epochs=5,
)
DEEP = BASE.replace(architecture="flatten linear(20) tanh linear(12) tanh linear(classes)", epochs=3)
LOGISTIC = BASE.replace(architecture="softmax", epochs=12)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The order of sums depends on the number of threads."""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def ours(config: RunConfig, tmp_path: Path) -> tuple[Data, torch.nn.Module, list[Any]]:
    data = load_data(config, tmp_path, "cpu")
    model = architectures.build_network(config.architecture, data.input_shape, len(data.classes))
    return data, model, list(fit_sklearn(model, data, config, TrainingState([])))


def inputs(data: Data) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        data.inputs(data.train.images).flatten(1).numpy().astype(np.float64),
        data.train.labels.numpy(),
        data.inputs(data.test.images).flatten(1).numpy().astype(np.float64),
    )


@pytest.mark.parametrize(
    ("config", "settings"),
    [
        (PERCEPTRON, {"hidden_layer_sizes": 40, "solver": "sgd", "learning_rate_init": 0.01, "max_iter": 5}),
        (DEEP, {"hidden_layer_sizes": (20, 12), "activation": "tanh", "alpha": 0, "max_iter": 3}),
    ],
    ids=["sgd", "adam"],
)
def test_a_perceptron_is_the_one_that_scikit_learn_fits(config: RunConfig, settings: dict[str, Any], tmp_path: Path):
    data, model, events = ours(config, tmp_path)
    train, labels, test = inputs(data)
    same: Any = MLPClassifier(**settings, batch_size=64, random_state=1)  # pyright: ignore[reportArgumentType]
    same.fit(train, labels)
    linear = perceptron_layers(model)[0]
    assert len(linear) == len(same.coefs_)
    for layer, weight, bias in zip(linear, same.coefs_, same.intercepts_, strict=True):
        np.testing.assert_array_equal(layer.weight.detach().numpy(), weight.T.astype(np.float32))
        np.testing.assert_array_equal(layer.bias.detach().numpy(), bias.astype(np.float32))
    ends = [event for event in events if isinstance(event, EpochEnd)]
    assert [end.train_loss for end in ends] == same.loss_curve_
    assert ends[-1].train_accuracy == pytest.approx(same.score(train, labels))
    np.testing.assert_allclose(predict_split(model, data, data.test), same.predict_proba(test), atol=1e-5)
    steps = [event for event in events if isinstance(event, StepEnd) and event.epoch == 2]
    sizes = [64] * 9 + [600 - 9 * 64]
    mean = sum(event.loss * size for event, size in zip(steps, sizes, strict=True)) / 600
    assert mean == pytest.approx(same.loss_curve_[1], rel=1e-6)


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg", "sag"])
def test_a_logistic_regression_is_the_one_that_scikit_learn_fits(solver, tmp_path):
    config = LOGISTIC.replace(solver=solver, inverse_regularisation=0.05, tolerance=0.01)
    data, model, events = ours(config, tmp_path)
    train, labels, test = inputs(data)
    same = LogisticRegression(C=0.05, solver=solver, tol=0.01, max_iter=12, random_state=1).fit(train, labels)
    (linear,), _ = perceptron_layers(model)
    np.testing.assert_array_equal(linear.weight.detach().numpy(), same.coef_.astype(np.float32))
    np.testing.assert_array_equal(linear.bias.detach().numpy(), same.intercept_.astype(np.float32))
    ends = [event for event in events if isinstance(event, EpochEnd)]
    iterations = int(same.n_iter_[0])
    assert [end.epoch for end in ends] == (list(range(1, iterations + 1)) if solver == "lbfgs" else [iterations])
    np.testing.assert_allclose(predict_split(model, data, data.test), same.predict_proba(test), atol=1e-5)
    assert predict_split(model, data, data.test).argmax(1).tolist() == same.predict(test).tolist()


@pytest.mark.parametrize("architecture", ["softmax", "flatten linear(8) relu linear(classes)"])
def test_two_classes_answer_as_scikit_learn_does_with_its_single_output(architecture, tmp_path):
    """scikit-learn fits one output for two classes; the network has two."""
    config = LOGISTIC.replace(architecture=architecture, epochs=4)
    ten = load_data(config, tmp_path, "cpu")
    pairs = {}
    for name in ("train", "validation", "test"):
        split = getattr(ten, name)
        chosen = split.labels < 2
        pairs[name] = type(split)(split.images[chosen], split.labels[chosen])
    data = Data("pair", ("0", "1"), pairs["train"], pairs["validation"], pairs["test"], ten.mean, ten.std)
    model = architectures.build_network(architecture, data.input_shape, 2)
    events = list(fit_sklearn(model, data, config, TrainingState([])))
    train, labels, test = inputs(data)
    same: Any = MLPClassifier(8, alpha=0, batch_size=64, max_iter=4, random_state=1)  # pyright: ignore[reportArgumentType]
    if architecture == "softmax":
        same = LogisticRegression(max_iter=4, random_state=1)
    same.fit(train, labels)
    np.testing.assert_allclose(predict_split(model, data, data.test), same.predict_proba(test), atol=1e-5)
    steps = [event for event in events if isinstance(event, StepEnd)]
    assert 0.9 < steps[-1].accuracy <= 1
