"""Trained networks of runs: choosing a checkpoint, loading its network, and its predictions."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_core.analysis.network_cache import NetworkCache
from mnist_core.errors import CheckpointError
from mnist_core.store import Artifact, Run, Store, is_intact

if TYPE_CHECKING:
    from torch import Tensor, nn


# Path, in the folder of a run, of the checkpoint that is written in the middle of an epoch.
PAUSED_CHECKPOINT = "checkpoints/paused.safetensors"


def checkpoints(store: Store, run: Run) -> list[Artifact]:
    """The run's checkpoints, the earliest first."""
    return store.artifacts(run.id, kind="checkpoint")


def chosen_checkpoint(store: Store, run: Run, epoch: int | None = None) -> Artifact:
    """The checkpoint of `epoch`, or by default of the best epoch; without validation images of the last.

    Raises CheckpointError if there is none.
    """
    candidates = checkpoints(store, run)
    wanted = run.best_epoch if epoch is None and run.validation_accuracy is not None else epoch
    if wanted is not None:
        # Take the first: a checkpoint from the middle of the next epoch has the same number of finished epochs.
        exact = [artifact for artifact in candidates if artifact.epoch == wanted][:1]
        candidates = exact if epoch is not None else exact or candidates
    if not candidates:
        which = f"of epoch {epoch}" if epoch is not None else "yet"
        raise CheckpointError(
            f"run #{run.number} has no checkpoint {which}: let it train for an epoch, or choose another run"
        )
    return candidates[-1]


def run_probabilities(store: Store, run: Run, images: np.ndarray, epoch: int | None = None) -> np.ndarray:
    """Class probabilities of one run for uint8 images (N, C, H, W) of its own input shape: float32 (N, classes)."""
    return load_network(store, run, epoch).probabilities(images)


def precision_here(run: Run) -> str:
    """In which precision the run's network answers on this machine: the run's own, or "float32" where it lacks that."""
    if run.config.precision == "float32":
        return "float32"
    from mnist_core.training import devices

    return run.config.precision if devices.has_bfloat16() else "float32"


def precision_note(run: Run) -> str:
    """A note where a run cannot predict in its own precision on this machine; else ""."""
    if run.config.precision == "float32" or precision_here(run) == run.config.precision:
        return ""
    return (
        f"Run {run.number} was trained in {run.config.precision}, which this processor cannot compute: here it answers "
        "in float32, so a few answers may differ from those that are stored."
    )


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network on the CPU in evaluation mode, and what its inputs and outputs mean.

    It answers as the run's own evaluation does: the same operations in the same precision, as many images at a time.
    On the machine of the run that gives the stored predictions again, bit for bit.
    """

    model: "nn.Module"
    # Shape of an image: (C, H, W).
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    # The run's precision where this processor has it, else "float32".
    precision: str = "float32"

    def inputs(self, images: "Tensor") -> "Tensor":
        """uint8 images (N, C, H, W) as the network was trained on them: float32, normalised."""
        from mnist_core.data import PixelScaling

        return PixelScaling.of(self.mean, self.std, self.shape).inputs(images)

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Outputs before the softmax for uint8 images (N, C, H, W): float32 (N, classes)."""
        import torch

        from mnist_core.training import CPU_BATCH_SIZE, compute_logits, devices

        with devices.one_thread(), torch.inference_mode():
            batches = torch.from_numpy(np.ascontiguousarray(images)).split(CPU_BATCH_SIZE)
            return torch.cat(
                [compute_logits(self.model, self.inputs(batch), self.precision) for batch in batches]
            ).numpy()

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Class probabilities for uint8 images (N, C, H, W): float32 (N, classes)."""
        import torch

        return torch.from_numpy(self.logits(images)).softmax(1).numpy()


# A class draws for a hundred small networks at a time; a few large ones must not fill the memory.
_networks: NetworkCache[TrainedNetwork] = NetworkCache(most_bytes=400_000_000)


def load_network(store: Store, run: Run, epoch: int | None = None) -> TrainedNetwork:
    """The run's network with the weights of `chosen_checkpoint`; loaded once, then kept. Raises CheckpointError."""
    return network_of(store, run, chosen_checkpoint(store, run, epoch))


def network_of(store: Store, run: Run, checkpoint: Artifact) -> TrainedNetwork:
    """The run's network with the weights of this checkpoint of it; as `load_network`."""
    path, precision = store.folder(run.id) / checkpoint.path, precision_here(run)
    return _networks.get((path, checkpoint, precision), lambda: _load(path, checkpoint, precision))


def _load(path: Path, artifact: Artifact, precision: str) -> TrainedNetwork:
    import torch

    from mnist_core.architectures import build_network
    from mnist_core.training import checkpoints as files
    from mnist_core.training import move_to_device

    if not is_intact(path, artifact):
        raise CheckpointError(f"{path.name} is missing or damaged. Choose another epoch or run, or train again.")
    checkpoint = files.load_checkpoint(path, weights_only=True)
    about = checkpoint.network
    shape, classes = tuple(about["shape"]), tuple(about["classes"])
    # The weights that are drawn here are replaced at once, and the caller's own random numbers go on undisturbed.
    with torch.random.fork_rng(devices=()):
        model = build_network(about["architecture"], shape, len(classes))
    files.restore_weights(checkpoint, model)
    # The same memory layout and kernels as in training: others round differently.
    model = move_to_device(model.eval(), torch.device("cpu"))
    return TrainedNetwork(model, shape, classes, tuple(about["mean"]), tuple(about["std"]), precision)
