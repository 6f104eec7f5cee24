"""Every preset is built, learns and describes itself rightly. New presets are found automatically."""

import re
import sys
import time
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mnist_core.architectures.building import build_network
from mnist_core.architectures.presets import Preset, presets
from mnist_core.architectures.table import describe_architecture
from mnist_core.config.run_config import RunConfig
from mnist_core.data.mnist_5k import read_mnist_5k

# The package's attribute of this name is the function, so take the module from sys.modules.
package = sys.modules["mnist_core.architectures.presets"]
GREY, COLOUR = (1, 28, 28), (3, 32, 32)
# The linear layers of the studies' networks as (inputs, outputs).
STUDIED = {
    **{f"linear-{width}-10": [(784, width), (width, 10)] for width in (5, 6, 7, 8, 9, 10, 50, 100)},
    "linear-10": [(784, 10)],
    "linear-100-100-10": [(784, 100), (100, 100), (100, 10)],
    "linear-100-100-100-10": [(784, 100), (100, 100), (100, 100), (100, 10)],
    "linear-100-100-100-100-10": [(784, 100), (100, 100), (100, 100), (100, 100), (100, 10)],
    "cnn-150-64": [(3136, 1024), (1024, 500), (500, 10)],
    "mlp-512-256-128-64": [(784, 512), (512, 256), (256, 128), (128, 64), (64, 10)],
    **{f"mlp-{width}": [(784, width), (width, 10)] for width in (10, 50, 100, 300, 1000, 2000)},
    **{f"mlp-300-dropout-{share}": [(784, 300), (300, 10)] for share in (0.1, 0.3, 0.5, 0.7, 0.9)},
    **{
        f"mlp-{first}-{second}-dropout-{share}": [(784, first), (first, second), (second, 10)]
        for first, second in ((300, 90), (500, 150), (800, 240))
        for share in (0.3, 0.5)
    },
    "mlp-784-500-50-relu-logits": [(784, 784), (784, 500), (500, 50), (50, 10)],
}


@pytest.fixture(scope="module")
def digits() -> tuple[Tensor, Tensor]:
    """32 real digits, normalised, float (32, 1, 28, 28), and their labels."""
    (images, labels), _ = read_mnist_5k()
    pixels = torch.from_numpy(images[:32].reshape(32, 1, 28, 28)).float() / 255
    return (pixels - 0.1307) / 0.3081, torch.from_numpy(labels[:32]).long()


@pytest.mark.parametrize("shape", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("name", presets())
def test_it_gives_finite_logits_and_gradients(name: str, shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    model = build_network(name, shape, 7)
    logits = model(torch.randn(4, *shape))
    assert logits.shape == (4, 7)
    assert logits.isfinite().all()
    F.cross_entropy(logits, torch.tensor([0, 1, 2, 3])).backward()
    gradients = [parameter.grad for parameter in model.parameters()]
    assert gradients
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
    assert any(gradient is not None and gradient.any() for gradient in gradients)


@pytest.mark.parametrize("shape", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("name", presets())
def test_its_table_says_what_its_module_does(name: str, shape: tuple[int, int, int]) -> None:
    table = describe_architecture(name, shape, 10)
    model = build_network(name, shape, 10).eval()
    assert table.parameters == sum(parameter.numel() for parameter in model.parameters())
    values = torch.zeros(1, *shape)
    rows = [layer for layer in table.layers if layer.depth == 0]
    modules = list(model.children())
    assert len(rows) == len(modules)
    for row, module in zip(rows, modules, strict=True):
        values = module(values)
        assert tuple(values.shape[1:]) == row.output_shape, row.call


# Networks that cost this many multiply-accumulates an image take longer here than all others together.
_COSTLY = 5_000_000


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.long] * (describe_architecture(name, GREY, 10).macs > _COSTLY))
        for name in presets()
    ],
)
def test_it_overfits_32_digits(name: str, digits: tuple[Tensor, Tensor]) -> None:
    images, labels = digits
    torch.manual_seed(0)
    model = build_network(name, GREY, 10)
    optimizer = torch.optim.Adam(model.parameters(), 0.003)
    clipped = presets()[name].text.endswith("relu")
    score = ""
    for step in range(1, 401):
        model.train()
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
        if step % 5 == 0:
            logits = _answer(model, images)
            right = logits.argmax(1) == labels
            # A score that a last ReLU clips to zero gets no gradient, so that image cannot be learned.
            learnable = logits.gather(1, labels[:, None])[:, 0] > 0 if clipped else torch.ones(32, dtype=torch.bool)
            loss = F.cross_entropy(logits[learnable], labels[learnable])
            if learnable.sum() >= 24 and right[learnable].all() and loss < 0.1:
                return
            score = f"{int(right.sum())} of 32 right, {int(learnable.sum())} learnable, loss {loss:.3f}"
    pytest.fail(f"{name} after 400 steps: {score}")


