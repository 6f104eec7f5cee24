"""What a process computes that takes its processor for one of AMD's with AVX-512: prints JSON for `test_kernels`.

oneDNN reads ONEDNN_MAX_CPU_ISA when it first computes, so this needs a process of its own. With the value AVX512_CORE,
a processor with AMX computes as one without.
"""

import json
import sys
from pathlib import Path

import torch

from mnist_core import architectures
from mnist_core.config.rules import TrainingRules
from mnist_core.config.run_config import RunConfig
from mnist_core.data.loading import load_data
from mnist_core.export.script.frame import RunFacts
from mnist_core.export.script.script import script_of_config
from mnist_core.export.weight_files import weights_fingerprint
from mnist_core.training import kernels, loop
from mnist_core.training.devices import move_to_device

CPU = torch.device("cpu")
# Images, inputs and outputs of a layer, of the studies' networks.
SHAPES = [(64, 784, 300), (64, 784, 2000), (64, 2000, 10), (64, 512, 256), (50, 3136, 1024), (64, 9216, 128)]
BASE = RunConfig(dataset="mnist-5k", epochs=1, seed=3, train_images=1000, batch_size=64)
# Each has large layers; the last batch, of 40 images, and most networks have small ones, too.
PERCEPTRONS = {
    "Adam": BASE.replace(architecture="mlp-300"),
    "deep, decay": BASE.replace(architecture="mlp-512-256-128-64", weight_decay=0.001),
    "dropout, clipping": BASE.replace(architecture="mlp-300-90-dropout-0.3", clip_norm=0.5),
    "SGD, smoothing": BASE.replace(
        architecture="flatten linear(300) tanh linear(classes, bias=False)", optimizer="sgd", label_smoothing=0.1
    ),
    # Few and small, because Muon's bfloat16 is slow on processors without it.
    "Muon": BASE.replace(
        architecture="flatten linear(100) relu dropout(0.3) linear(50) relu linear(classes)",
        optimizer="muon",
        train_images=168,
    ),
    "large in full batches only": BASE.replace(architecture="flatten linear(25) relu linear(classes)"),
}
CONVOLUTION = BASE.replace(
    architecture="conv(4, 3) relu flatten linear(200) relu linear(600) relu linear(classes)", train_images=300
)
RULES = TrainingRules()


def main() -> None:
    """Train and multiply; the folder for the script is the first argument."""
    torch.set_num_threads(1)
    found = {
        "errors": {str(shape): largest_errors(*shape) for shape in SHAPES},
        "differs": differs(),
        "chains": {name: [*map(fingerprint, both_ways(config))] for name, config in PERCEPTRONS.items()},
        "without": {name: fingerprint(trained(config, False)) for name, config in PERCEPTRONS.items()},
        "convolution": fingerprint(trained(CONVOLUTION, True)),
        "script": script(Path(sys.argv[1])),
        "left behind": torch.backends.mkldnn.matmul.fp32_precision,  # pyright: ignore
    }
    print(json.dumps(found))


def largest_errors(images: int, inputs: int, outputs: int) -> list[float]:
    """Of forward and both gradients by oneDNN against float64, as shares of the largest value; worst of three draws."""
    worst = [0.0, 0.0, 0.0]
    for seed in range(3):
        torch.manual_seed(seed)
        x, weights, gradient = torch.rand(images, inputs), torch.randn(outputs, inputs), torch.randn(images, outputs)
        for index, (a, b) in enumerate(((x, weights.t()), (gradient.t(), x), (gradient, weights))):
            kernels.use_onednn(True)
            product = a @ b
            kernels.use_onednn(False)
            exact = a.double() @ b.double()
            worst[index] = max(worst[index], float((product - exact).abs().max() / exact.abs().max()))
    return worst


def differs() -> bool:
    """Whether the setting changes any bit of a large product."""
    torch.manual_seed(0)
    a, b = torch.randn(64, 784), torch.randn(784, 300)
    before = a @ b
    kernels.use_onednn(True)
    after = a @ b
    kernels.use_onednn(False)
    return not torch.equal(before, after)


def both_ways(config: RunConfig) -> list[torch.nn.Module]:
    """Trained by the written-out steps and by autograd."""
    written_out = loop.perceptron
    first = trained(config, True)
    loop.perceptron = lambda *_: None
    second = trained(config, True)
    loop.perceptron = written_out
    return [first, second]


def trained(config: RunConfig, by_onednn: bool) -> torch.nn.Module:
    kernels.onednn_is_faster = lambda: by_onednn
    data = load_data(config, Path("no folder is needed"), CPU)
    torch.manual_seed(config.seed)
    network, _ = architectures.build_seeded(config.architecture, (1, 28, 28), 10, config.seed, config.initial_weights)
    model = move_to_device(network, CPU)
    list(loop.train_network(model, data, config, rules=RULES))
    return model


def fingerprint(model: torch.nn.Module) -> str:
    return weights_fingerprint(model.state_dict())


def script(folder: Path) -> str:
    """What the exported script prints where the processor's description is one of an AMD processor."""
    info = folder / "cpuinfo"
    info.write_text("vendor_id\t: AuthenticAMD\nflags\t\t: avx512f avx512bw avx512dq avx512vl\n")
    last = (1, fingerprint(trained(CONVOLUTION, True)))
    text = script_of_config(CONVOLUTION, RunFacts(by_onednn=True, last=last, best=last))
    lines: list[str] = []
    exec(text.replace("/proc/cpuinfo", str(info)), {"print": lambda *words: lines.append(" ".join(map(str, words)))})
    return "\n".join(lines)


if __name__ == "__main__":
    main()
