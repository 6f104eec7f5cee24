"""What a checkpoint holds, and what its file needs."""

from pathlib import Path

import torch
from torch import nn

from mnist_core.training import checkpoints


def test_a_weight_that_two_layers_share_is_saved_for_both(tmp_path: Path) -> None:
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    second.weight = first.weight
    network = nn.Sequential(first, second)
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    path = tmp_path / "checkpoint.safetensors"
    checkpoints.save_checkpoint(checkpoints.capture_checkpoint(network, [optimizer], {}, {}), path)
    saved = checkpoints.load_checkpoint(path)
    assert torch.equal(saved.tensors["model.0.weight"], first.weight)
    assert torch.equal(saved.tensors["model.1.weight"], first.weight)
    assert torch.equal(saved.tensors["optimizer.0.0.exp_avg"], optimizer.state[first.weight]["exp_avg"])


def test_weights_that_lie_beside_each_other_or_transposed_in_memory_are_saved_as_they_are(tmp_path: Path) -> None:
    together = torch.arange(12.0)
    network = nn.Linear(2, 4)
    network.weight.data = together[:8].view(2, 4).T
    network.bias.data = together[8:]
    path = tmp_path / "checkpoint.safetensors"
    checkpoints.save_checkpoint(checkpoints.capture_checkpoint(network, [], {}, {}), path)
    saved = checkpoints.load_checkpoint(path, weights_only=True).weights()
    assert saved["weight"].tolist() == [[0, 4], [1, 5], [2, 6], [3, 7]]
    assert saved["bias"].tolist() == [8, 9, 10, 11]


def test_tensors_on_the_cpu_are_not_copied_before_they_are_written() -> None:
    network = nn.Linear(4, 4)
    gathered = checkpoints.capture_checkpoint(network, [], {}, {}).weights()
    assert gathered["weight"].data_ptr() == network.weight.data_ptr()
