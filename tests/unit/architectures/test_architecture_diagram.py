"""The diagram: valid SVG that shows every layer once, repetitions as a frame, shortcuts as arcs."""

import re
from xml.etree import ElementTree as ET

import pytest

from mnist_core.architectures.diagram.diagram import architecture_diagram, sized_diagram
from mnist_core.architectures.diagram.tree import Repeat, ResidualBlock, Unit, diagram_tree
from mnist_core.architectures.editing import editable_layers
from mnist_core.architectures.presets import presets
from mnist_core.architectures.table import Layer, describe_architecture

GREY = (1, 28, 28)
SVG = "{http://www.w3.org/2000/svg}"
INPUT = Unit(Layer("input", "input", GREY, 0, 0, 0, 0, 0, "input", "reshape"))


def words(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def numbers(svg: str) -> list[float]:
    box = re.search(r'viewBox="0 0 (\d+) (\d+)"', svg)
    assert box
    return [float(box[1]), float(box[2])]


@pytest.mark.parametrize("shape", [GREY, (3, 32, 32)], ids=["grey", "colour"])
@pytest.mark.parametrize("name", presets())
def test_every_preset_is_drawn_with_its_numbers(name: str, shape: tuple[int, int, int]) -> None:
    table = describe_architecture(name, shape, 10)
    svg = architecture_diagram(table)
    shown = words(svg)
    assert "input" in shown
    assert "×".join(map(str, shape)) in shown
    for layer in table.layers:
        if layer.name == "shortcut":
            assert f"{layer.label} · {layer.parameters:,}" in shown
        elif layer.role != "block":
            assert layer.label in shown
            if layer.role not in ("activation", "norm", "dropout"):
                assert "×".join(map(str, layer.output_shape)) in shown
                assert not layer.parameters or f"{layer.parameters:,}" in shown
    assert "nan" not in svg
    assert len(svg) < 60_000


def test_it_takes_its_colours_from_the_page() -> None:
    svg = architecture_diagram(describe_architecture("resnet-small", GREY, 10))
    assert 'fill="currentColor"' in svg
    colours = set(re.findall(r"#[0-9a-f]{3,6}", svg))
    assert colours == set(re.findall(r"var\(--diagram-\w+, (#[0-9a-f]{6})\)", svg))
    assert not re.search(r"\b(black|white)\b", svg)


def test_tooltips_are_escaped_text() -> None:
    svg = architecture_diagram(describe_architecture("flatten linear(classes)", GREY, 10))
    titles = [element.text for element in ET.fromstring(svg).iter(f"{SVG}title")]
    assert titles[-1] == "linear(10): 10, 7,850 parameters, 7,840 multiply-accumulates"


def test_activations_sit_on_their_layer() -> None:
    items = diagram_tree(
        describe_architecture("conv(4, 3) batchnorm relu flatten dropout(0.5) linear(10)", GREY, 10).layers, INPUT
    )
    shown = [
        (item.layer.name, [strip.name for strip in item.after])
        for item in items
        if isinstance(item, Unit) and item.layer
    ]
    assert shown == [
        ("input", []),
        ("conv", ["batchnorm", "relu"]),
        ("flatten", ["dropout"]),
        ("linear", []),
    ]


def test_a_first_normalisation_waits_for_its_layer() -> None:
    items = diagram_tree(
        describe_architecture("patches(7, 8) residual(layernorm attention(2)) meantokens linear(10)", GREY, 10).layers,
        INPUT,
    )
    block = items[2]
    assert isinstance(block, ResidualBlock)
    assert isinstance(unit := block.items[0], Unit)
    assert unit.layer
    assert (unit.layer.name, [strip.name for strip in unit.before]) == ("attention", ["layernorm"])


def test_repetitions_become_one_frame() -> None:
    line = "conv(4, 3, padding=same) 5 * (conv(4, 3, padding=same) relu) relu flatten linear(10)"
    items = diagram_tree(describe_architecture(line, GREY, 10).layers, INPUT)
    assert [type(item) for item in items] == [Unit, Unit, Repeat, Unit, Unit]
    assert isinstance(items[2], Repeat)
    assert items[2].times == 5
    svg = architecture_diagram(describe_architecture(line, GREY, 10))
    assert "5 ×" in words(svg)
    assert words(svg).count("conv 3×3") == 2


def test_twice_is_a_repetition_too() -> None:
    line = "flatten 2 * (residual(linear(30) relu linear(784)) relu) linear(10)"
    assert "2 ×" in words(architecture_diagram(describe_architecture(line, GREY, 10)))


def test_layers_that_only_look_alike_are_drawn_each() -> None:
    assert (
        words(
            architecture_diagram(describe_architecture("flatten linear(20) linear(20) linear(20) linear(10)", GREY, 10))
        ).count("linear")
        == 4
    )
    shrinking = "3 * conv(4, 3) flatten linear(10)"
    assert words(architecture_diagram(describe_architecture(shrinking, GREY, 10))).count("conv 3×3") == 3


def test_a_shortcut_that_projects_says_so() -> None:
    shown = words(
        architecture_diagram(
            describe_architecture("residual(conv(8, 3, 2, padding=1)) residual(relu) flatten linear(10)", GREY, 10)
        )
    )
    assert "conv 1×1, stride 2 · 8" in shown
    assert shown.count("+ its input") == 1


def test_long_networks_go_on_in_the_next_row() -> None:
    short = numbers(architecture_diagram(describe_architecture("flatten linear(10)", GREY, 10)))
    deep = numbers(
        architecture_diagram(describe_architecture("flatten " + "linear(30) " * 60 + "linear(10)", GREY, 10))
    )
    assert deep[0] < 1400
    assert deep[1] > 3 * short[1]


@pytest.mark.parametrize("name", presets())
def test_every_editable_layer_has_its_buttons_once(name: str) -> None:
    network = describe_architecture(name, GREY, 10)
    diagram = sized_diagram(network, buttons=True)
    root = ET.fromstring(diagram.svg)
    groups = {int(group.attrib["data-layer"]): group for group in root.iter(f"{SVG}g") if "data-layer" in group.attrib}
    assert sorted(groups) == [layer.index for layer in editable_layers(network)]
    for layer in editable_layers(network):
        buttons = [part for part in groups[layer.index].iter(f"{SVG}g") if "data-action" in part.attrib]
        states = {part.attrib["data-action"]: "aria-disabled" not in part.attrib for part in buttons}
        steps = {"narrower": layer.narrower is not None, "wider": layer.wider is not None}
        depth = {"copy": layer.can_copy, "remove": layer.can_remove}
        assert states == ({"insert": True} if layer.can_insert else (steps if layer.widths else {}) | depth)
        assert all(part.attrib["aria-label"] and part.attrib["tabindex"] == "0" for part in buttons)
    assert numbers(diagram.svg)[:2] == [diagram.width, diagram.height]
    assert "data-action" not in sized_diagram(network, buttons=False).svg
