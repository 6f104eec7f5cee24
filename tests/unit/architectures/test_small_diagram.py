"""The thumbnail of an architecture: one SVG of a fixed size, whose blocks tell kinds of layers and their sizes."""

import re
from xml.etree import ElementTree as ET

import pytest

from mnist_core.architectures import describe_architecture, presets
from mnist_core.architectures.diagram.small_diagram import HEIGHT, WIDTH, small_diagram

SHAPE = (1, 28, 28)
_RECTANGLE = re.compile(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h-")


def drawn(text: str) -> ET.Element:
    return ET.fromstring(small_diagram(describe_architecture(text, SHAPE, 10)))


def blocks(text: str, role: str) -> list[tuple[float, ...]]:
    """Left, top, width and height of each block that has the colour of this role."""
    paths = [path.get("d", "") for path in drawn(text) if f"fill:var(--diagram-{role}" in path.get("style", "")]
    return [tuple(map(float, match.groups())) for data in paths for match in _RECTANGLE.finditer(data)]


@pytest.mark.parametrize("name", presets())
def test_everything_lies_in_its_frame_and_nothing_is_written(name: str) -> None:
    svg = drawn(name)
    assert (svg.get("width"), svg.get("height")) == (str(WIDTH), str(HEIGHT))
    assert not "".join(svg.itertext()).strip()
    for path in svg:
        for left, top, width, height in (
            map(float, match.groups()) for match in _RECTANGLE.finditer(path.get("d", ""))
        ):
            assert left >= 0 <= top
            assert left + width <= WIDTH
            assert top + height <= HEIGHT
            assert width >= 1 <= height


def test_wider_layers_are_taller_and_smaller_maps_lower() -> None:
    first, second, last = (height for *_, height in blocks("flatten linear(512) linear(64) linear(10)", "dense"))
    assert first > second > last
    large, small = (
        height for *_, height in blocks("conv(6, 5) conv(16, 5, stride=4) flatten linear(10)", "convolution")
    )
    assert large > small


def test_networks_with_other_layers_look_different() -> None:
    drawings = {
        preset.text: small_diagram(describe_architecture(preset.text, SHAPE, 10)) for preset in presets().values()
    }
    famous = ["softmax", "mlp-300", "lenet-5", "vgg-small", "resnet-small", "mlp-mixer", "vit-small"]
    assert len({drawings[presets()[name].text] for name in famous}) == len(famous)
    assert len(blocks("mlp-300", "activation")) == 1
    assert len(blocks("linear-100-10", "activation")) == 0


@pytest.mark.parametrize(("text", "bows"), [("resnet-small", 3), ("vit-small", 8), ("vgg-small", 0)])
def test_each_shortcut_is_an_arc(text: str, bows: int) -> None:
    arcs = [path.get("d", "") for path in drawn(text) if "fill:none" in path.get("style", "")]
    assert sum(data.count("M") for data in arcs) == bows
