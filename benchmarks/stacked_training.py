"""Whether runs of a sweep are trained faster together, as stacked matrices, than one by one.

    python -m benchmarks.stacked_training [--steps 300] [--rounds 5]

Perceptrons that share everything but the seed, on random images, one thread, SGD. Three ways take turns; printed are
medians, in microseconds a run and step:

    autograd      the module, `backward()` and `torch.optim` as anyone writes them, one run after another,
    alone         `mnist_core.training.perceptron`, as runs are trained here: gradients written out, one after another,
    stacked       the same steps for all runs at once: weights (runs, out, in), batched products, one update for all.

The stacked way is given every advantage: no run may stop, diverge or have another learning rate, and nothing is
recorded. Before the clock runs it is checked that all three end with the same weights.
"""

import argparse
import statistics
from collections.abc import Callable
from time import perf_counter

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.machine import describe_machine
from mnist_core import architectures
from mnist_core.config.run_config import RunConfig
from mnist_core.training import optimization
from mnist_core.training.perceptron import perceptron

# Hidden units, images per batch, runs in the stack.
CASES = (((), 12, 3), ((), 12, 18), ((100,), 64, 6), ((300,), 64, 6))
_CPU = torch.device("cpu")


def _networks(config: RunConfig, runs: int) -> list[nn.Sequential]:
    networks = []
    for seed in range(runs):
        torch.manual_seed(seed)
        networks.append(architectures.build_network(config.architecture, (1, 28, 28), 10))
    return networks


def autograd(config: RunConfig, models: list[nn.Sequential], images: Tensor, labels: Tensor) -> None:
    """All batches of `images` (steps, B, 1, 28, 28), network by network, by torch's own means."""
    for model in models:
        (optimizer,) = optimization.build_optimizers(model, config)
        for pixels, target in zip(images, labels, strict=True):
            optimizer.zero_grad()
            F.cross_entropy(model(pixels), target).backward()
            optimizer.step()


def alone(config: RunConfig, models: list[nn.Sequential], images: Tensor, labels: Tensor) -> None:
    """The same with the steps that runs take here."""
    for model in models:
        chain = perceptron(model, config, optimization.build_optimizers(model, config), _CPU)
        assert chain is not None
        for batch in chain.batches(images.flatten(0, 1), labels.flatten(), labels.shape[1]):
            chain.step(batch)


def stacked(config: RunConfig, models: list[nn.Sequential], images: Tensor, labels: Tensor) -> None:
    """The same for all networks at once; their weights are written back at the end."""
    layers = [[module for module in model if isinstance(module, nn.Linear)] for model in models]
    depth, runs = len(layers[0]), len(models)
    # Shape (R, out, in).
    weights = [torch.stack([linear[depth_index].weight.detach() for linear in layers]) for depth_index in range(depth)]
    # Shape (R, out).
    biases = [torch.stack([linear[depth_index].bias.detach() for linear in layers]) for depth_index in range(depth)]
    for pixels, target in zip(images, labels, strict=True):
        # Shape (R, B, in).
        flows = [pixels.flatten(1).expand(runs, -1, -1)]
        for depth_index in range(depth):
            flow = torch.baddbmm(biases[depth_index].unsqueeze(1), flows[-1], weights[depth_index].transpose(1, 2))
            flows.append(flow.relu_() if depth_index + 1 < depth else flow)
        gradient = (flows.pop().softmax(2) - F.one_hot(target, 10)).div_(len(target))
        for depth_index in reversed(range(depth)):
            weight_gradient, bias_gradient = torch.bmm(gradient.transpose(1, 2), flows[depth_index]), gradient.sum(1)
            if depth_index:
                gradient = torch.bmm(gradient, weights[depth_index]).mul_(flows[depth_index] > 0)
            weights[depth_index].add_(weight_gradient, alpha=-config.learning_rate)
            biases[depth_index].add_(bias_gradient, alpha=-config.learning_rate)
    with torch.no_grad():
        for run, linear in enumerate(layers):
            for depth_index, module in enumerate(linear):
                module.weight.copy_(weights[depth_index][run])
                module.bias.copy_(biases[depth_index][run])


WAYS: dict[str, Callable[[RunConfig, list[nn.Sequential], Tensor, Tensor], None]] = {
    "autograd": autograd,
    "alone": alone,
    "stacked": stacked,
}


def _measured(config: RunConfig, runs: int, steps: int, rounds: int) -> dict[str, float]:
    """Median seconds a run and step of each way."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(steps, config.batch_size, 1, 28, 28, generator=generator)
    labels = torch.randint(10, (steps, config.batch_size), generator=generator)
    ends = {}
    for name, way in WAYS.items():
        ends[name] = _networks(config, runs)
        way(config, ends[name], images[:20], labels[:20])
    for name in ("alone", "stacked"):
        for expected, model in zip(ends["autograd"], ends[name], strict=True):
            for reference, parameter in zip(expected.parameters(), model.parameters(), strict=True):
                torch.testing.assert_close(parameter, reference, rtol=1e-4, atol=1e-6)
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, way in WAYS.items():
            models = _networks(config, runs)
            began = perf_counter()
            way(config, models, images, labels)
            seconds[name].append((perf_counter() - began) / runs / steps)
    return {name: statistics.median(values) for name, values in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(describe_machine(), f"{options.steps} steps, {options.rounds} rounds", flush=True)
    for hidden, batch, runs in CASES:
        layers = "".join(f"linear({units}) relu " for units in hidden)
        config = RunConfig(
            architecture=f"flatten {layers}linear(classes)",
            optimizer="sgd",
            momentum=0,
            learning_rate=0.01,
            batch_size=batch,
        )
        seconds = _measured(config, runs, options.steps, options.rounds)
        sizes = "-".join(map(str, (784, *hidden, 10)))
        text = ", ".join(f"{name} {1e6 * value:.0f} µs" for name, value in seconds.items())
        print(f"{sizes}, batch {batch}, {runs} runs: {text}", flush=True)


if __name__ == "__main__":
    main()
