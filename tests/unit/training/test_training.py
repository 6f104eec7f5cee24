"""Training: reproducible, resumable bit for bit, with a clear note when something goes wrong."""

import hashlib
import threading
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from mnist_core import architectures
from mnist_core.analysis import trained
from mnist_core.config.rules import TrainingRules
from mnist_core.config.run_config import RunConfig
from mnist_core.data.loading import Data, load_data
from mnist_core.events import EpochEnd, RunFinished, RunStarted, StepEnd
from mnist_core.jobs.worker import work
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from mnist_core.training import checkpoints
from mnist_core.training.loop import TrainingState, train_network
from mnist_core.training.optimization import learning_rate
from mnist_core.training.steps import epoch_order
from tests.labs import train_now

SMALL = RunConfig(dataset="mnist-5k", architecture="softmax", epochs=2, train_images=1000, validation_images=500)
# Uses everything that is random: initial weights, order, dropout, augmentation.
LIVELY = SMALL.replace(
    architecture="conv(4, 5, 2) batchnorm relu conv(6, 3) relu flatten linear(32) relu dropout(0.5) linear(classes)",
    epochs=3,
    shift=2,
    rotate=10,
    optimizer="adam",
    schedule="cosine",
)


@pytest.fixture(autouse=True)
def every_step_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Report every step, so that a run can be interrupted at any step, however fast it is."""
    monkeypatch.setattr("mnist_core.training.loop._REPORT_SECONDS", 0.0)
    monkeypatch.setattr("mnist_core.jobs.worker._RECORD_SECONDS", 0.0)


def data_of(config: RunConfig, tmp_path: Path) -> Data:
    return load_data(config, tmp_path, "cpu")


def network_of(config: RunConfig) -> torch.nn.Module:
    torch.manual_seed(config.seed)
    return architectures.build_network(config.architecture, (1, 28, 28), 10)


def run_to_end(store: Store, config: RunConfig, stop_at: int | None = None) -> Run:
    """Train in this process; with `stop_at`, interrupt at that step and resume."""
    run = store.enqueue(config, claimed=True)
    interrupt = threading.Event()
    for event in work(store, run, interrupt):
        if stop_at is not None and isinstance(event, StepEnd) and event.step >= stop_at:
            interrupt.set()
    if stop_at is not None:
        halted = store.run(run.id)
        assert halted.state == "interrupted"
        assert stop_at <= halted.step < (halted.total_steps or 0)
        store.requeue(run.id)
        again = store.claim(run.id)
        assert again is not None
        train_now(store, again)
    return store.run(run.id)


def fingerprint(store: Store, run: Run) -> str:
    """A hash of every metric and of all tensors of the last checkpoint, times left out."""
    metrics = store.metrics(run.id).drop(columns=["id", "seconds"]).sort_values(["step", "name"])
    checkpoint = checkpoints.load_checkpoint(store.folder(run.id) / trained.checkpoints(store, run)[-1].path)
    digest = hashlib.sha256(metrics.to_csv(index=False).encode())
    for name, tensor in sorted(checkpoint.tensors.items()):
        digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def test_the_same_config_gives_the_same_bits(store):
    first, second = run_to_end(store, LIVELY), run_to_end(store, LIVELY)
    assert first.state == "finished"
    assert fingerprint(store, first) == fingerprint(store, second)
    assert fingerprint(store, first) != fingerprint(store, run_to_end(store, LIVELY.replace(seed=1)))


@pytest.mark.parametrize("stop_at", [5, 16, 27])
def test_a_run_that_was_interrupted_ends_as_if_it_had_not_been(store, stop_at):
    whole, parts = run_to_end(store, LIVELY), run_to_end(store, LIVELY, stop_at)
    assert fingerprint(store, whole) == fingerprint(store, parts)
    assert whole.test_accuracy == parts.test_accuracy


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adagrad"])
def test_so_does_a_convolution_with_any_optimizer(store, optimizer):
    """The optimizer state of convolutions lies in memory channels last, and must do so after restoring."""
    config = LIVELY.replace(optimizer=optimizer, learning_rate=0.001)
    assert fingerprint(store, run_to_end(store, config)) == fingerprint(store, run_to_end(store, config, 20))


@pytest.mark.parametrize("epoch", [1, 2])
def test_continuing_from_an_epoch_is_a_new_run_that_takes_the_same_path(store, epoch):
    parent = run_to_end(store, LIVELY)
    child = run_to_end(store, LIVELY.replace(continue_from=parent.id, continue_epoch=epoch))
    assert child.number != parent.number
    steps = store.metrics(child.id)["step"]
    assert steps.min() == epoch * 16 + 1
    last = [trained.chosen_checkpoint(store, run, 3).sha256 for run in (parent, child)]
    tensors = [
        checkpoints.load_checkpoint(store.folder(run.id) / trained.chosen_checkpoint(store, run, 3).path).tensors
        for run in (parent, child)
    ]
    assert last
    assert all(torch.equal(tensors[0][name], tensors[1][name]) for name in tensors[0])


def test_continuing_with_another_optimizer_starts_it_afresh_and_says_so(store):
    parent = run_to_end(store, SMALL)
    child = run_to_end(
        store, SMALL.replace(optimizer="sgd", learning_rate=0.01, epochs=3, continue_from=parent.id, continue_epoch=2)
    )
    assert child.state == "finished"
    assert "sgd starts from zero" in child.note
    assert child.epoch == 3


def test_the_first_step_is_the_one_that_mathematics_says(tmp_path):
    config = SMALL.replace(optimizer="sgd", momentum=0, learning_rate=0.1)
    data, model = data_of(config, tmp_path), network_of(config)
    twin = network_of(config)
    chosen = epoch_order(1000, config.seed, 1)[:64]
    loss = F.cross_entropy(twin(data.inputs(data.train.images[chosen])), data.train.labels[chosen])
    loss.backward()
    events = train_network(model, data, config)
    next(events)
    first = next(events)
    assert isinstance(first, StepEnd)
    assert (first.step, first.epoch) == (1, 1)
    assert first.loss == pytest.approx(loss.item(), rel=1e-6)


def test_every_step_is_taken_at_the_rate_of_its_own_step(tmp_path):
    config = SMALL.replace(
        optimizer="sgd", momentum=0, learning_rate=0.1, warmup_epochs=1, train_images=256, epochs=1, weight_decay=0
    )
    data, model, twin = data_of(config, tmp_path), network_of(config), network_of(config)
    # Four steps, of which the warm-up has 1 to 4 fifths of the rate.
    for share, chosen in zip((0.2, 0.4, 0.6, 0.8), epoch_order(256, config.seed, 1).split(64), strict=True):
        loss = F.cross_entropy(twin(data.inputs(data.train.images[chosen])), data.train.labels[chosen])
        gradients = torch.autograd.grad(loss, list(twin.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(twin.parameters(), gradients, strict=True):
                parameter -= 0.1 * share * gradient
    events = list(train_network(model, data, config))
    rates = [event.learning_rate for event in events if isinstance(event, StepEnd)]
    assert rates == pytest.approx([0.02, 0.04, 0.06, 0.08])
    for trained_parameter, parameter in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(trained_parameter, parameter, rtol=1e-5, atol=1e-7)


def test_an_epoch_sees_every_image_once_and_reports_their_mean(tmp_path):
    data, model = data_of(SMALL, tmp_path), network_of(SMALL)
    events = list(train_network(model, data, SMALL))
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], RunFinished)
    assert sorted(epoch_order(1000, 0, 1).tolist()) == list(range(1000))
    steps = [event for event in events if isinstance(event, StepEnd) and event.epoch == 1]
    end = next(event for event in events if isinstance(event, EpochEnd))
    assert [event.step for event in steps] == list(range(1, 17))
    sizes = [64] * 15 + [1000 - 15 * 64]
    mean = sum(event.loss * size for event, size in zip(steps, sizes, strict=True)) / 1000
    assert end.train_loss == pytest.approx(mean, rel=1e-5)
    assert end.validation_accuracy is not None
    assert end.validation_accuracy > 0.7


def test_long_runs_are_recorded_in_windows_that_average_their_steps(tmp_path, monkeypatch):
    data = data_of(SMALL, tmp_path)
    fine = [e for e in train_network(network_of(SMALL), data, SMALL) if isinstance(e, StepEnd)]
    # 32 steps in 8 windows of 4.
    monkeypatch.setattr("mnist_core.training.loop.MAX_WINDOWS", 8)
    coarse = [e for e in train_network(network_of(SMALL), data, SMALL) if isinstance(e, StepEnd)]
    assert [event.step for event in coarse] == [4, 8, 12, 16, 20, 24, 28, 32]
    assert coarse[0].loss == pytest.approx(sum(event.loss for event in fine[:4]) / 4, rel=1e-5)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop", "adagrad", "muon"])
def test_every_optimizer_learns_and_can_be_saved_and_restored(store, optimizer):
    rate = 0.001 if optimizer == "rmsprop" else 0.003
    config = SMALL.replace(
        architecture="mlp-50",
        optimizer=optimizer,
        learning_rate=rate,
        momentum=0.9,
        clip_norm=5,
        label_smoothing=0.05,
        weight_decay=1e-4,
    )
    if optimizer == "muon":
        config = config.replace(architecture="flatten linear(32) relu linear(32) relu linear(classes)")
    whole, parts = run_to_end(store, config), run_to_end(store, config, stop_at=16)
    assert whole.validation_accuracy is not None
    assert whole.validation_accuracy > 0.7
    assert fingerprint(store, whole) == fingerprint(store, parts)


def test_bfloat16_trains_to_about_the_same_place(store):
    plain, half = run_to_end(store, SMALL), run_to_end(store, SMALL.replace(precision="bfloat16"))
    assert plain.test_accuracy is not None
    assert half.test_accuracy == pytest.approx(plain.test_accuracy, abs=0.02)


def test_a_diverging_run_ends_as_diverged_with_a_hint_and_keeps_its_curve(store):
    config = SMALL.replace(architecture="linear-50-10", optimizer="sgd", learning_rate=100)
    run = run_to_end(store, config.replace(epochs=5))
    assert run.state == "diverged"
    assert "epoch" in run.note
    assert "learning rate of 10" in run.note
    losses = store.metrics(run.id, names=["train_loss"])["value"]
    assert losses.iloc[:-1].notna().all()
    assert not torch.isfinite(torch.tensor(losses.iloc[-1]))


def test_early_stopping_waits_for_its_patience_and_the_best_epoch_is_kept(store):
    config = SMALL.replace(
        architecture="mlp-300", epochs=60, early_stopping=2, learning_rate=0.01, checkpoint_every=1000
    )
    run = run_to_end(store, config)
    assert run.state == "finished"
    assert run.best_epoch is not None
    assert run.epoch == run.best_epoch + 2 < 60
    assert "stopped early" in run.note
    accuracies = store.metrics(run.id, names=["validation_accuracy"])["value"]
    assert accuracies.max() == run.validation_accuracy == accuracies.iloc[run.best_epoch - 1]
    assert {artifact.epoch for artifact in trained.checkpoints(store, run)} == {run.best_epoch, run.epoch}
    images = load_data(config, store.root, "cpu").test.images.numpy()
    labels = load_data(config, store.root, "cpu").test.labels.numpy()
    answers = trained.run_probabilities(store, run, images)
    assert (answers.argmax(1) == labels).mean() == pytest.approx(run.test_accuracy)


# Accuracies of this run on 10 images: 0.3, 0.5, 0.5, 0.5, 0.6, 0.7, 0.8, 0.8, 0.7, 0.7, while the loss falls until
# epoch 8.
PATIENT = SMALL.replace(train_images=60, validation_images=10, epochs=30, early_stopping=2, seed=1, learning_rate=0.003)


def test_patience_counts_accuracy_alone_while_the_best_epoch_is_still_chosen_by_the_loss_too(store):
    run = run_to_end(store, PATIENT)
    accuracies = store.metrics(run.id, names=["validation_accuracy"])["value"].tolist()
    losses = store.metrics(run.id, names=["validation_loss"])["value"].tolist()
    assert accuracies[1] == accuracies[2] == accuracies[3] > accuracies[0]
    assert losses == sorted(losses, reverse=True)
    # The run ends two epochs after the accuracy last rose.
    assert run.epoch == 4
    # Among equal accuracies the epoch with the lowest loss is the best.
    assert run.best_epoch == 4
    assert "after epoch 2:" in run.note


@pytest.mark.parametrize("epoch", [2, 3])
def test_patience_outlives_an_interruption(store, epoch):
    """Interrupt where the accuracy last rises, and during patience; each epoch has one step."""
    whole, parts = run_to_end(store, PATIENT), run_to_end(store, PATIENT, stop_at=epoch)
    assert (parts.epoch, parts.note) == (whole.epoch, whole.note)
    assert fingerprint(store, whole) == fingerprint(store, parts)


def test_a_run_that_began_under_the_old_rule_of_patience_ends_under_it(store):
    run = store.enqueue(PATIENT, claimed=True)
    interrupt = threading.Event()
    for event in work(store, run, interrupt):
        if isinstance(event, EpochEnd) and event.epoch == 3:
            interrupt.set()
    as_recorded_before_there_were_rules(store, run)
    again = store.claim(store.requeue(run.id).id)
    assert again is not None
    train_now(store, again)
    run = store.run(run.id)
    assert (run.epoch, run.best_epoch) == (10, 8)


def as_recorded_before_there_were_rules(store: Store, run: Run) -> None:
    """Remove what runs of an earlier version lack: versions of rules, and `risen_epoch` in checkpoints."""
    with store.engine.begin() as connection:
        rules = '{"patience": 1, "training_loss": 1}'
        connection.exec_driver_sql("UPDATE runs SET rules = ? WHERE id = ?", (rules, run.id))
    for artifact in trained.checkpoints(store, run):
        path = store.folder(run.id) / artifact.path
        whole = checkpoints.load_checkpoint(path)
        del whole.progress["risen_epoch"]
        checkpoints.save_checkpoint(whole, path)
        with store.engine.begin() as connection:
            sha256, size = hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size
            connection.exec_driver_sql(
                "UPDATE artifacts SET sha256 = ?, size = ? WHERE run = ? AND path = ?",
                (sha256, size, run.number, artifact.path),
            )


def test_the_recorded_training_loss_is_the_plain_one_whatever_smooths_the_labels(tmp_path):
    config = SMALL.replace(optimizer="sgd", momentum=0, learning_rate=0.1, label_smoothing=0.3)
    data, twin = data_of(config, tmp_path), network_of(config)
    chosen = epoch_order(1000, config.seed, 1)[:64]
    logits, labels = twin(data.inputs(data.train.images[chosen])), data.train.labels[chosen]
    for rules, smoothing in ((None, 0.0), (TrainingRules(training_loss=1), 0.3)):
        first = next(
            event
            for event in train_network(network_of(config), data, config, rules=rules)
            if isinstance(event, StepEnd)
        )
        wanted = F.cross_entropy(logits, labels, label_smoothing=smoothing).item()
        assert first.loss == pytest.approx(wanted, rel=1e-6)


def test_which_loss_is_recorded_changes_no_weight(tmp_path):
    config = SMALL.replace(label_smoothing=0.3, architecture="mlp-50")
    data, ends = data_of(config, tmp_path), []
    for rules in (TrainingRules(training_loss=1), TrainingRules()):
        model = network_of(config)
        assert isinstance([*train_network(model, data, config, rules=rules)][-1], RunFinished)
        ends.append(model.state_dict())
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_without_validation_images_the_last_epoch_counts(store):
    run = run_to_end(store, SMALL.replace(validation_images=0))
    assert (run.best_epoch, run.validation_accuracy) == (2, None)
    assert run.test_accuracy is not None


def test_mnist_without_files_becomes_mnist_5k_and_says_so(store):
    run = run_to_end(store, RunConfig(architecture="softmax", epochs=1))
    assert run.state == "finished"
    assert run.dataset == run.config.dataset == "mnist-5k"
    assert "mnist-5k" in run.note
    assert run.digest == run.config.digest()


def test_a_network_that_does_not_fit_fails_with_the_reason(store):
    run = run_to_end(store, SMALL.replace(architecture="linear(10)"))
    assert run.state == "failed"
    assert "flatten" in run.note


def test_a_missing_device_is_named_with_a_remedy(store):
    device = "mps" if torch.cuda.is_available() else "cuda"
    run = run_to_end(store, SMALL.replace(device=device))
    assert run.state == "failed"
    assert run.note.startswith("device:")
    assert "Choose cpu" in run.note


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(store):
    run = store.enqueue(SMALL.replace(epochs=3), claimed=True)
    interrupt = threading.Event()
    for event in work(store, run, interrupt):
        if isinstance(event, EpochEnd) and event.epoch == 2:
            interrupt.set()
    last = trained.checkpoints(store, run)[-1]
    # The last checkpoint was saved in the middle of epoch 3.
    assert (last.step or 0) > 32
    (store.folder(run.id) / last.path).write_bytes(b"rotten")
    store.requeue(run.id)
    again = store.claim()
    assert again is not None
    events = list(work(store, again))
    assert isinstance(events[0], RunStarted)
    assert events[0].first_step == 32
    assert fingerprint(store, run_to_end(store, SMALL.replace(epochs=3))) == fingerprint(store, store.run(run.id))


def test_the_state_before_the_first_step_has_the_first_rate():
    config = SMALL.replace(schedule="one-cycle", learning_rate=0.1)
    state = TrainingState.start(network_of(config), config)
    assert state.progress()["step"] == 0
    assert learning_rate(config, 0, 16) == pytest.approx(0.1 / 25)
