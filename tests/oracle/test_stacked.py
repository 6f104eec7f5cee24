"""Seeds trained stacked against the same seeds trained alone."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from mnist_core.architectures import build_seeded
from mnist_core.config import RunConfig, SeedScore
from mnist_core.data import Data, load_data
from mnist_core.errors import ConfigError
from mnist_core.events import EpochEnd
from mnist_core.training import stacked
from mnist_core.training.evaluation import evaluate_split
from mnist_core.training.loop import train_network
from mnist_core.training.stackable import MOST_PARAMETERS, why_not_stacked
from mnist_core.training.stacked import SeedGroup, StackedProgress, train_stacked

SHAPE = (1, 28, 28)
BASE = RunConfig(
    dataset="mnist-5k",
    train_images=640,
    validation_images=0,
    epochs=1,
    architecture="linear-10",
    optimizer="sgd",
    momentum=0,
    learning_rate=0.01,
)
HIDDEN = "flatten linear(32) relu linear(classes)"
CONFIGS = {
    "784-10": BASE,
    "784-32-10, Adam": BASE.replace(architecture=HIDDEN, optimizer="adam", learning_rate=0.001),
    "784-32-10": BASE.replace(architecture=HIDDEN),
    "momentum": BASE.replace(momentum=0.9),
    "Nesterov, decay": BASE.replace(momentum=0.9, nesterov=True, weight_decay=0.01, architecture=HIDDEN),
    "decay": BASE.replace(weight_decay=0.1),
    "AdamW, decay, standardised": BASE.replace(optimizer="adamw", weight_decay=0.1, standardise=True),
    "RMSprop": BASE.replace(optimizer="rmsprop", learning_rate=0.001),
    "Adagrad, clipping": BASE.replace(optimizer="adagrad", clip_norm=0.1),
    "tanh, pixels as they are": BASE.replace(
        architecture="flatten linear(20) tanh linear(classes)", normalise=False, learning_rate=0.1
    ),
    "label smoothing": BASE.replace(label_smoothing=0.1, architecture=HIDDEN),
    "clipping": BASE.replace(clip_norm=0.5, architecture=HIDDEN),
    "cosine with warm-up": BASE.replace(schedule="cosine", warmup_epochs=0.5, learning_rate=0.1),
    "short last batch": BASE.replace(batch_size=37, architecture=HIDDEN),
    "a batch larger than the data": BASE.replace(batch_size=1000, epochs=3),
    "batches of one": BASE.replace(batch_size=1, train_images=100, learning_rate=0.001),
    "two epochs": BASE.replace(epochs=2, validation_images=300),
    # Outputs that the next activation must leave as they are, and layers before the first linear one.
    "activations in a row": BASE.replace(
        architecture="relu flatten tanh linear(20) tanh sigmoid leakyrelu(0.2) linear(classes) relu", learning_rate=0.1
    ),
    "linear chain without biases": BASE.replace(
        architecture="flatten linear(20, bias=False) linear(15) linear(classes, bias=False)"
    ),
    "initial weights of another": BASE.replace(
        architecture=HIDDEN, initial_weights="flatten linear(32) linear(classes)"
    ),
}
# Adam divides a gradient by its own size, so that the rounding of one near zero counts in full.
TOLERANCES = {"784-32-10, Adam": 1e-4}

Load = Callable[[RunConfig], Data]


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    """Reads the images of a config, once for all configs with the same ones."""
    folder, known = tmp_path_factory.mktemp("data"), {}

    def read(config: RunConfig) -> Data:
        images = (config.train_images, config.validation_images, config.normalise, config.standardise)
        if images not in known:
            known[images] = load_data(config, folder, "cpu")
        return known[images]

    return read


def alone(config: RunConfig, data: Data, seed: int) -> tuple[SeedScore, dict[str, Tensor]]:
    """What a run of this seed comes to, and the weights at its end."""
    model, _ = build_seeded(config.architecture, SHAPE, 10, seed, config.initial_weights)
    best, weights, accuracy = 0, {}, None
    for event in train_network(model, data, config.replace(seed=seed)):
        if isinstance(event, EpochEnd) and event.best:
            best, accuracy = event.epoch, event.validation_accuracy
            weights = {name: value.clone() for name, value in model.state_dict().items()}
    last = model.state_dict()
    model, _ = build_seeded(config.architecture, SHAPE, 10, seed)
    model.load_state_dict(weights)
    loss, test_accuracy = evaluate_split(model, data, data.test)
    score = SeedScore(
        seed=seed, test_loss=loss, test_accuracy=test_accuracy, validation_accuracy=accuracy, best_epoch=best
    )
    return score, last


def together(config: RunConfig, data: Data, seeds: list[int]) -> tuple[SeedScore, ...]:
    *_, last = train_stacked(config, data, seeds)
    assert isinstance(last, tuple)
    return last


def relative_difference(value: Tensor, expected: Tensor) -> float:
    return float((value - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("name", CONFIGS)
def test_each_seed_ends_where_it_ends_alone(name: str, load: Load):
    config = CONFIGS[name]
    data = load(config)
    seeds = [3, 0, 11]
    group = SeedGroup(config, data, seeds)
    for _ in group.train():
        pass
    found = [group.state_dict(index) for index in range(len(seeds))]
    for seed, weights, result in zip(seeds, found, group.results(), strict=True):
        expected, expected_weights = alone(config, data, seed)
        assert weights.keys() == expected_weights.keys()
        for key, value in expected_weights.items():
            assert relative_difference(weights[key], value) < TOLERANCES.get(name, 1e-5), key
        assert result.test_loss == pytest.approx(expected.test_loss, rel=1e-5)
        assert result.test_accuracy == pytest.approx(expected.test_accuracy, abs=1e-9)
        assert result.validation_accuracy == pytest.approx(expected.validation_accuracy, abs=1e-9)
        assert (result.seed, result.best_epoch, result.diverged) == (seed, expected.best_epoch, False)


def test_the_test_images_are_asked_with_the_weights_of_the_best_epoch(load: Load):
    # A rate so high that the accuracy goes up and down: the best epoch differs from seed to seed.
    config = BASE.replace(epochs=6, validation_images=100, train_images=200, learning_rate=0.5, batch_size=50)
    data = load(config)
    seeds = [0, 1, 2, 3, 4, 5]
    results = together(config, data, seeds)
    expected = [alone(config, data, seed)[0] for seed in seeds]
    assert [result.best_epoch for result in results] == [result.best_epoch for result in expected]
    assert min(result.best_epoch for result in results) < config.epochs
    for result, own in zip(results, expected, strict=True):
        assert result.validation_accuracy == own.validation_accuracy
        assert result.test_loss == pytest.approx(own.test_loss, rel=1e-3)


@pytest.mark.parametrize("change", [{}, {"optimizer": "adam"}, {"clip_norm": 1.0}, {"validation_images": 100}])
def test_a_seed_that_diverges_leaves_the_others_as_they_are(
    change: dict[str, object], load: Load, monkeypatch: pytest.MonkeyPatch
):
    config = BASE.replace(architecture=HIDDEN, epochs=2, **change)
    data = load(config)
    seeds = [1, 2, 3, 4]
    expected = together(config, data, seeds)

    def poisoned(text: str, shape: tuple[int, ...], classes: int, seed: int, weights: str) -> tuple[nn.Module, None]:
        model, _ = build_seeded(text, shape, classes, seed, weights)
        if seed == 3:
            with torch.no_grad():
                next(model.parameters()).fill_(math.inf)
        return model, None

    monkeypatch.setattr(stacked, "build_seeded", poisoned)
    results = together(config, data, seeds)
    assert results[2] == SeedScore(seed=3, test_loss=None, test_accuracy=None, validation_accuracy=None, best_epoch=0)
    assert results[2].diverged
    assert [*results[:2], results[3]] == [*expected[:2], expected[3]]


def test_a_group_ends_once_all_of_it_diverged(load: Load):
    config = BASE.replace(architecture="flatten linear(32) linear(classes)", learning_rate=100, epochs=50)
    data = load(config)
    group = SeedGroup(config, data, [0, 1])
    assert [*group.train()][-1] == 10
    assert all(result.diverged and result.test_accuracy is None for result in group.results())


def test_seeds_go_in_groups_and_stay_in_their_order(load: Load):
    data = load(BASE)
    seeds = [*range(30, 53)]
    assert len(seeds) == stacked.SEEDS_AT_ONCE + 3
    results = together(BASE, data, seeds)
    assert [result.seed for result in results] == seeds
    assert results == together(BASE, data, seeds[:20]) + together(BASE, data, seeds[20:])
    assert together(BASE, data, []) == ()


def test_large_batches_make_smaller_groups(load: Load, monkeypatch: pytest.MonkeyPatch):
    data = load(BASE)
    expected = together(BASE, data, [1, 2, 3])
    monkeypatch.setattr(stacked, "_MOST_PIXELS", 2 * 64 * 784)
    steps = [report.steps for report in reports(BASE, data, [1, 2, 3], monkeypatch)]
    assert steps == [20] * 20
    for result, own in zip(together(BASE, data, [1, 2, 3]), expected, strict=True):
        assert result.test_loss == pytest.approx(own.test_loss, rel=1e-5)


def reports(config: RunConfig, data: Data, seeds: list[int], patch: pytest.MonkeyPatch) -> list[StackedProgress]:
    """A report after every step."""
    patch.setattr(stacked, "_REPORT_SECONDS", 0)
    *reported, _ = train_stacked(config, data, seeds)
    return [report for report in reported if isinstance(report, StackedProgress)]


def test_progress_counts_the_steps_of_all_groups(load: Load, monkeypatch: pytest.MonkeyPatch):
    config = BASE.replace(epochs=2)
    data = load(config)
    monkeypatch.setattr(stacked, "SEEDS_AT_ONCE", 2)
    progress = reports(config, data, [5, 6, 7], monkeypatch)
    assert [report.step for report in progress] == [*range(1, 41)]
    assert {report.steps for report in progress} == {40}
    assert [report.epoch for report in progress] == ([1] * 10 + [2] * 10) * 2
    assert [len(report.finished) for report in progress] == [0] * 20 + [2] * 20
    seconds = [report.seconds for report in progress]
    assert seconds == sorted(seconds)


def test_random_numbers_of_torch_stay_as_they_are(load: Load):
    data = load(BASE)
    torch.manual_seed(8)
    expected = torch.rand(3)
    torch.manual_seed(8)
    together(BASE, data, [1])
    assert torch.equal(torch.rand(3), expected)


def test_a_torch_without_its_private_kernels_trains_alike(load: Load, monkeypatch: pytest.MonkeyPatch):
    config = BASE.replace(architecture=HIDDEN, optimizer="adam", learning_rate=0.001)
    data = load(config)
    expected = together(config, data, [1, 2])
    monkeypatch.setattr(stacked, "missing_kernels", lambda: ["_fused_sgd_"])
    assert together(config, data, [1, 2]) == expected


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("library", {"library": "sklearn"}),
        ("device", {"device": "cuda"}),
        ("precision", {"precision": "bfloat16"}),
        ("optimizer", {"optimizer": "muon"}),
        ("shift", {"shift": 1}),
        ("elastic", {"elastic": 1}),
        ("early_stopping", {"early_stopping": 3, "validation_images": 100}),
        ("continue_from", {"continue_from": "a" * 32, "continue_epoch": 1, "epochs": 2}),
        ("architecture", {"architecture": "flatten dropout(0.1) linear(classes)"}),
        ("architecture", {"architecture": "flatten batchnorm linear(classes)"}),
        ("architecture", {"architecture": "conv(4, 3) flatten linear(classes)"}),
        ("architecture", {"architecture": "flatten linear(20) residual(linear(20) relu) linear(classes)"}),
        ("architecture", {"architecture": "mlp-300"}),
    ],
)
def test_what_cannot_be_stacked_names_its_setting(field: str, change: dict[str, object], load: Load):
    assert why_not_stacked(BASE, SHAPE, 10) == ""
    config = BASE.replace(**change)
    assert why_not_stacked(config, SHAPE, 10).startswith(f"{field}: ")
    with pytest.raises(ConfigError) as caught:
        next(train_stacked(config, load(BASE), [1]))
    assert caught.value.field == field


def test_networks_up_to_the_limit_can_be_stacked():
    assert MOST_PARAMETERS == 40_000
    for width, reason in ((50, ""), (51, "architecture")):
        # 785 · width + 10 · (width + 1) parameters: 39,760 and 40,555.
        config = BASE.replace(architecture=f"flatten linear({width}) relu linear(classes)")
        assert why_not_stacked(config, SHAPE, 10).partition(":")[0] == reason
    assert why_not_stacked(BASE.replace(architecture="flatten"), (1, 2, 5), 10).startswith("architecture: ")
