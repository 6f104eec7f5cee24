"""Variations of a network are valid, and differ from it in what they are called after."""

import pytest

from mnist_core.architectures import Variation, describe_architecture, presets, variations

SHAPE, CLASSES = (1, 28, 28), 10


def by_name(text: str) -> dict[str, Variation]:
    return {variation.name: variation for variation in variations(text, SHAPE, CLASSES)}


@pytest.mark.parametrize("name", presets())
def test_every_preset_can_be_challenged_by_what_each_variation_says(name: str) -> None:
    network = describe_architecture(name, SHAPE, CLASSES)
    offered = by_name(name)
    assert offered
    for kind, variation in offered.items():
        varied = describe_architecture(variation.text, SHAPE, CLASSES)
        assert varied.text != network.text
        assert varied.layers[-1].output_shape == network.layers[-1].output_shape
        count = {
            role: sum(layer.role == role for layer in varied.layers) for role in ("dense", "dropout", "convolution")
        }
        before = {role: sum(layer.role == role for layer in network.layers) for role in count}
        match kind:
            case "wider":
                assert varied.parameters > network.parameters
                assert count == before
            case "deeper":
                assert count == before | {"dense": before["dense"] + 1}
            case "with dropout":
                assert before["dropout"] == 0
                assert count["dropout"] == 1
                assert varied.parameters == network.parameters
            case "convolutional":
                assert before["convolution"] == 0
                assert count["convolution"] == 1


def test_the_line_is_changed_in_one_respect() -> None:
    offered = by_name("flatten linear(30) tanh linear(20) gelu linear(classes)")
    assert {name: variation.text for name, variation in offered.items()} == {
        "wider": "flatten linear(60) tanh linear(40) gelu linear(classes)",
        "deeper": "flatten linear(30) tanh linear(20) gelu linear(20) gelu linear(classes)",
        "with dropout": "flatten linear(30) tanh linear(20) gelu dropout(0.3) linear(classes)",
        "convolutional": "conv(16, 3, padding=same) relu maxpool(2) flatten linear(30) tanh linear(20) gelu "
        "linear(classes)",
    }


def test_a_network_without_hidden_layers_cannot_be_wider() -> None:
    assert "wider" not in by_name("softmax")
    assert by_name("softmax")["deeper"].text == "flatten linear(100) relu linear(classes)"


def test_a_repeated_layer_is_widened_once() -> None:
    assert by_name("flatten 3 * (linear(30) relu) linear(classes)")["wider"].text == (
        "flatten 3 * (linear(60) relu) linear(classes)"
    )
