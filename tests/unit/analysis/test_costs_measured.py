"""Costs of a network: bytes against what torch allocates and writes, time by a fake clock, the Pareto front."""

import weakref
from collections.abc import Callable

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch.utils._python_dispatch import TorchDispatchMode

from mnist_core import architectures
from mnist_core.analysis import costs, trained
from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store
from mnist_core.training import checkpoints
from mnist_core.training.needs import count_optimizer_numbers
from mnist_core.training.optimization import build_optimizers
from tests.labs import train_now

NETWORKS = (
    "mlp-100",
    "lenet-5",
    "conv(6, 3, padding=1) batchnorm relu residual(conv(12, 3, stride=2, padding=1) relu) maxpool(2) dropout(0.5) "
    "flatten linear(classes)",
    "conv(4, 3) relu residual(relu conv(4, 3, padding=1) relu) globalavgpool linear(classes)",
)


class _Alive(TorchDispatchMode):
    """Follows which tensors of floating-point numbers exist: `most` is the most bytes of them at any time."""

    def __init__(self, alive: set[int]) -> None:
        super().__init__()
        self.known, self.made, self.most = alive, [], 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
                self.made.append(weakref.ref(tensor))
        storages = {}
        for reference in self.made:
            tensor = reference()
            if tensor is not None and tensor.untyped_storage().data_ptr() not in self.known:
                storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        self.most = max(self.most, sum(storages.values()))
        return result


@pytest.mark.parametrize("text", NETWORKS)
def test_the_memory_of_one_image_is_what_torch_holds_at_its_worst_moment(text: str) -> None:
    model = architectures.build_network(text, (1, 28, 28), 10).eval()
    image = torch.rand(1, 1, 28, 28)
    weights = {tensor.untyped_storage().data_ptr() for tensor in model.state_dict().values()}
    alive = _Alive(weights)
    with torch.no_grad(), alive:
        model(image)
    memory = costs.network_memory(RunConfig(architecture=text), (1, 28, 28), 10)
    # The image was allocated before and stays to the end, so it counts only where it is a layer's input.
    assert alive.most <= memory.activations <= alive.most + image.nbytes
    assert memory.weights == sum(4 * parameter.numel() for parameter in model.parameters())
    assert memory.answering == memory.weights + memory.activations


def test_memory_by_hand() -> None:
    text = "conv(8, 3, padding=1) relu flatten linear(classes)"
    memory = costs.network_memory(RunConfig(architecture=text, batch_size=32, optimizer="adam"), (3, 16, 16), 10)
    pixels, maps = 3 * 256, 8 * 256
    weights = 8 * (27 + 1) + maps * 10 + 10
    assert memory.weights == 4 * weights
    assert memory.activations == 4 * 2 * maps
    assert memory.training == 4 * (4 * weights + 32 * (pixels + 2 * maps + 10))
    assert costs.network_memory(RunConfig(architecture="softmax", library="sklearn"), (1, 28, 28), 10).training is None


@pytest.mark.parametrize(
    ("name", "momentum"),
    [("sgd", 0.9), ("sgd", 0.0), ("adam", 0.9), ("adamw", 0.9), ("rmsprop", 0.9), ("rmsprop", 0.0), ("adagrad", 0.9)],
)
def test_the_optimizer_keeps_as_many_numbers_as_are_counted(name: str, momentum: float) -> None:
    config = RunConfig.parse({"optimizer": name, "momentum": momentum, "nesterov": False})
    model = torch.nn.Linear(7, 5)
    (optimizer,) = build_optimizers(model, config)
    model(torch.rand(2, 7)).sum().backward()
    optimizer.step()
    kept = sum(
        value.numel()
        for values in optimizer.state_dict()["state"].values()
        for value in values.values()
        if isinstance(value, torch.Tensor) and value.numel() > 1
    )
    assert kept == count_optimizer_numbers(config) * 40


def test_the_size_of_the_weights_is_that_of_a_file_of_them() -> None:
    store = Store.open()
    text = "conv(3, 5) batchnorm relu flatten linear(classes)"
    config = RunConfig(dataset="mnist-5k", train_images=100, validation_images=50, epochs=1, architecture=text)
    run = store.enqueue(config, claimed=True)
    assert costs.weights_size(store, run) is None
    train_now(store, run)
    run = store.run(run.id)
    path = store.folder(run.id) / trained.chosen_checkpoint(store, run).path
    weights = checkpoints.load_checkpoint(path).weights()
    assert len(weights) > 4
    assert costs.weights_size(store, run) == len(save(weights)) < path.stat().st_size
    images = np.random.default_rng(0).integers(0, 256, (3, 1, 28, 28), dtype=np.uint8)
    answered = costs.load_predictors(store, [run])[run.id](images)
    np.testing.assert_array_equal(answered, trained.run_probabilities(store, run, images))
    path.write_bytes(b"no header")
    assert costs.weights_size(store, run) is None


class _Clock:
    """Time that passes only while a network answers."""

    def __init__(self) -> None:
        self.now, self.order = 0.0, []

    def network(self, name: str, seconds: Callable[[int, int], float]) -> costs.Predictor:
        def answer(images: np.ndarray) -> np.ndarray:
            calls = sum(other == name for other in self.order)
            self.order.append(name)
            self.now += seconds(len(images), calls)
            return images

        return answer

    def __call__(self) -> float:
        return self.now


def test_networks_take_turns_and_the_slow_start_does_not_count() -> None:
    clock, shares = _Clock(), []
    networks = {
        "quick": clock.network("quick", lambda images, calls: 0.001 * images + (5.0 if calls < 3 else 0.0)),
        "slow": clock.network("slow", lambda images, calls: 0.004 * images + 0.01),
    }
    pixels = np.zeros((200, 1, 4, 4), dtype=np.uint8)
    speeds = costs.measure_speeds(networks, dict.fromkeys(networks, pixels), shares.append, clock)
    assert speeds["quick"].milliseconds == pytest.approx(1)
    assert speeds["quick"].images_per_second == pytest.approx(1000)
    assert speeds["slow"].milliseconds == pytest.approx(14)
    assert speeds["slow"].images_per_second == pytest.approx(100 / 0.41)
    assert speeds["slow"].low == pytest.approx(14) == speeds["slow"].high
    assert shares == sorted(shares)
    assert shares[-1] == 1
    halves = [clock.order[: len(clock.order) // 2].count(name) for name in networks]
    assert halves[0] == halves[1] > 0, "neither is measured only at the beginning or only at the end"


def test_the_front_holds_what_nothing_beats() -> None:
    prices = [5.0, 1.0, 3.0, 3.0, 9.0, float("nan"), 5.0]
    right = [0.97, 0.90, 0.95, 0.94, 0.97, 0.99, 0.97]
    front = costs.pareto_front(prices, right)
    assert front == [1, 2, 0, 6]
    for index in range(5):
        beaten = any(
            prices[other] <= prices[index]
            and right[other] >= right[index]
            and (prices[other], right[other]) != (prices[index], right[index])
            for other in (0, 1, 2, 3, 4, 6)
        )
        assert beaten == (index not in front)
    assert costs.pareto_front([], []) == []
