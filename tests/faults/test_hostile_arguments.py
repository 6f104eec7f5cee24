"""Hostile arguments of the command line: one message and exit code 1 or 2, within seconds."""

import io
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import typer

from mnist_core import sweeps
from mnist_core.architectures.table import describe_architecture
from mnist_core.commands.cli import app, main
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import ArchitectureError, ConfigError, ExportError, StoreError
from mnist_core.export import mlflow
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from tests.labs import trained_run

ROOT = Path(__file__).parents[2]
SECONDS = 5.0
TYPED = [
    "nan",
    "-1",
    "1e308",
    "9" * 400,
    "a" * 5000,
    "\udcff",
    "[/red]",
    "",
    "٣",
    "\x1b[31m",
    "a\nb",
    "nowhere/x",
    "PIPE",
]
# Commands that train or ask questions get a setting that makes them refuse.
REFUSED = {
    ("train",): ["--epochs", "0"],
    ("sweep", "run"): ["--epochs", "0"],
    ("study", "run"): ["--experiment", "x"],
    ("luck", "run"): ["--epochs", "0"],
}
SETTINGS = set(RunConfig.model_fields)


def commands(group: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    for name, command in getattr(group, "commands", {}).items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with a finished run."""
    folder = tmp_path_factory.mktemp("trained") / "results"
    store = Store.open(folder)
    small = RunConfig(dataset="mnist-5k", train_images=100, epochs=1, architecture="softmax")
    trained_run(store, small)
    return folder


@pytest.fixture
def run(trained: Path, own_lab: Path) -> Run:
    shutil.copytree(trained, own_lab)
    return Store.open(own_lab).find("1")


def outcome(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[object, float]:
    """The exit code of the command line in this process, and its seconds; anything but an exit is an error."""
    monkeypatch.setattr(sys, "argv", ["mnist_core", *arguments])
    began = time.perf_counter()
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code, time.perf_counter() - began


def typed(path: tuple[str, ...], command: object, value: str) -> Iterator[list[str]]:
    """The command with this value for each of its arguments and options in turn."""
    parameters: list = getattr(command, "params", [])
    required = [parameter for parameter in parameters if parameter.param_type_name == "argument" and parameter.required]
    for parameter in parameters:
        if parameter.param_type_name == "argument":
            yield [*path, *REFUSED.get(path, []), "--", value]
        elif not parameter.is_flag and parameter.name not in SETTINGS:
            yield [*path, *("1" for _ in required), *REFUSED.get(path, []), f"{parameter.opts[0]}={value}"]


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_whatever_is_typed_ends_in_a_message(
    path: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo(tmp_path / "PIPE")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    # Its folder is the only argument of this command, and what it writes is long.
    for value in TYPED[-5:] if path == ("study", "report") else TYPED:
        for arguments in typed(path, COMMANDS[path], value):
            code, seconds = outcome(arguments, monkeypatch)
            printed = capsys.readouterr()
            assert code in (0, 1, 2), arguments
            assert seconds < SECONDS, arguments
            assert "Traceback" not in printed.err + printed.out
            assert code == 0 or printed.err + printed.out, arguments
    assert (tmp_path / "PIPE").is_fifo()
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_no_value_of_a_setting_ends_in_a_traceback(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for value in ("nan", "9" * 400, "a" * 5000):
        flag = f"--{name.replace('_', '-')}={value}"
        code, seconds = outcome(["sweep", "run", "--axis", "learning_rate=0.1,0.2", flag], monkeypatch)
        assert code in (1, 2)
        assert seconds < SECONDS
        assert len(capsys.readouterr().err) < 20_000


@pytest.mark.usefixtures("run")
def test_an_empty_text_names_neither_run_nor_sweep(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sweeps.launch_sweep(Store.open(), sweeps.Sweep("one", RunConfig(dataset="mnist-5k"), (), seeds=2))
    for command in (["delete"], ["prune"], ["sweep", "stop"], ["sweep", "retry"]):
        assert outcome([*command, ""], monkeypatch)[0] == 2
        assert "names no" in capsys.readouterr().err
    assert len(Store.open().runs()) == 3


def test_bytes_that_are_no_text_are_refused_in_a_process(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mnist_core", "show", b"\xff\xfe"],
        cwd=ROOT,
        capture_output=True,
        check=False,
        env=os.environ | {"MNIST_LAB_RESULTS": str(tmp_path)},
    )
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert done.stderr.startswith(b"Error: argument: ")


def test_a_pipe_in_the_place_of_a_file_stays_one(run: Run, tmp_path: Path) -> None:
    from mnist_core.export import formats
    from mnist_core.export.archive import archive

    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Exception, match="not a file"):
        formats.write_export(Store.open(), run, "csv", tmp_path / "pipe")
    with pytest.raises(archive.ArchiveError, match="not a file"):
        archive.read_archive(Store.open(), tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()
    assert [child.name for child in tmp_path.iterdir() if child.name != "results"] == ["pipe"]


# MLflow imports parts of SQLAlchemy and others that warn of their future.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_server_that_does_not_answer_is_told_within_seconds(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # Importing MLflow takes seconds and must not be measured.
    pytest.importorskip("mlflow", reason="the MLflow extra is not installed (requirements-mlflow.txt)")
    monkeypatch.setattr(mlflow, "_ANSWER_SECONDS", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        for address in (f"http://127.0.0.1:{port}", "http://127.0.0.1:1", "http://", "http://127.0.0.1:99999"):
            began = time.perf_counter()
            with pytest.raises(StoreError, match="no server answers") as caught:
                mlflow.write_to_mlflow(Store.open(), run, address)
            assert time.perf_counter() - began < SECONDS
            assert "sqlite:///mlflow.db" in str(caught.value)


def test_a_server_that_is_silent_after_its_first_answer_is_told_within_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mlflow, "_ANSWER_SECONDS", 0.5)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def answer_once() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK")

        answering = threading.Thread(target=answer_once)
        answering.start()
        began = time.perf_counter()
        with pytest.raises(StoreError, match="no server answers"):
            mlflow._check_answer(f"http://127.0.0.1:{server.getsockname()[1]}")
        assert time.perf_counter() - began < SECONDS
        answering.join()


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("name", ["\x1b[31m.py", "\u202eyp.exe"])
def test_the_name_of_a_written_file_steers_no_terminal(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["mnist_core", "export", "1", f"--output={name}"])
    with pytest.raises(SystemExit):
        main()
    printed = capsys.readouterr()
    assert (tmp_path / name).is_file()
    assert name[0] not in printed.out + printed.err


FORMS = ["script", "safetensors", "onnx", "csv", "parquet", "zip", "report"]


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("form", FORMS)
def test_a_command_replaces_its_earlier_file_and_no_other_unless_it_is_asked_to(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if form == "onnx":
        pytest.importorskip("onnx")
    target = tmp_path / "taken"
    command = ["report", "1"] if form == "report" else ["export", "1", "--as", form]
    command += ["-o", str(target)]
    target.write_text("my notes on MNIST Lab, an import, config.json and run.json\n")
    notes = target.read_bytes()
    assert outcome(command, monkeypatch)[0] == 2
    assert target.read_bytes() == notes
    assert "--overwrite" in capsys.readouterr().err
    assert outcome([*command, "--overwrite"], monkeypatch)[0] == 0
    written = target.read_bytes()
    assert written != notes
    assert outcome(command, monkeypatch)[0] == 0
    assert [path.name for path in tmp_path.iterdir() if path.name != "results"] == ["taken"]


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("command", [["export", "1", "--as", "csv"], ["report", "1"]])
def test_a_command_writes_through_no_link_and_into_no_folder_or_device(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "dangling", "pipe"):
        assert outcome([*command, "--overwrite", "-o", str(tmp_path / name)], monkeypatch)[0] == 2, name
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "mine").read_text() == "kept"
    assert not (tmp_path / "nothing").exists()
    assert (tmp_path / "pipe").is_fifo()


def test_a_path_that_is_none_is_refused_by_the_api(run: Run) -> None:
    from mnist_core.export import formats

    with pytest.raises(ExportError, match="path"):
        formats.write_export(Store.open(), run, "csv", Path("a\0b"))


def test_a_number_of_many_digits_is_refused_by_its_field() -> None:
    for name in ("epochs", "train_images", "checkpoint_every", "learning_rate"):
        with pytest.raises(ConfigError) as caught:
            RunConfig.parse({name: 10**5000})
        assert caught.value.field == name
        assert len(str(caught.value)) < 200


AXES = [
    ("learning_rate", "1e-5..1 log " + "9" * 5000),
    ("learning_rate", "1..2 log ٣"),
    ("learning_rate", "0.000_1,1"),
    ("epochs", "1_0,20"),
    ("learning_rate", "１,２"),
    ("epochs", "-1e308..1e308 linear 5"),
    ("epochs", "1e300..1e301 linear 5"),
    ("train_images", "1..9007199254740993 linear 5"),
    ("width", "-1e308..1e308 linear 1000"),
    ("width", "1e-300..1e308 log 5"),
    ("width", "9" * 400),
    ("dropout", "-1.5e308..1.5e308 linear 3"),
    ("dataset", "a" * 5000),
    ("normalise", "a" * 5000),
    ("x" * 5000, "1,2"),
    ("a\0", "1,2"),
]


@pytest.mark.parametrize(("field", "text"), AXES, ids=lambda text: ascii(text[:24]))
@pytest.mark.parametrize("method", ["grid", "random"])
def test_an_axis_that_cannot_be_computed_is_refused_by_its_name(
    field: str, text: str, method: Literal["grid", "random"]
) -> None:
    with pytest.raises(ConfigError) as caught:
        sweeps.Sweep("", RunConfig(dataset="mnist-5k"), (sweeps.parse_values(field, text),), method, 3).configs()
    assert len(str(caught.value)) < 600
    assert str(caught.value).isprintable()
    assert caught.value.field[:20] == field[:20].replace("\0", "").strip()


@pytest.mark.parametrize(
    ("name", "value"), [("random_seed", -1), ("random_seed", 10**30), ("samples", 0), ("seeds", 0)]
)
def test_a_sweep_with_a_number_that_cannot_be_is_refused_by_its_field(name: str, value: int) -> None:
    axis = sweeps.parse_values("learning_rate", "1e-3..1 log")
    numbers: dict[str, Any] = {"samples": 2, name: value}
    with pytest.raises(ConfigError) as caught:
        sweeps.Sweep("", RunConfig(dataset="mnist-5k"), (axis,), "random", **numbers).configs()
    assert caught.value.field == name


def test_a_truth_is_no_number_and_minus_zero_is_zero() -> None:
    for name in ("batch_size", "epochs", "learning_rate", "train_images", "seed"):
        with pytest.raises(ConfigError) as caught:
            RunConfig.parse({name: True})
        assert caught.value.field == name
    assert RunConfig.parse({"weight_decay": -0.0, "momentum": "-0"}).digest() == RunConfig(momentum=0).digest()
    assert repr(RunConfig(momentum=-0.0).momentum) == "0.0"


@pytest.mark.parametrize(
    "text",
    [
        "a" * 3999,
        "9" * 3000,
        "linear(a" + "b" * 3000 + ")",
        "flatten linear(10, " + "x" * 3000 + "=1)",
        "flatten linear(１０)",
        "flatten linear(٣) relu linear(classes)",
    ],
    ids=lambda text: ascii(text[:16]),
)
def test_a_message_on_a_network_repeats_no_long_word_and_digits_are_plain(text: str) -> None:
    with pytest.raises(ArchitectureError) as caught:
        describe_architecture(text, (1, 28, 28), 10)
    assert len(str(caught.value)) < 500


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("digits", ["1_000", "１２", "٣"])
def test_numbers_are_plain_digits_in_flags_and_settings(
    digits: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (
        ["train", "--queue", f"--epochs={digits}"],
        ["train", "--queue", f"--learning-rate={digits}"],
        ["train", "--queue", f"--seeds={digits}"],
        ["list", f"--limit={digits}"],
        ["show", digits],
    ):
        assert outcome([*command], monkeypatch)[0] == 2, command
        assert digits in capsys.readouterr().err
    with pytest.raises(ConfigError) as caught:
        RunConfig.parse({"epochs": digits})
    assert caught.value.field == "epochs"
    assert len(Store.open().runs()) == 1


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("text", ["a" * 5000, "a " * 2500])
def test_a_wrong_use_of_the_command_line_is_told_in_few_letters(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (
        [text],
        [f"--{text}"],
        ["show", "1", text],
        ["list", f"--state={text}"],
        ["list", f"--limit={text}"],
    ):
        assert outcome(command, monkeypatch)[0] == 2
        assert 20 < len(capsys.readouterr().err) < 3500


@pytest.mark.usefixtures("run")
def test_an_error_repeats_no_word_of_thousands_of_letters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["show"], ["resume"], ["delete"], ["import"], ["sweep", "show"], ["data", "download"]):
        assert outcome([*command, "a" * 5000], monkeypatch)[0] == 2
        assert 20 < len(capsys.readouterr().err) < 1000
