"""Runs of scikit-learn: they report events like any training, can be stopped, and refuse what they cannot do."""

import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from mnist_core import architectures
from mnist_core.analysis import trained
from mnist_core.config.run_config import RunConfig
from mnist_core.data.loading import Data, load_data
from mnist_core.errors import ConfigError
from mnist_core.events import EpochEnd, RunFinished, RunStarted, StepEnd
from mnist_core.jobs.worker import work
from mnist_core.store.store import Store
from mnist_core.training.evaluation import evaluate_split
from mnist_core.training.loop import TrainingState
from mnist_core.training.sklearn.fit import fit_sklearn

BASE = RunConfig(dataset="mnist-5k", train_images=600, validation_images=200, library="sklearn", epochs=4)
PERCEPTRON = BASE.replace(architecture="flatten linear(32) relu linear(classes)", learning_rate=0.003)
LOGISTIC = BASE.replace(architecture="softmax")


def prepared(config: RunConfig, tmp_path: Path) -> tuple[torch.nn.Module, Data, TrainingState]:
    data = load_data(config, tmp_path, "cpu")
    return (
        architectures.build_network(config.architecture, data.input_shape, len(data.classes)),
        data,
        TrainingState([]),
    )


def fitted(config: RunConfig, tmp_path: Path) -> tuple[list[Any], TrainingState]:
    model, data, state = prepared(config, tmp_path)
    return list(fit_sklearn(model, data, config, state)), state


def fitting_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "scikit-learn"]


def test_a_perceptron_tells_of_every_batch_and_iteration(tmp_path):
    events, state = fitted(PERCEPTRON, tmp_path)
    started, finished = events[0], events[-1]
    assert isinstance(started, RunStarted)
    assert (started.parameters, started.steps_per_epoch, started.first_step) == (785 * 32 + 330, 10, 0)
    steps = [event for event in events if isinstance(event, StepEnd)]
    assert [event.step for event in steps] == list(range(1, 41))
    assert {event.learning_rate for event in steps} == {0.003}
    assert [event.seconds for event in steps] == sorted(event.seconds for event in steps)
    ends = [event for event in events if isinstance(event, EpochEnd)]
    assert [(end.epoch, end.step) for end in ends] == [(1, 10), (2, 20), (3, 30), (4, 40)]
    assert ends[-1].train_loss < ends[0].train_loss
    best = max(ends, key=lambda end: (end.validation_accuracy, -(end.validation_loss or 0)))
    assert (state.best_epoch, state.best_accuracy) == (best.epoch, best.validation_accuracy)
    assert best.validation_accuracy is not None
    assert best.validation_accuracy > 0.6
    assert isinstance(finished, RunFinished)
    assert (finished.outcome, finished.epoch, finished.best_epoch) == ("finished", 4, best.epoch)
    assert "4 iterations" in finished.hint


def test_the_model_has_the_weights_of_the_epoch_that_ended(tmp_path):
    model, data, state = prepared(PERCEPTRON, tmp_path)
    seen = 0
    for event in fit_sklearn(model, data, PERCEPTRON, state):
        if isinstance(event, EpochEnd):
            seen += 1
            assert (event.validation_loss, event.validation_accuracy) == evaluate_split(model, data, data.validation)
            assert (state.epoch, state.step) == (event.epoch, event.step)
    assert seen == 4


def test_a_logistic_regression_has_a_curve_too(tmp_path):
    events, state = fitted(LOGISTIC, tmp_path)
    ends = [event for event in events if isinstance(event, EpochEnd)]
    assert [end.epoch for end in ends] == [1, 2, 3, 4]
    assert all(later.train_loss < earlier.train_loss for earlier, later in pairwise(ends))
    assert [event.step for event in events if isinstance(event, StepEnd)] == [1, 2, 3, 4]
    assert state.epoch == 4


def test_convergence_is_said_in_words(tmp_path):
    events, _ = fitted(LOGISTIC.replace(inverse_regularisation=1e-4, tolerance=0.1, epochs=200), tmp_path)
    assert events[-1].hint.startswith("Converged after")
    assert events[-1].epoch < 200
    events, _ = fitted(PERCEPTRON.replace(tolerance=10, epochs=50), tmp_path)
    # The first iteration has the best loss; the fit stops after eleven iterations that do not improve it.
    assert (events[-1].outcome, events[-1].epoch) == ("early-stopped", 12)
    assert "12 iterations" in events[-1].hint


def test_without_validation_images_the_last_epoch_is_the_best(tmp_path):
    events, state = fitted(PERCEPTRON.replace(validation_images=0), tmp_path)
    assert all(event.validation_loss is None for event in events if isinstance(event, EpochEnd))
    assert state.best_epoch == 4


def test_a_long_run_is_told_in_windows(tmp_path, monkeypatch):
    # 40 batches in windows of 4 make windows of 4, 4 and 2 batches in each epoch.
    monkeypatch.setattr("mnist_core.training.sklearn.fit.MAX_WINDOWS", 12)
    events, _ = fitted(PERCEPTRON, tmp_path)
    assert [event.step for event in events if isinstance(event, StepEnd)][:4] == [4, 8, 10, 14]


