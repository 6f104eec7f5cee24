"""The written-out steps of perceptrons against torch's autograd and optimizers."""

import pytest
import torch

from mnist_core import architectures
from mnist_core.config.run_config import RunConfig
from mnist_core.data.loading import Data, load_data
from mnist_core.events import EpochEnd, StepEnd
from mnist_core.training import loop
from mnist_core.training import perceptron as perceptrons
from mnist_core.training.loop import TrainingState, train_network
from mnist_core.training.perceptron import PreparedBatch, perceptron

CPU = torch.device("cpu")
BASE = RunConfig(dataset="mnist-5k", epochs=1, seed=3)
CONFIGS = {
    "linear chain, SGD": BASE.replace(
        architecture="linear-100-100-10", optimizer="sgd", learning_rate=0.001, momentum=0.01, batch_size=12
    ),
    "SGD without momentum": BASE.replace(architecture="linear-10", optimizer="sgd", momentum=0, learning_rate=0.01),
    "Nesterov, decay": BASE.replace(
        architecture="flatten linear(50) tanh linear(classes)",
        optimizer="sgd",
        nesterov=True,
        weight_decay=0.01,
        learning_rate=0.01,
    ),
    "MLP, Adam": BASE.replace(architecture="mlp-300"),
    "deep MLP, Adam, decay": BASE.replace(architecture="mlp-512-256-128-64", weight_decay=0.001),
    "dropout, AdamW": BASE.replace(architecture="mlp-300-dropout-0.5", optimizer="adamw", weight_decay=0.01),
    "two hidden layers, dropout": BASE.replace(architecture="mlp-300-90-dropout-0.3"),
    "ReLU on the logits": BASE.replace(architecture="mlp-784-500-50-relu-logits", normalise=False),
    "sigmoid, RMSprop": BASE.replace(
        architecture="flatten linear(40) sigmoid linear(classes)", optimizer="rmsprop", momentum=0
    ),
    "leaky ReLU, smoothing, clipping": BASE.replace(
        architecture="flatten linear(40) leakyrelu linear(classes)", label_smoothing=0.1, clip_norm=0.5
    ),
    # Saved outputs that the next activation must leave as they are, and layers before the first linear one.
    "activations in a row": BASE.replace(architecture="flatten relu linear(40) tanh sigmoid relu relu linear(classes)"),
    "dropout around activations": BASE.replace(
        architecture="flatten dropout(0.2) linear(40) dropout(0.5) relu linear(30) sigmoid dropout(0.3) linear(classes)"
    ),
    "without a bias": BASE.replace(
        architecture="flatten linear(40, bias=False) relu linear(30) tanh linear(classes, bias=False)"
    ),
    "batches of many sizes": BASE.replace(architecture="mlp-50", batch_size=997),
    "a batch larger than the data": BASE.replace(architecture="mlp-50", train_images=200, batch_size=1500),
    "batches of one": BASE.replace(architecture="linear-10", train_images=300, batch_size=1),
    # Few and small, because Muon's bfloat16 is slow on processors without it.
    "Muon": BASE.replace(
        architecture="flatten linear(50) relu dropout(0.3) linear(30) relu linear(classes)",
        optimizer="muon",
        train_images=1000,
    ),
    "Adagrad, clipping": BASE.replace(architecture="mlp-50", optimizer="adagrad", clip_norm=0.1, learning_rate=0.01),
    "augmented": BASE.replace(architecture="mlp-100", shift=2, rotate=10),
}


@pytest.fixture(scope="module")
def pixels(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Data]:
    folder = tmp_path_factory.mktemp("data")
    return {normalise: load_data(BASE.replace(normalise=normalise), folder, CPU) for normalise in (True, False)}


def trained(config: RunConfig, data: Data) -> tuple[list[float], EpochEnd, dict[str, torch.Tensor]]:
    torch.manual_seed(config.seed)
    model = architectures.build_network(config.architecture, (1, 28, 28), 10)
    events = list(train_network(model, data, config))
    losses = [event.loss for event in events if isinstance(event, StepEnd)]
    end = next(event for event in events if isinstance(event, EpochEnd))
    return losses, end, model.state_dict()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", CONFIGS)
