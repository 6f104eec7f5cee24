"""The command line as a process of its own: its output and its exit code."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from mnist_core.analysis.comparison import seed_groups
from mnist_core.commands import cli
from mnist_core.commands.cli import app
from mnist_core.config.fields import list_config_fields
from mnist_core.config.recipes import RECIPES
from mnist_core.config.run_config import RunConfig
from mnist_core.store.run import Run
from mnist_core.store.schema import runs as runs_table
from mnist_core.store.store import Store
from tests.labs import train_now

QUICK = ("--dataset", "mnist-5k", "--architecture", "softmax", "--train-images", "500", "--epochs", "2")


def lab(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What a command prints as a process of its own, which takes some seconds."""
    return subprocess.run(
        [sys.executable, "-m", "mnist_core", *arguments],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        timeout=120,
    )


def in_process(*arguments: str) -> str:
    """What a command that succeeds prints, without a process of its own."""
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_run_can_be_trained_listed_shown_and_deleted():
    trained = lab(
        "train", *QUICK, "--learning-rate", "0.01", "--no-normalise", "--name", "first", "--tag", "a", "--json"
    )
    assert trained.returncode == 0, trained.stderr
    printed = json.loads(trained.stdout)
    assert printed["state"] == "finished"
    assert printed["config"]["learning_rate"] == 0.01
    assert printed["config"]["normalise"] is False
    stored = Store.open().run(printed["id"])
    assert (stored.name, stored.tags, stored.test_accuracy) == ("first", ("a",), printed["test_accuracy"])

    listed = json.loads(lab("list", "--json").stdout)
    assert [run["id"] for run in listed] == [printed["id"]]
    shown = json.loads(in_process("show", "1", "--json"))
    assert {file["kind"] for file in shown["artifacts"]} == {"checkpoint", "predictions", "glimpses"}
    assert "first" in in_process("show", printed["id"][:20])
    in_process("delete", "1")
    assert json.loads(in_process("list", "--json")) == []


def test_a_stopped_run_goes_on_from_where_it_was():
    store = Store.open()
    run = store.enqueue(RunConfig(dataset="mnist-5k", architecture="softmax", epochs=2))
    store.request(run.id, "stop")
    resumed = lab("resume", "1", "--json")
    assert json.loads(resumed.stdout)["state"] == "finished"


def test_a_queued_run_waits_for_the_dashboard():
    assert "queued" in in_process("train", *QUICK, "--queue")
    assert [run.state for run in Store.open().runs()] == ["queued"]


def test_studies_are_listed_with_the_seeds_that_they_train():
    rows = {row["experiment"]: row for row in json.loads(CliRunner().invoke(app, ["study", "list", "--json"]).stdout)}
    assert (rows["deep-mlp"]["seeds"], rows["deep-mlp"]["runs"]) == (3, 6)
    assert (rows["mlp-relu"]["seeds"], rows["mlp-relu"]["runs"]) == (1, 2)


def test_several_seeds_are_queued_and_form_a_group():
    printed = in_process("train", *QUICK, "--seeds", "2", "--seed", "3", "--name", "mine", "--queue", "--json")
    queued_runs = [(run["name"], run["config"]["seed"], run["state"]) for run in json.loads(printed)]
    assert queued_runs == [("mine, seed 3", 3, "queued"), ("mine, seed 4", 4, "queued")]
    (group,) = seed_groups(Store.open().runs())
    assert (group.name, len(group.one_per_seed)) == ("mine", 2)