@pytest.mark.parametrize(
    "config",
    [
        PERCEPTRON.replace(epochs=10_000, tolerance=1e-9),
        LOGISTIC.replace(epochs=10_000, tolerance=1e-9, inverse_regularisation=1e9, train_images=3800),
    ],
    ids=["perceptron", "logistic"],
)
def test_an_interrupted_fit_ends_at_once_and_so_does_its_thread(config, tmp_path):
    model, data, state = prepared(config, tmp_path)
    wish = threading.Event()
    stream = fit_sklearn(model, data, config, state, wish.is_set)
    events = [next(stream)]
    assert isinstance(events[0], RunStarted)
    while not isinstance(events[-1], EpochEnd):
        events.append(next(stream))
    assert len(fitting_threads()) == 1
    wish.set()
    asked = time.monotonic()
    events += list(stream)
    assert not any(isinstance(event, RunFinished) for event in events)
    while fitting_threads() and time.monotonic() - asked < 5:
        time.sleep(0.01)
    assert not fitting_threads()


def test_closing_the_stream_halts_the_fit(tmp_path):
    model, data, state = prepared(PERCEPTRON.replace(epochs=10_000, tolerance=1e-9), tmp_path)
    stream = fit_sklearn(model, data, PERCEPTRON.replace(epochs=10_000, tolerance=1e-9), state)
    assert [type(next(stream)) for _ in range(2)] == [RunStarted, StepEnd]
    stream.close()  # pyright: ignore[reportAttributeAccessIssue]
    for thread in fitting_threads():
        thread.join(5)
    assert not fitting_threads()


def test_a_fit_starts_at_the_beginning_whatever_the_state_says(tmp_path):
    model, data, state = prepared(PERCEPTRON, tmp_path)
    state.epoch, state.step, state.best_accuracy, state.best_epoch = 3, 30, 2.0, 3
    events = list(fit_sklearn(model, data, PERCEPTRON, state))
    assert [event.epoch for event in events if isinstance(event, EpochEnd)] == [1, 2, 3, 4]
    assert 0 < state.best_accuracy < 1


def test_a_fit_whose_loss_is_no_number_has_diverged(tmp_path):
    config = PERCEPTRON.replace(
        architecture="linear-50-10", optimizer="sgd", learning_rate=100, momentum=0.99, epochs=300
    )
    events, _ = fitted(config, tmp_path)
    assert events[-1].outcome == "diverged"
    assert "learning rate of 10" in events[-1].hint


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"architecture": "lenet-5"}, "architecture"),
        ({"architecture": "flatten linear(8) relu dropout(0.5) linear(classes)"}, "architecture"),
        ({"architecture": "flatten linear(8) relu linear(8) tanh linear(classes)"}, "architecture"),
        ({"architecture": "flatten linear(8) relu linear(classes, bias=False)"}, "architecture"),
        ({"optimizer": "rmsprop"}, "optimizer"),
        ({"schedule": "cosine"}, "schedule"),
        ({"shift": 2}, "shift"),
        ({"crop_flip": True}, "crop_flip"),
        ({"label_smoothing": 0.1}, "label_smoothing"),
        ({"clip_norm": 1}, "clip_norm"),
        ({"early_stopping": 2}, "early_stopping"),
        ({"precision": "bfloat16"}, "precision"),
        ({"inverse_regularisation": 2}, "inverse_regularisation"),
        ({"architecture": "softmax", "weight_decay": 0.1}, "weight_decay"),
    ],
)
def test_what_scikit_learn_cannot_do_is_named_with_a_remedy(changes, field, tmp_path):
    config = PERCEPTRON.replace(**changes)
    with pytest.raises(ConfigError, match=r"leave it at|choose") as error:
        fitted(config, tmp_path)
    assert error.value.field == field
    assert not fitting_threads()


def test_a_class_without_images_is_named(tmp_path):
    model, data, state = prepared(PERCEPTRON, tmp_path)
    chosen = data.train.labels != 7
    train = type(data.train)(data.train.images[chosen], data.train.labels[chosen])
    poor = Data(data.name, data.classes, train, data.validation, data.test, data.mean, data.std)
    with pytest.raises(ConfigError, match="class 7"):
        list(fit_sklearn(model, poor, PERCEPTRON, state))


@pytest.mark.parametrize("config", [PERCEPTRON, LOGISTIC], ids=["perceptron", "logistic"])
def test_in_the_store_it_is_a_run_like_any_other(config, tmp_path):
    store = Store.open(tmp_path / "lab")
    run = store.enqueue(config, claimed=True)
    assert sum(isinstance(event, EpochEnd) for event in work(store, run)) == 4
    run = store.run(run.id)
    assert (run.state, run.epoch) == ("finished", 4)
    assert "Not converged" in run.note
    assert len(store.metrics(run.id, names=["epoch_train_loss"])) == 4
    data = load_data(config, tmp_path, "cpu")
    # The probabilities come from the checkpoint of the best epoch.
    answers = trained.run_probabilities(store, run, data.test.images.numpy())
    assert (answers.argmax(1) == data.test.labels.numpy()).mean() == pytest.approx(run.test_accuracy)
    assert run.test_accuracy is not None
    assert run.test_accuracy > 0.6


def test_a_stopped_run_begins_again_when_it_is_resumed(tmp_path):
    store = Store.open(tmp_path / "lab")
    run = store.enqueue(PERCEPTRON, claimed=True)
    interrupt = threading.Event()
    for event in work(store, run, interrupt):
        if isinstance(event, EpochEnd) and event.epoch == 2:
            interrupt.set()
    assert store.run(run.id).state == "interrupted"
    store.requeue(run.id, from_scratch=True)
    again = store.claim(run.id)
    assert again is not None
    assert sum(isinstance(event, EpochEnd) for event in work(store, again)) == 4
    assert store.run(run.id).state == "finished"
    assert store.metrics(run.id, names=["epoch_train_loss"])["epoch"].tolist() == [1, 2, 3, 4]
