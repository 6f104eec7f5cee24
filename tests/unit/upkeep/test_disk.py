"""How much disk space runs take, and how it is freed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_core.analysis import trained
from mnist_core.commands import cli
from mnist_core.config.run_config import RunConfig
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from mnist_core.text.rounding import size_in_words
from tests.labs import trained_run

SMALL = RunConfig(dataset="mnist-5k", train_images=100, architecture="softmax", epochs=6)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["mnist_core", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0), capsys.readouterr().out

    return run


def bytes_on_disk(store: Store, run: Run) -> int:
    return sum(path.stat().st_size for path in store.folder(run.id).rglob("*") if path.is_file())


def test_sizes_are_those_of_the_files(own_lab: Path, command: Callable[..., tuple[int, str]]):
    store = Store.open()
    runs = [trained_run(store, SMALL), trained_run(store, SMALL.replace(seed=1, epochs=2))]
    sizes = store.sizes()
    assert [sizes[run.id] for run in runs] == [bytes_on_disk(store, run) for run in runs]
    status, text = command("list", "--json")
    assert status == 0
    assert {entry["id"]: entry["bytes"] for entry in json.loads(text)} == sizes
    assert size_in_words(sum(sizes.values())) in command("list")[1]


def test_pruning_says_and_frees_what_lies_between_best_and_last(own_lab: Path, command: Callable[..., tuple[int, str]]):
    store = Store.open()
    run, other = trained_run(store, SMALL), trained_run(store, SMALL.replace(seed=1))
    before = bytes_on_disk(store, run)
    planned = json.loads(command("prune", "1", "--dry-run", "--json")[1])
    assert bytes_on_disk(store, run) == before
    assert json.loads(command("prune", "1", "--json")[1]) == planned
    assert before - bytes_on_disk(store, run) == planned["bytes"] > 0
    assert {item.epoch for item in trained.checkpoints(store, run)} == {run.best_epoch, 6}
    assert all(store.intact(run.id, file) for file in store.artifacts(run.id))
    assert trained.load_network(store, run)
    assert len(trained.checkpoints(store, other)) == 6
    # Nothing is left to free. Then runs are chosen by age and state.
    assert json.loads(command("prune", "1", "--json")[1])["bytes"] == 0
    assert json.loads(command("prune", "--older-than", "1", "--json")[1])["runs"] == []
    assert json.loads(command("prune", "--state", "failed", "--json")[1])["runs"] == []
    assert [item["number"] for item in json.loads(command("prune", "--state", "finished", "--json")[1])["runs"]] == [2]


def test_pruning_asks_for_a_choice_and_leaves_runs_that_train(own_lab: Path, command: Callable[..., tuple[int, str]]):
    store = Store.open()
    store.enqueue(SMALL)
    assert command("prune")[0] == 2
    assert command("prune", "1")[0] == 2
    assert command("prune", "--all")[0] == 0


def test_deleting_says_what_it_frees_and_can_be_made_final(own_lab: Path, command: Callable[..., tuple[int, str]]):
    store = Store.open()
    run, other = trained_run(store, SMALL.replace(epochs=1)), trained_run(store, SMALL.replace(epochs=1, seed=1))
    size = bytes_on_disk(store, run)
    assert size_in_words(size) in command("delete", "1")[1]
    assert bytes_on_disk(store, run) == size
    assert json.loads(command("prune", "--deleted", "--dry-run", "--json")[1])["bytes"] == size
    assert store.folder(run.id).is_dir()
    assert json.loads(command("prune", "--deleted", "--json")[1])["deleted"] == [run.id]
    assert not store.folder(run.id).exists()
    assert [left.id for left in store.runs()] == [other.id]


def test_what_is_gone_already_frees_nothing(own_lab: Path, command: Callable[..., tuple[int, str]]):
    store = Store.open()
    run, other = trained_run(store, SMALL), trained_run(store, SMALL.replace(seed=1))
    shutil.rmtree(store.folder(run.id))
    assert {entry["number"]: entry["bytes"] for entry in json.loads(command("list", "--json")[1])} == {
        1: 0,
        2: bytes_on_disk(store, other),
    }
    assert json.loads(command("prune", "1", "--dry-run", "--json")[1])["bytes"] == 0
    assert json.loads(command("prune", "1", "--json")[1])["bytes"] == 0
    command("delete", "1", "2")
    size = bytes_on_disk(store, other)
    assert json.loads(command("prune", "--deleted", "--json")[1])["bytes"] == size > 0


def test_a_deleted_run_that_still_trains_is_not_told_as_removed(own_lab: Path, command: Callable[..., tuple[int, str]]):
    store = Store.open()
    run = store.enqueue(SMALL, claimed=True)
    store.delete([run.id])
    assert json.loads(command("prune", "--deleted", "--json")[1])["deleted"] == []
    assert [left.id for left in store.runs(deleted=True)] == [run.id]


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (9949, "9.9 kB"),
        (9951, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (2_500_000_000, "2.5 GB"),
        (5 * 10**15, "5,000 TB"),
    ],
)
def test_sizes_in_words(count: int, words: str):
    assert size_in_words(count) == words
