"""Layers of a line made wider and narrower, copied and removed: the line stays valid, and the rest as it was."""

import pytest

from mnist_core.architectures import LayerChange, change_layer, describe_architecture, editable_layers, presets
from mnist_core.architectures.editing import Action
from mnist_core.architectures.table import Architecture
from mnist_core.errors import ArchitectureError

SHAPE, CLASSES = (1, 28, 28), 10


def network(line: str) -> Architecture:
    return describe_architecture(line, SHAPE, CLASSES)


def change(line: str, wanted: LayerChange) -> str:
    return change_layer(line, SHAPE, CLASSES, wanted)


def changed(line: str, name: str, action: Action, width: int = 0) -> str:
    """The line after a change of the layer with this name."""
    (layer,) = [layer for layer in editable_layers(network(line)) if layer.name == name]
    return change(line, LayerChange(layer.index, action, width))


@pytest.mark.parametrize(
    ("line", "wider", "copied", "removed"),
    [
        (
            "flatten -> linear(300) ->  relu -> dropout(0.2) -> linear(classes)",
            "flatten -> linear(500) ->  relu -> dropout(0.2) -> linear(classes)",
            "flatten -> linear(300) ->  relu -> dropout(0.2) -> linear(300) ->  relu -> dropout(0.2) "
            "-> linear(classes)",
            "flatten -> linear(classes)",
        ),
        (
            "flatten\nlinear( out=30, bias=False ),TANH\nlinear(10)",
            "flatten\nlinear( out=50, bias=False ),TANH\nlinear(10)",
            "flatten\nlinear( out=30, bias=False ),TANH\nlinear( out=30, bias=False ),TANH\nlinear(10)",
            "flatten\nlinear(10)",
        ),
        (
            "flatten 3 * (linear(30) relu) linear(10)",
            "flatten 3 * (linear(50) relu) linear(10)",
            "flatten 3 * (linear(30) relu linear(30) relu) linear(10)",
            "flatten linear(10)",
        ),
        (
            "flatten 2×linear(30) relu linear(10)",
            "flatten 2×linear(50) relu linear(10)",
            "flatten 2×linear(30) relu linear(30) relu linear(10)",
            "flatten linear(10)",
        ),
    ],
)
def test_a_hidden_layer_changes_and_all_else_stays(line: str, wider: str, copied: str, removed: str) -> None:
    layer = editable_layers(network(line))[0]
    assert (layer.name, layer.can_copy, layer.can_remove) == ("Hidden layer 1", True, True)
    assert changed(line, layer.name, "resize", layer.wider or 0) == wider
    assert changed(line, layer.name, "copy") == copied
    assert changed(line, layer.name, "remove") == removed


def test_convolutions_step_by_powers_of_two_and_name_their_filters_anywhere() -> None:
    line = "conv(kernel=3, out=6) relu conv(16, 3) maxpool(2) flatten linear(classes)"
    first, second, output = editable_layers(network(line))
    assert (first.name, first.width, first.narrower, first.wider) == ("Convolution 1", 6, 4, 8)
    assert (second.name, second.narrower, second.wider) == ("Convolution 2", 8, 32)
    assert changed(line, first.name, "resize", 8) == line.replace("out=6", "out=8")
    assert changed(line, first.name, "remove") == "conv(16, 3) maxpool(2) flatten linear(classes)"
    # A layer can go before an output layer that has no hidden layer before it; its activation is the one in use.
    assert output.can_insert
    assert changed(line, output.name, "insert").endswith("flatten linear(100) relu linear(classes)")


def test_what_makes_a_network_invalid_is_not_offered_and_refused() -> None:
    # Each channel has its own filter, so that neither number of channels can change alone.
    line = "conv(8, 3, padding=same) conv(8, 3, groups=8) flatten linear(10)"
    first, second, _ = editable_layers(network(line))
    assert (first.narrower, first.wider, first.can_remove) == (None, 16, False)
    assert (second.narrower, second.wider) == (None, 16)
    with pytest.raises(ArchitectureError, match="groups"):
        changed(line, first.name, "resize", 4)
    # Only a width that is a number can be stepped; a layer alone in its block cannot go.
    line = "flatten linear(classes) residual(linear(10)) linear(10)"
    word, alone = editable_layers(network(line))
    assert (word.widths, word.can_remove, alone.can_remove) == ((), True, False)
    with pytest.raises(ArchitectureError):
        changed(line, word.name, "resize", 20)


@pytest.mark.parametrize(
    ("index", "action", "width"),
    [(-1, "copy", 0), (9, "remove", 0), (0, "copy", 0), (3, "resize", 20), (3, "remove", 0), (1, "insert", 0)],
)
def test_only_layers_with_a_width_before_the_output_change(index: int, action: Action, width: int) -> None:
    with pytest.raises(ArchitectureError):
        change("flatten linear(30) relu linear(10)", LayerChange(index, action, width))


@pytest.mark.parametrize("width", [0, -5, 10**9, 10**50])
def test_a_width_that_cannot_be_is_refused(width: int) -> None:
    with pytest.raises(ArchitectureError):
        change("flatten linear(30) relu linear(10)", LayerChange(1, "resize", width))


@pytest.mark.parametrize("name", presets())
def test_whatever_a_preset_offers_is_possible(name: str) -> None:
    described = network(name)
    layers = editable_layers(described)
    assert layers
    assert len({layer.name for layer in layers}) == len(layers)
    for layer in layers:
        assert not layer.widths or layer.width in layer.widths
        for width in (layer.narrower, layer.wider):
            if width is not None:
                after = network(change(name, LayerChange(layer.index, "resize", width)))
                assert (after.parameters > described.parameters) == (width > layer.width)
        if layer.can_copy:
            assert len(network(change(name, LayerChange(layer.index, "copy"))).layers) > len(described.layers)
        if layer.can_remove:
            assert len(network(change(name, LayerChange(layer.index, "remove"))).layers) < len(described.layers)