def test_without_queue_all_seeds_are_followed_to_their_end(monkeypatch: pytest.MonkeyPatch):
    followed = []

    def follow(store: Store, runs: Sequence[Run], interrupt: threading.Event, as_json: bool, again: str) -> list[Run]:
        followed.extend(run.config.seed for run in runs)
        store.request(runs[0].id, "stop")
        train_now(store, store.claim(runs[1].id) or runs[1])
        return store.runs(ids=[run.id for run in runs])

    monkeypatch.setattr("mnist_core.commands.cli.follow_all", follow)
    done = CliRunner().invoke(app, ["train", *QUICK, "--seeds", "2", "--json"])
    assert (done.exit_code, followed) == (0, [0, 1])
    assert [run["state"] for run in json.loads(done.stdout)] == ["stopped", "finished"]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("train", "--epochs", "0"), ("epochs:", "'0'")),
        (("train", "--architecture", "lenet"), ("lenet-5",)),
        (("show", "12"), ("'12'",)),
        (("data", "download", "imagenet"), ("imagenet", "mnist")),
    ],
    ids=lambda value: value[0],
)
def test_a_mistake_is_one_line_that_names_the_remedy(
    arguments: tuple[str, ...],
    parts: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr("sys.argv", ["mnist_core", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    message = capsys.readouterr().err
    assert len(message.strip().splitlines()) == 1
    assert all(part in message for part in parts)


def test_a_mistake_ends_the_process_without_a_traceback():
    failed = lab("show", "12")
    assert failed.returncode == 2
    assert "'12'" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_every_field_of_the_config_is_a_flag():
    text = " ".join(in_process("train", "--help").split())
    for field in list_config_fields():
        assert f"--{field.name.replace('_', '-')}" in text


def test_the_data_sets_are_listed_with_what_to_do():
    statuses = {status["name"]: status for status in json.loads(in_process("data", "list", "--json"))}
    assert statuses["mnist-5k"]["state"] == "ready"
    assert statuses["mnist"]["state"] == "missing"


def test_a_recipe_gives_all_settings_but_those_that_are_said():
    printed = json.loads(in_process("train", "--recipe", "fast-99", "--batch-size", "64", "--queue", "--json"))
    assert RunConfig.parse(printed["config"]) == RECIPES["fast-99"].config.replace(batch_size=64)


def test_a_name_of_brackets_or_escape_codes_is_printed_as_letters():
    store = Store.open()
    run = store.enqueue(RunConfig(dataset="mnist-5k", architecture="softmax"), "a [/b] [red]")
    # A store of an earlier version may hold it like this.
    with store.engine.begin() as connection:
        connection.execute(sa.update(runs_table).values(name="a [/b] [red]\x1b[31m\x07\nb", note="\x1b]0;x\x07"))
    for command in (["list"], ["show", str(run.number)]):
        done = CliRunner().invoke(app, command, env={"COLUMNS": "200"})
        assert done.exit_code == 0
        assert "a [/b] [red] [31m b" in done.stdout
        assert "\x1b" not in done.stdout


def test_an_error_that_nobody_thought_of_is_one_line_and_a_file_says_where_it_arose():
    program = "from mnist_core.commands import cli; cli.app = lambda **_: 1 / 0; cli.main()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert "ZeroDivisionError" in done.stderr
    (path,) = re.findall(r"\S+mnist-lab-\w+\.txt", done.stderr)
    assert "Traceback" in Path(path).read_text()
    Path(path).unlink()


@pytest.mark.parametrize("columns", [20, 60, 80, 200])
def test_a_list_loses_nothing_in_a_narrow_terminal(columns: int):
    store = Store.open()
    run = store.enqueue(RunConfig(choose_on="test"), "a name of several words", claimed=True)
    store.finish(run, "finished", test_accuracy=0.9377, seconds=0.4, epoch=5)
    listed = CliRunner().invoke(app, ["list"], env={"COLUMNS": str(columns)}).stdout.splitlines()
    words = " ".join(listed).split()
    assert {"disk", "time", "93.77%", "(optimistic)", "finished", "5/5", "0.4"} <= set(words)
    longest = max(len(line) for line in listed if not line.startswith("files"))
    assert longest <= columns or columns < 80


def test_the_command_lists_the_newest_and_says_how_many_more():
    store = Store.open()
    for seed in range(5):
        store.request(store.enqueue(RunConfig(seed=seed)).id, "stop")
    store.enqueue(RunConfig(seed=9))
    listed = CliRunner().invoke(app, ["list", "--limit", "2"], env={"COLUMNS": "200"}).stdout.splitlines()
    assert [line.split()[0] for line in listed[1:]] == ["6", "5", "4"]
    stopped = CliRunner().invoke(app, ["list", "--limit", "3", "--state", "stopped"], env={"COLUMNS": "200"})
    assert [line.split()[0] for line in stopped.stdout.splitlines()[1:]] == ["5", "4", "3", "2"]
    whole = CliRunner().invoke(app, ["list", "--limit", "6"], env={"COLUMNS": "200"}).stdout.splitlines()
    assert [line.split()[0] for line in whole[1:]] == ["6", "5", "4", "3", "2", "1"]
    records = json.loads(CliRunner().invoke(app, ["list", "--json", "--limit", "2"]).stdout)
    assert [record["number"] for record in records] == [6, 5]
