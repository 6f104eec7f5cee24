"""Change one thing: same initial weights and batches, and a plain statement of what is not the same."""

import hashlib
from pathlib import Path

import pytest
import torch

from mnist_core.analysis.single_change import changeable_fields, name_of_change, shared_conditions, with_one_change
from mnist_core.architectures.inheriting import build_seeded
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import ArchitectureError, ConfigError
from mnist_core.store.store import Store
from mnist_core.training.steps import epoch_order

PLAIN = RunConfig(dataset="mnist-5k", architecture="flatten linear(30) relu linear(classes)", seed=4)
DROPPED = "flatten linear(30) relu dropout(0.5) linear(classes)"


def start(config: RunConfig) -> list[str]:
    """A hash of each tensor that a run of this config starts with."""
    network, _ = build_seeded(config.architecture, (1, 28, 28), 10, config.seed, config.initial_weights)
    return [hashlib.sha256(value.detach().numpy().tobytes()).hexdigest() for value in network.parameters()]


@pytest.mark.parametrize(
    ("field", "value"),
    [("learning_rate", 0.01), ("optimizer", "sgd"), ("weight_decay", 0.1), ("shift", 2.0), ("architecture", DROPPED)],
)
def test_the_second_run_differs_in_one_field_and_starts_alike(field: str, value: object) -> None:
    second = with_one_change(PLAIN, field, value)
    changed = {name for name, now in second.model_dump().items() if now != getattr(PLAIN, name)}
    assert changed - {"initial_weights"} == {field}
    assert getattr(second, field) == value
    assert start(second) == start(PLAIN)
    for epoch in (1, 2):
        assert torch.equal(epoch_order(500, second.seed, epoch), epoch_order(500, PLAIN.seed, epoch))
    assert second.digest() != PLAIN.digest()


def test_another_architecture_takes_over_what_fits_and_hands_it_on() -> None:
    deeper = with_one_change(PLAIN, "architecture", "flatten linear(30) relu linear(30) relu linear(classes)")
    assert deeper.initial_weights == PLAIN.architecture
    assert [hash_ for hash_ in start(deeper) if hash_ in start(PLAIN)] == start(PLAIN)
    assert start(deeper) != start(PLAIN)
    third = with_one_change(
        deeper, "architecture", "flatten linear(30) relu linear(30) relu dropout(0.1) linear(classes)"
    )
    assert start(third) == start(deeper)
    assert with_one_change(deeper, "learning_rate", 0.1).initial_weights == PLAIN.architecture


def test_what_has_no_effect_or_changes_everything_is_not_offered() -> None:
    def names(config: RunConfig) -> set[str]:
        return {field.name for field in changeable_fields(config)}

    adam = names(PLAIN)
    assert {"learning_rate", "architecture", "batch_size", "train_images"} <= adam
    assert not adam & {
        "seed",
        "momentum",
        "nesterov",
        "device",
        "threads",
        "solver",
        "continue_from",
        "step_epochs",
        "initial_weights",
        "folder",
    }
    assert {"momentum", "nesterov"} <= names(PLAIN.replace(optimizer="sgd"))
    continued = PLAIN.replace(continue_from="x", continue_epoch=1)
    assert adam - names(continued) == {"architecture", "dataset", "library"}
    assert "solver" in names(PLAIN.replace(library="sklearn", architecture="softmax"))
    assert "learning_rate" not in names(PLAIN.replace(library="sklearn", architecture="softmax"))
    assert "learning_rate" in names(PLAIN.replace(library="sklearn"))


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("seed", 1, "train several seeds"),
        ("momentum", 0.5, "has no effect in this run"),
        ("nonsense", 1, "choose another field"),
        ("learning_rate", 0.001, "learning_rate: is 0.001 already"),
        ("learning_rate", -1, "learning_rate: -1 cannot be used"),
    ],
)
def test_what_cannot_be_changed_says_why(field: str, value: object, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        with_one_change(PLAIN, field, value)


def test_a_line_that_is_no_network_is_refused_at_once() -> None:
    with pytest.raises(ArchitectureError, match="relu"):
        with_one_change(PLAIN, "architecture", "flatten linear(30) relo linear(classes)")


def test_the_name_says_the_change(tmp_path: Path) -> None:
    run = Store.open(tmp_path).enqueue(PLAIN, "plain")

    def named(field: str, value: object) -> str:
        return name_of_change(run, with_one_change(run, field, value), field)

    def changed(label: str, new: str, old: str) -> str:
        return f"plain, {label} {new} instead of {old}".replace("  ", " ")

    assert named("learning_rate", 0.01) == changed("learning rate", "0.01", "0.001")
    assert named("normalise", False) == changed("normalise", "no", "yes")
    assert named("train_images", 100) == changed("training images", "100", "not set")
    assert named("architecture", DROPPED) == "plain, with dropout(0.5)"
    other_width = PLAIN.architecture.replace("30", "40")
    assert named("architecture", other_width) == changed("", "linear(40)", "linear(30)")
    assert named("architecture", "flatten linear(classes)") == "plain, without linear(30) relu"
    assert named("architecture", "lenet-5") == changed("", "lenet-5", PLAIN.architecture)


def test_what_stays_the_same_is_said_and_what_does_not() -> None:
    lively = PLAIN.replace(architecture=DROPPED, shift=1)

    def said(config: RunConfig, field: str, value: object) -> dict[str, str]:
        return {
            condition.what: condition.equal
            for condition in shared_conditions(config, with_one_change(config, field, value), field)
        }

    longer, quicker = (
        shared_conditions(PLAIN, with_one_change(PLAIN, field, value), field)[1]
        for field, value in (("epochs", 9), ("learning_rate", 0.1))
    )
    # Only the epochs that both train can be alike.
    assert ("epoch" in longer.why, "epoch" in quicker.why) == (True, False)
    gone = PLAIN.replace(dataset="folder", folder="/nowhere")
    assert [condition.equal for condition in shared_conditions(gone, PLAIN, "dataset")] == ["no", "no"]
    weights, order, draws = "Initial weights", "Order of the batches", "Dropout and augmentation"
    assert said(PLAIN, "learning_rate", 0.1) == {weights: "yes", order: "yes"}
    assert said(lively, "learning_rate", 0.1) == {weights: "yes", order: "yes", draws: "yes"}
    assert said(lively, "shift", 0.0) == {weights: "yes", order: "yes", draws: "no"}
    assert said(PLAIN, "architecture", DROPPED) == {weights: "partly", order: "yes", draws: "no"}
    assert said(PLAIN, "batch_size", 32) == {weights: "yes", order: "partly"}
    assert said(PLAIN, "train_images", 100) == {weights: "yes", order: "no"}
    assert said(PLAIN, "split_seed", 1) == {weights: "yes", order: "no"}
    assert said(PLAIN, "dataset", "kmnist") == {weights: "yes", order: "no"}
    assert said(PLAIN, "dataset", "cifar10") == {weights: "no", order: "no"}
    assert said(PLAIN, "library", "sklearn") == {weights: "no", order: "no"}
    assert said(PLAIN.replace(schedule="cosine"), "epochs", 9)["Learning rate"] == "no"
    assert "Learning rate" not in said(PLAIN, "epochs", 9)
