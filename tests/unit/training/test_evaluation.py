"""Evaluation: right for any number of images; it changes neither the model's mode nor the random state."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mnist_core.data.loading import Data, Split
from mnist_core.training.evaluation import evaluate_split, predict_split


def _split(count: int, seed: int = 0) -> Split:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 1, 28, 28), dtype=torch.uint8, generator=generator)
    return Split(images, torch.randint(0, 10, (count,), generator=generator))


def _data(split: Split) -> Data:
    return Data("noise", tuple("0123456789"), split, split, split, (0.1307,), (0.3081,))


def _model() -> nn.Sequential:
    torch.manual_seed(3)
    body = nn.Sequential(nn.Linear(784, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.5))
    return nn.Sequential(nn.Flatten(), body, nn.Linear(32, 10))


@pytest.mark.parametrize("count", [1, 99, 100, 101, 256])
def test_equals_one_pass_over_all_images(count: int) -> None:
    split, model = _split(count), _model()
    data = _data(split)
    loss, accuracy = evaluate_split(model, data, split)
    with torch.no_grad():
        logits = model.eval()(data.inputs(split.images))
    assert loss == pytest.approx(F.cross_entropy(logits, split.labels).item(), rel=1e-5)
    assert accuracy == (logits.argmax(1) == split.labels).double().mean().item()
    np.testing.assert_allclose(predict_split(model, data, split), F.softmax(logits, 1).numpy(), atol=1e-6)


def test_leaves_modes_statistics_and_randomness_alone() -> None:
    split, model = _split(150), _model()
    model.train()
    frozen = model[1]
    assert isinstance(frozen, nn.Sequential)
    # The caller has put one layer into evaluation mode.
    frozen[1].eval()
    modes = [module.training for module in model.modules()]
    assert True in modes
    assert False in modes
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    first = evaluate_split(model, _data(split), split)
    answers = predict_split(model, _data(split), split)
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert evaluate_split(model, _data(split), split) == first
    assert answers.dtype == np.float32
    np.testing.assert_allclose(answers.sum(1), 1, atol=1e-5)


def test_restores_modes_when_the_model_fails() -> None:
    # This network does not fit the images.
    model = nn.Sequential(nn.Flatten(), nn.Linear(3, 10))
    model.train()
    with pytest.raises(RuntimeError):
        evaluate_split(model, _data(_split(5)), _split(5))
    assert all(module.training for module in model.modules())


def test_training_still_gets_gradients_afterwards() -> None:
    split, model = _split(120), _model()
    evaluate_split(model, _data(split), split, precision="bfloat16")
    with torch.autocast("cpu", torch.bfloat16):
        loss = F.cross_entropy(model(_data(split).inputs(split.images)), split.labels)
    loss.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters() if p.dim() == 2)


def test_bfloat16_is_used_and_close() -> None:
    split, model = _split(200), _model()
    data = _data(split)
    exact, rough = predict_split(model, data, split), predict_split(model, data, split, precision="bfloat16")
    assert rough.dtype == np.float32
    assert 0 < np.abs(exact - rough).max() < 0.05
    assert evaluate_split(model, data, split, "bfloat16")[0] == pytest.approx(
        evaluate_split(model, data, split)[0], abs=0.02
    )


def test_log_probabilities_count_as_logits() -> None:
    split, model = _split(130), _model()
    with_log = nn.Sequential(model, nn.LogSoftmax(dim=1))
    assert evaluate_split(with_log, _data(split), split) == pytest.approx(
        evaluate_split(model, _data(split), split), rel=1e-5
    )


def test_no_images_is_an_error() -> None:
    split = _split(0)
    with pytest.raises(ValueError, match="no images"):
        evaluate_split(_model(), _data(split), split)
