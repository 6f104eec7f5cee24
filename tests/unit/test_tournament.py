"""A tournament: equal budgets for all, and only entries that keep to the rules."""

import pytest

from mnist_core import tournament
from mnist_core.architectures import describe_architecture
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import ArchitectureError, ConfigError, NotAllowedError, StoreError
from mnist_core.store import IMPORTED, StudentStore
from mnist_core.store.store import Store


def test_the_budget_buys_a_small_network_more_epochs(lab: Store):
    now = tournament.begin_tournament(lab, "spring", "mnist", "mlp-100", 5)
    # 784 x 100 + 100 x 10 multiply-accumulates for each of 50,000 images, five times.
    assert now.budget == 5 * 50_000 * 79_400
    assert tournament.read_tournament(lab) == now
    epochs = {line: tournament.entry_config(now, line).epochs for line in ("mlp-100", "mlp-300", "softmax")}
    # 784-300-10 takes 238,200 an image; 784-10 takes 7,840, and 50 epochs are the most.
    assert epochs == {"mlp-100": 5, "mlp-300": 1, "softmax": 50}
    with pytest.raises(ConfigError, match="smaller"):
        tournament.entry_config(now, "flatten linear(2000) relu linear(classes)")
    with pytest.raises(ArchitectureError):
        tournament.entry_config(now, "flaten linear(classes)")
    for line, count in epochs.items():
        macs = describe_architecture(line, (1, 28, 28), 10).macs
        assert macs * 50_000 * count <= now.budget


def test_the_last_entry_of_each_person_that_keeps_the_rules_counts(lab: Store, students: list[StudentStore]):
    anna, ben, _ = students
    now = tournament.begin_tournament(lab, "spring", "mnist-5k", "mlp-100", 2)
    tournament.enter(anna, now, "softmax")
    last = tournament.enter(anna, now, "mlp-100")
    bens = tournament.enter(ben, now, "mlp-10")
    # The same tag on runs that train for longer, or with other settings.
    for changes in ({"epochs": 40}, {"epochs": 2, "learning_rate": 0.01}, {"dataset": "mnist"}):
        lab_run = ben.enqueue(RunConfig(**{"architecture": "mlp-100", "dataset": "mnist-5k", **changes}))
        ben.set_tags(lab_run.id, [now.tag])
    for store in (lab, anna, ben):
        assert {run.id for run in tournament.read_entries(store, now)} == {last.id, bens.id}
    assert [run.id for run in tournament.order_of_finish(tournament.read_entries(lab, now))] == [last.id, bens.id]


def test_only_the_teacher_begins_and_ends_one(lab: Store, students: list[StudentStore]):
    with pytest.raises(NotAllowedError):
        tournament.begin_tournament(students[0], "mine", "mnist", "softmax", 1)
    now = tournament.begin_tournament(lab, "spring", "mnist", "softmax", 1)
    with pytest.raises(NotAllowedError):
        tournament.end_tournament(students[0])
    assert tournament.read_tournament(students[0]) == now
    tournament.end_tournament(lab)
    assert tournament.read_tournament(lab) is None
    for line in ("", "a" * 5000):
        with pytest.raises(ConfigError):
            tournament.entry_config(now, line)
    for values in (("", "mnist", 1), ("name", "cifar10", 1), ("name", "mnist", 0), ("name", "mnist", 51)):
        with pytest.raises(ConfigError):
            tournament.begin_tournament(lab, values[0], values[1], "softmax", values[2])


def test_it_takes_no_entries_after_its_end_and_another_begins_without_any(lab: Store, students: list[StudentStore]):
    anna, ben, _ = students
    first = tournament.begin_tournament(lab, "spring", "mnist-5k", "mlp-100", 2)
    entry = tournament.enter(anna, first, "softmax")
    tournament.end_tournament(lab)
    with pytest.raises(StoreError):
        tournament.enter(ben, first, "softmax")
    second = tournament.begin_tournament(lab, "spring", "mnist-5k", "mlp-100", 2)
    with pytest.raises(StoreError):
        tournament.enter(ben, first, "softmax")
    assert second.name == "spring 2"
    assert tournament.read_entries(lab, second) == []
    assert [run.id for run in tournament.read_entries(lab, first)] == [entry.id]


def test_a_run_from_an_archive_is_no_entry_and_stays_marked(lab: Store, students: list[StudentStore]):
    now = tournament.begin_tournament(lab, "spring", "mnist-5k", "mlp-100", 2)
    entry = tournament.enter(students[0], now, "softmax")
    lab.set_tags(entry.id, [now.tag, IMPORTED])
    students[0].set_tags(entry.id, [now.tag, "mine"])
    assert set(lab.run(entry.id).tags) == {now.tag, "mine", IMPORTED}
    assert tournament.read_entries(lab, now) == []


@pytest.mark.parametrize(
    ("budget", "words"),
    [(999, "999 m"), (1_500_000, "1.5 million"), (2 * 10**12, "2 trillion")],
)
def test_a_budget_is_said_in_words(budget: int, words: str):
    assert tournament.budget_in_words(budget).startswith(words)
