"""The steps of an epoch are the same by autograd and written out, whenever their answers are taken."""

import pytest
import torch

from mnist_core import architectures
from mnist_core.config import OPTIMIZERS, RunConfig
from mnist_core.data.loading import Data, load_data
from mnist_core.environment import data_dir
from mnist_core.training import TrainingState, train_network
from mnist_core.training.perceptron import perceptron
from mnist_core.training.steps import Answers, AutogradSteps, PerceptronSteps, Steps, epoch_order

CPU = torch.device("cpu")
# 84 batches, of which the last has 4 images: 21 batches fill one of the buffers.
CONFIG = RunConfig(
    dataset="mnist-5k", architecture="mlp-50", batch_size=12, train_images=1000, validation_images=0, threads=1
)


@pytest.fixture(scope="module")
def data() -> Data:
    return load_data(CONFIG, data_dir(), CPU)


def steps_of(written_out: bool, data: Data, config: RunConfig) -> Steps:
    torch.manual_seed(config.seed)
    model = architectures.build_network(config.architecture, (1, 28, 28), 10)
    optimizers = TrainingState.start(model, config).optimizers
    if not written_out:
        return AutogradSteps(model, data, config, optimizers)
    chain = perceptron(model, config, optimizers, CPU)
    assert chain is not None
    return PerceptronSteps(chain, data, config)


def taken(steps: Steps, at: set[int], done: int = 0, epoch: int = 1) -> list[Answers]:
    """What the steps answered, taken after these numbers of steps of an epoch, and at its end."""
    answers, made = [], steps.of_epoch(epoch, done)
    for number in range(1, 85 - done):
        with steps.context():
            next(made)
        if number in at:
            answers.append(steps.take_answers())
    assert next(made, "no more") == "no more"
    return [*answers, steps.take_answers()]


def joined(answers: list[Answers]) -> Answers:
    return Answers(*map(torch.cat, zip(*answers, strict=True)))


@pytest.mark.parametrize("written_out", [False, True])
@pytest.mark.parametrize("at", [set(), {1, 5, 6}, {21, 42}, {3, 20, 50, 51}], ids=str)
def test_answers_are_the_same_whenever_they_are_taken(written_out: bool, at: set[int], data: Data):
    expected = joined(taken(steps_of(False, data, CONFIG), set()))
    parts = taken(steps_of(written_out, data, CONFIG), at)
    assert [len(part.labels) for part in parts[:-1]] == [
        12 * (stop - start) for start, stop in zip([0, *sorted(at)], sorted(at), strict=False)
    ]
    for each, other in zip(joined(parts), expected, strict=True):
        assert torch.equal(each, other)


@pytest.mark.parametrize("written_out", [False, True])
@pytest.mark.parametrize("done", [1, 21, 22, 83])
def test_an_epoch_can_be_joined_anywhere(written_out: bool, done: int, data: Data):
    (answers,) = taken(steps_of(written_out, data, CONFIG), set(), done)
    order = epoch_order(1000, CONFIG.seed, 1)[12 * done :]
    assert torch.equal(answers.labels, data.train.labels[order])
    assert torch.allclose(answers.log_probabilities.exp().sum(1), torch.ones(len(order)), atol=1e-5)


@pytest.mark.parametrize("written_out", [False, True])
def test_the_next_epoch_begins_with_the_weights_of_the_last_step(written_out: bool, data: Data):
    steps, autograd = steps_of(written_out, data, CONFIG), steps_of(False, data, CONFIG)
    for epoch in (1, 2):
        answers, expected = (joined(taken(each, {7}, epoch=epoch)) for each in (steps, autograd))
        assert torch.equal(answers.logits, expected.logits)
        assert torch.equal(answers.labels, expected.labels)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_what_training_leaves_can_be_changed_later(optimizer: str, data: Data):
    config = CONFIG.replace(optimizer=optimizer, learning_rate=0.001, momentum=0.9, epochs=1)
    model = architectures.build_network(config.architecture, (1, 28, 28), 10)
    state = TrainingState.start(model, config)
    assert [*train_network(model, data, config, state)]
    states = [value for each in state.optimizers for values in each.state.values() for value in values.values()]
    tensors = [value for value in [*states, *model.parameters()] if isinstance(value, torch.Tensor)]
    assert len(tensors) >= 4
    for tensor in tensors:
        assert not tensor.is_inference()
        # Refused for a tensor that was made where autograd is off.
        with torch.no_grad():
            tensor.add_(1)
