"""docs/architectures.md is what the package says of itself today."""

from pathlib import Path

from mnist_core.architectures.layers import KINDS
from mnist_core.architectures.presets import presets
from mnist_core.architectures.reference import reference

PAGE = Path(__file__).resolve().parents[2] / "docs" / "architectures.md"


def test_the_reference_is_up_to_date() -> None:
    renew = "python -m mnist_core.architectures.reference > docs/architectures.md"
    assert PAGE.read_text(encoding="utf-8") == reference(), f"renew it: {renew}"


def test_every_layer_argument_and_preset_is_documented() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for kind in KINDS.values():
        assert f"### `{kind.signature()}`" in text
        assert kind.help in text
        assert all(f"- `{argument.name}`: " in text and argument.help in text for argument in kind.arguments)
    for preset in presets().values():
        assert f"| `{preset.name}` |" in text
        assert f"{preset.name}: {preset.text}\n" in text
