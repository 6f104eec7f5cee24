"""A run's weights as files that other programs read: safetensors and ONNX; and their fingerprint."""

import hashlib
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_core.analysis import trained
from mnist_core.architectures import architecture_line
from mnist_core.store import Run, Store

if TYPE_CHECKING:
    from torch import Tensor

# Version of the ONNX operators, which all runtimes since 2023 support.
OPSET = 18


def weights_fingerprint(weights: Mapping[str, "Tensor"]) -> str:
    """The sha256 of all tensors of a state dict, in the order of their names: 64 hex digits."""
    total = hashlib.sha256()
    for _, value in sorted(weights.items()):
        total.update(value.detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()


def write_safetensors(store: Store, run: Run, path: Path, epoch: int | None = None) -> None:
    """The weights of `epoch`, or of the best epoch, by the names of torch's state dict, as float32.

    The file's metadata (texts; lists as JSON) say what it takes to use them: `architecture` (a line), `shape`
    (C, H, W), `classes`, and `mean` and `std` of pixels in [0, 1], by which inputs are normalised.
    Raises CheckpointError.
    """
    from safetensors.torch import save

    network = trained.load_network(store, run, epoch)
    about = {
        "format": "pt",
        "architecture": architecture_line(run.config.architecture),
        "dataset": run.dataset,
        "shape": json.dumps(network.shape),
        "classes": json.dumps(network.classes),
        "mean": json.dumps(network.mean),
        "std": json.dumps(network.std),
        "run": run.name,
        "epoch": str(trained.chosen_checkpoint(store, run, epoch).epoch),
        "config": run.config.model_dump_json(),
    }
    path.write_bytes(save({name: value.contiguous() for name, value in network.model.state_dict().items()}, about))


def write_onnx(store: Store, run: Run, path: Path, epoch: int | None = None) -> None:
    """The network with the weights of `epoch`, or of the best epoch, as an ONNX model that needs no other file.

    Input `images`: uint8 (N, C, H, W), pixels as they are, any N; normalisation is inside. Output `probabilities`:
    float32 (N, classes). Class names are in the model's metadata. Raises CheckpointError.
    """
    import onnx
    import torch
    from torch import nn

    network = trained.load_network(store, run, epoch)

    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network.model

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            # (N, classes)
            return self.network(network.inputs(images)).softmax(1)

    example = torch.zeros((2, *network.shape), dtype=torch.uint8)
    with warnings.catch_warnings():
        # The older exporter warns that it is deprecated. The newer one needs three more packages and takes seconds; for
        # these networks both write the same.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Whole().eval(),
            (example,),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=["images"],
            output_names=["probabilities"],
            dynamic_axes={"images": {0: "n"}, "probabilities": {0: "n"}},
        )
    model = onnx.load(path)
    model.doc_string = f"{run.name}: uint8 images {network.shape} to probabilities of {len(network.classes)} classes"
    for key, value in {
        "classes": json.dumps(network.classes),
        "architecture": architecture_line(run.config.architecture),
    }.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