def test_an_epoch_ends_where_autograd_ends(
    name: str, precision: str, pixels: dict[bool, Data], monkeypatch: pytest.MonkeyPatch
):
    config = CONFIGS[name].replace(precision=precision)
    data = pixels[config.normalise]
    used = []
    monkeypatch.setattr(loop, "perceptron", lambda *arguments: used.append(perceptron(*arguments)) or used[-1])
    losses, end, weights = trained(config, data)
    assert used != [None]
    monkeypatch.setattr(loop, "perceptron", lambda *_: None)
    expected_losses, expected, expected_weights = trained(config, data)
    assert losses == expected_losses
    assert end.validation_loss == expected.validation_loss
    for key, value in expected_weights.items():
        assert torch.equal(weights[key], value), key


@pytest.mark.parametrize("smoothing", [0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 0.95])
def test_the_gradient_of_the_loss_is_that_of_autograd(smoothing: float):
    config = BASE.replace(label_smoothing=smoothing)
    for classes in (1, 2, 10, 47):
        model = architectures.build_network(f"flatten linear({classes})", (1, 4, 4), classes)
        assert isinstance(model, torch.nn.Sequential)
        steps = perceptrons.Perceptron(model, config, [])
        for size in (1, 2, 7, 10, 20, 48, 50, 64, 100, 128, 250, 500):
            torch.manual_seed(size)
            logits, target = torch.randn(size, classes, requires_grad=True), torch.randint(classes, (size,))
            torch.nn.functional.cross_entropy(logits, target, label_smoothing=smoothing).backward()
            expected = torch.zeros(0) if logits.grad is None else logits.grad
            steps._resize(size)
            outer = steps.outer_gradient(size).index_select(0, target)
            batch = PreparedBatch(size, torch.empty(0), outer, logits.detach(), torch.empty(size, classes))
            found = steps._gradient_of_loss(batch)
            assert torch.equal(found, expected), (classes, size)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_mask_is_that_of_torch_however_it_is_drawn(share: float, monkeypatch: pytest.MonkeyPatch):
    x = torch.linspace(-1, 1, 64 * 801).reshape(64, 801)
    masked = []
    for same in (perceptrons._whole_draws_the_same(), False):
        monkeypatch.setattr(perceptrons, "_whole_draws_the_same", lambda same=same: same)
        torch.manual_seed(5)
        layer = perceptrons._DropoutStep(torch.nn.Dropout(share))
        masked.append((layer.forward(x), layer.backward(torch.ones_like(x)), torch.rand(1)))
    torch.manual_seed(5)
    expected = torch.nn.functional.dropout(x, share), torch.rand(1)
    for forward, backward, following in masked:
        assert torch.equal(forward, expected[0])
        assert torch.equal(forward, x * backward)
        assert torch.equal(following, expected[1]), "the next random number is torch's too"


@pytest.mark.parametrize(
    "change",
    [{"architecture": "lenet-5"}, {"architecture": "flatten batchnorm linear(classes)"}],
)
def test_other_networks_are_left_to_autograd(change: dict[str, str]):
    config = BASE.replace(**change)
    model = architectures.build_network(config.architecture, (1, 28, 28), 10)
    assert perceptron(model, config, TrainingState.start(model, config).optimizers, CPU) is None


def test_a_diverging_perceptron_says_so(pixels: dict[bool, Data]):
    config = BASE.replace(architecture="linear-100-10", optimizer="sgd", learning_rate=100, epochs=3)
    torch.manual_seed(0)
    model = architectures.build_network(config.architecture, (1, 28, 28), 10)
    assert list(train_network(model, pixels[True], config))[-1].outcome == "diverged"  # pyright: ignore


@pytest.mark.parametrize("kernel", perceptrons._PRIVATE)
def test_a_torch_without_a_kernel_trains_by_autograd_and_says_so(
    kernel: str, pixels: dict[bool, Data], monkeypatch: pytest.MonkeyPatch
):
    config = BASE.replace(architecture="mlp-50", train_images=300)
    model = architectures.build_network(config.architecture, (1, 28, 28), 10)
    assert perceptrons.without_kernels_note(model, CPU) == ""
    *_, expected = trained(config, pixels[True])
    monkeypatch.delattr(torch, kernel)
    assert perceptron(model, config, TrainingState.start(model, config).optimizers, CPU) is None
    assert kernel in perceptrons.without_kernels_note(model, CPU)
    assert perceptrons.without_kernels_note(model, torch.device("cuda")) == ""
    if kernel in ("_fused_adamw_", "_fused_sgd_"):
        # torch itself calls the others here.
        *_, weights = trained(config, pixels[True])
        assert all(torch.equal(weights[key], value) for key, value in expected.items())