def _answer(model: nn.Module, images: Tensor) -> Tensor:
    """Logits in evaluation mode: (B, classes)."""
    model.eval()
    with torch.no_grad():
        return model(images)


def test_every_network_of_the_studies_is_there() -> None:
    for name, expected in STUDIED.items():
        modules = list(build_network(name, GREY, 10).modules())
        linear = [(module.in_features, module.out_features) for module in modules if isinstance(module, nn.Linear)]
        assert linear == expected, name
        assert sum(isinstance(module, nn.ReLU) for module in modules) == _relus(name), name
        shares = [module.p for module in modules if isinstance(module, nn.Dropout)]
        share = re.search(r"dropout-([\d.]+)", name)
        assert shares == ([float(share[1])] if share else [0.5, 0.5] if name == "cnn-150-64" else []), name
    assert describe_architecture("linear-50-10", GREY, 10).parameters == 39_760
    assert describe_architecture("cnn-150-64", GREY, 10).layers[6].output_shape == (64 * 7 * 7,)


def _relus(name: str) -> int:
    if name.startswith("linear"):
        return 0
    return 4 if name in ("cnn-150-64", "mlp-784-500-50-relu-logits") else len(STUDIED[name]) - 1


def test_the_other_families_are_there() -> None:
    wanted = {"softmax", "lenet-5", "vgg-small", "resnet-small", "depthwise-separable", "mlp-mixer", "vit-small"}
    assert wanted <= presets().keys()
    assert RunConfig().architecture in presets()


@pytest.mark.parametrize("preset", presets().values(), ids=presets())
def test_it_says_what_it_is_and_where_it_comes_from(preset: Preset) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9.-]*", preset.name)
    assert 30 <= len(preset.explanation) <= 120
    assert "\n" not in preset.explanation
    assert preset.explanation.endswith((".", "?"))
    assert re.search(r"[Ss]tudy |\b(19|20)\d\d\b", preset.source)
    assert preset.family


def test_one_file_adds_a_preset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_idea.py").write_text(
        "from mnist_core.architectures.presets import Preset\n"
        "PRESETS = (Preset('own-idea', 'flatten linear(classes)', 'One line.', 'Nobody 2024', 'Own'),)\n"
    )
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    presets.cache_clear()
    try:
        assert list(presets())[-1] == "own-idea"
        assert describe_architecture("own-idea", GREY, 10).parameters == 7850
    finally:
        presets.cache_clear()
        sys.modules.pop(f"{package.__name__}.own_idea", None)


def test_no_two_presets_share_a_name() -> None:
    declared = [
        preset.name
        for module in iter_modules(package.__path__)
        for preset in import_module(f"{package.__name__}.{module.name}").PRESETS
    ]
    assert sorted(declared) == sorted(presets())


def test_describing_takes_less_than_5_ms_of_a_processor() -> None:
    def seconds(name: str) -> float:
        begin = time.process_time()
        describe_architecture(name, GREY, 10)
        return time.process_time() - begin

    assert max(min(seconds(name) for _ in range(5)) for name in presets()) < 0.005
