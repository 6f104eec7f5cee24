"""Checkpoints: weights, optimizer and random state as safetensors with JSON. No pickle, ever."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from mnist_core.errors import CheckpointError


@dataclass(frozen=True)
class Checkpoint:
    """The state of training at one moment: `tensors` by name, everything else as JSON values."""

    tensors: dict[str, Tensor]
    progress: dict[str, Any]
    # Whatever is needed to use the weights: architecture, shape, classes, mean, std.
    network: dict[str, Any]
    # Optimizer state that is not a tensor.
    scalars: dict[str, Any]

    def weights(self) -> dict[str, Tensor]:
        """The model's state dict."""
        return {name.removeprefix("model."): value for name, value in self.tensors.items() if name.startswith("model.")}


def capture_checkpoint(
    model: nn.Module, optimizers: list[Optimizer], progress: dict[str, Any], network: dict[str, Any]
) -> Checkpoint:
    """Gather everything that training needs to go on bit for bit, random state included.

    Tensors on the CPU are not copied: save the checkpoint before training goes on.
    """
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    scalars: dict[str, Any] = {}
    for index, optimizer in enumerate(optimizers):
        for parameter, values in optimizer.state_dict()["state"].items():
            for key, value in values.items():
                name = f"optimizer.{index}.{parameter}.{key}"
                (tensors if isinstance(value, Tensor) else scalars)[name] = value
    tensors["random.cpu"] = torch.get_rng_state()
    if next(model.parameters()).device.type == "cuda":
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    return Checkpoint(_on_cpu(tensors), progress, network, scalars)


def _on_cpu(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    gathered: dict[str, Tensor] = {}
    addresses: set[int] = set()
    for name, value in tensors.items():
        plain = value.detach().cpu().contiguous()
        address = plain.untyped_storage().data_ptr()
        # safetensors refuses tensors that share memory, such as a weight that two layers use.
        gathered[name] = plain.clone() if address in addresses else plain
        addresses.add(address)
    return gathered


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint to `path`; the caller makes it atomic. Raises OSError."""
    texts = {"progress": checkpoint.progress, "network": checkpoint.network, "scalars": checkpoint.scalars}
    metadata = {"format": "mnist-lab 1"} | {name: json.dumps(value) for name, value in texts.items()}
    # Not safetensors' `save_file`: it gives the number of a system error, such as a full disk, only within a text.
    path.write_bytes(save(checkpoint.tensors, metadata))


def load_checkpoint(path: Path, *, weights_only: bool = False) -> Checkpoint:
    """Read a checkpoint onto the CPU. Raises CheckpointError if it is missing or damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            texts = file.metadata() or {}
            names = [name for name in file.keys() if not weights_only or name.startswith("model.")]  # noqa: SIM118
            tensors = {name: file.get_tensor(name) for name in names}
        return Checkpoint(tensors, **{name: json.loads(texts[name]) for name in ("progress", "network", "scalars")})
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise CheckpointError(
            f"{path.name} cannot be read ({error}). Resume from another epoch, or train again."
        ) from error


def restore_weights(checkpoint: Checkpoint, model: nn.Module) -> None:
    """Load the weights into a network of the same architecture. Raises CheckpointError."""
    try:
        model.load_state_dict(checkpoint.weights())
    except RuntimeError as error:
        raise CheckpointError(
            "the checkpoint's weights do not fit this architecture; choose the one that it was trained with"
        ) from error


def restore_optimizers(checkpoint: Checkpoint, optimizers: list[Optimizer]) -> None:
    """Load the optimizers' state. Raises CheckpointError if it belongs to another optimizer."""
    for index, optimizer in enumerate(optimizers):
        state: dict[int, dict[str, Any]] = {}
        for name, value in {**checkpoint.tensors, **checkpoint.scalars}.items():
            if name.startswith(f"optimizer.{index}."):
                parameter, key = name.split(".")[2:4]
                state.setdefault(int(parameter), {})[key] = value
        try:
            optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
        except (ValueError, KeyError) as error:
            raise CheckpointError("the checkpoint's optimizer state does not fit this optimizer") from error
        _lay_out_as_parameters(optimizer)


def _lay_out_as_parameters(optimizer: Optimizer) -> None:
    """Give state tensors the strides of their parameters: fused kernels walk both in the order of memory."""
    for parameter, values in optimizer.state.items():
        for key, value in values.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                values[key] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def restore_random_state(checkpoint: Checkpoint) -> None:
    """Continue the random numbers of dropout and augmentation where the checkpoint was taken."""
    torch.set_rng_state(checkpoint.tensors["random.cpu"])
    if "random.cuda" in checkpoint.tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(checkpoint.tensors["random.cuda"])
