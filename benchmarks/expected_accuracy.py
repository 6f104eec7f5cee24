"""The test accuracy that each preset reaches on MNIST in three epochs: the figures that ship with the presets.

    python -m benchmarks.expected_accuracy [presets] [--seeds 2] [--epochs 3]

Trains each preset with the usual settings (those of the form) but this number of epochs, on one thread, and writes the
test accuracies to mnist_core/architectures/presets/expected.csv. Figures of other presets stay. Without names, it
trains the presets that have no figure yet. Needs the full MNIST under MNIST_LAB_DATA or data/.
"""

import argparse
import tempfile
from pathlib import Path
from time import perf_counter

from benchmarks.machine import describe_machine, require_mnist
from mnist_core.analysis import expectations
from mnist_core.architectures import presets
from mnist_core.config import RunConfig
from mnist_core.jobs.worker import work
from mnist_core.store import Store


def measured(store: Store, config: RunConfig) -> float:
    """Test accuracy of this config, trained here and now."""
    run = store.enqueue(config, claimed=True)
    for _ in work(store, run):
        pass
    run = store.run(run.id)
    assert run.dataset == config.dataset, run.note
    assert run.test_accuracy is not None, run.note
    return run.test_accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="*", help="names; by default those without a figure")
    parser.add_argument("--seeds", type=int, default=2, help="runs of each preset, with seeds 0, 1, ...")
    parser.add_argument("--epochs", type=int, default=3)
    options = parser.parse_args()
    require_mnist()
    names = options.presets or [name for name in presets() if name not in expectations.shipped_figures()]
    print(describe_machine(), f"{options.epochs} epochs, {options.seeds} seed(s)", flush=True)
    for name in names:
        began = perf_counter()
        config = RunConfig(architecture=name, epochs=options.epochs)
        with tempfile.TemporaryDirectory() as folder:
            store = Store.open(Path(folder))
            accuracies = tuple(measured(store, config.replace(seed=seed)) for seed in range(options.seeds))
        figure = expectations.ShippedFigure(presets()[name].text, options.epochs, accuracies)
        # Read again, because another process may have written figures of other presets meanwhile.
        figures = expectations.read_figures(expectations.SHIPPED_FIGURES) | {name: figure}
        expectations.write_figures(expectations.SHIPPED_FIGURES, figures)
        print(f"  {name}: {figure.accuracy:.2%}, {perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
