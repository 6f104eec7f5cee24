"""docs/architectures.md is what the package generates today."""

from pathlib import Path

from mnist_core.architectures.layer_reference import architecture_reference
from mnist_core.architectures.layers import KINDS
from mnist_core.architectures.presets import presets

PAGE = Path(__file__).resolve().parents[2] / "docs" / "architectures.md"


def test_the_reference_is_up_to_date() -> None:
    renew = "python -m mnist_core.architectures.layer_reference > docs/architectures.md"
    assert PAGE.read_text(encoding="utf-8") == architecture_reference(), f"renew it: {renew}"


def test_every_layer_argument_and_preset_is_documented() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for kind in KINDS.values():
        assert f"### `{kind.signature()}`" in text
        assert kind.help in text
        assert all(f"- `{argument.name}`: " in text and argument.help in text for argument in kind.arguments)
    for preset in presets().values():
        assert f"| `{preset.name}` |" in text
        assert f"{preset.name}: {preset.text}\n" in text
