"""What is said where perceptrons are left to autograd; tests/oracle/test_perceptron.py has what they compute."""

import pytest
import torch

from mnist_core import architectures
from mnist_core.training import perceptron

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def test_only_networks_that_would_be_written_out_are_said_to_lack_a_kernel(monkeypatch: pytest.MonkeyPatch):
    chain = architectures.build_network("mlp-50", (1, 28, 28), 10)
    other = architectures.build_network("lenet-5", (1, 28, 28), 10)
    assert perceptron.without_kernels_note(chain, CPU) == ""
    kernel = perceptron._PRIVATE[0]
    monkeypatch.delattr(torch, kernel)
    assert kernel in perceptron.without_kernels_note(chain, CPU)
    assert perceptron.without_kernels_note(other, CPU) == ""
    assert perceptron.without_kernels_note(chain, GPU) == ""
