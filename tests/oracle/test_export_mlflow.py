"""MLflow's own client reads the exported runs from a local SQLite tracking store."""

import contextlib
import json
import math
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mnist_core import environment
from mnist_core.commands import cli
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import StoreError
from mnist_core.events import EpochEnd, StepEnd
from mnist_core.export import mlflow as exporter
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from tests.app_process import ROOT

# MLflow imports parts of SQLAlchemy and other packages that warn about deprecation.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::sqlalchemy.exc.SADeprecationWarning"
)
CONFIG = RunConfig(dataset="mnist-5k", architecture="softmax", learning_rate=0.002, epochs=2)


def fill(path: Path) -> None:
    path.write_bytes(b"content")


def recorded() -> tuple[Store, Run]:
    store = Store.open()
    run = store.enqueue(CONFIG, "handed over", ["lecture 3", "lr=0.1", "a,b | c"], claimed=True)
    store.describe(run, started=1_700_000_000.25, versions={"torch": ["2.12.0", "2.13.0"]})
    steps = [StepEnd(step, 1, 1 / step, step / 2000, 0.002, 1.0, step / 100) for step in range(1, 1101)]
    steps.append(steps[-1]._replace(step=1101, loss=math.nan))
    store.record(run, [*steps, EpochEnd(1101, 1, 0.5, 0.8, 0.25, 0.9, True, 12.0)])
    for path, kind in (("predictions.parquet", "predictions"), ("checkpoints/epoch-0001.safetensors", "checkpoint")):
        store.write_artifact(run, path, kind, 1, 1101, fill)
    store.finish(store.run(run.id), "finished", test_accuracy=0.91, test_loss=0.3)
    return store, store.run(run.id)


def test_a_run_is_found_again_by_mlflow(tmp_path: Path):
    mlflow = pytest.importorskip("mlflow", reason="the MLflow extra is not installed (requirements-mlflow.txt)")
    store, run = recorded()
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = mlflow.MlflowClient(uri)
    logged = client.get_run(exporter.write_to_mlflow(store, run, uri))
    assert (logged.info.run_name, logged.info.status) == ("handed over", "FINISHED")
    assert logged.info.start_time == 1_700_000_000_250
    assert logged.data.params["architecture"] == "softmax"
    assert logged.data.params["learning_rate"] == "0.002"
    assert set(logged.data.params) == set(RunConfig.model_fields)
    assert logged.data.metrics["test_accuracy"] == pytest.approx(0.91)
    assert {logged.data.tags[key] for key in ("mnist-lab.id", "mnist-lab.version.torch")} == {
        run.id,
        "2.12.0, then 2.13.0",
    }
    assert logged.data.tags["mnist-lab.tags"] == "a,b | c, lecture 3, lr=0.1"

    losses = client.get_metric_history(logged.info.run_id, "train_loss")
    assert [metric.step for metric in losses] == list(range(1, 1102))
    assert [metric.value for metric in losses[:-1]] == [1 / step for step in range(1, 1101)]
    assert math.isnan(losses[-1].value)
    assert losses[99].timestamp == 1_700_000_001_250

    files = {file.path for file in client.list_artifacts(logged.info.run_id)}
    assert files == {"config.json", "predictions.parquet", "epoch-0001.safetensors"}
    config = Path(client.download_artifacts(logged.info.run_id, "config.json", str(tmp_path)))
    assert RunConfig.parse(json.loads(config.read_text())) == CONFIG
    # The artifacts lie beside the database, not where the test was started.
    assert (tmp_path / "mlartifacts").is_dir()

    again = client.get_run(exporter.write_to_mlflow(store, run, uri))
    assert again.info.experiment_id == logged.info.experiment_id
    assert again.info.run_id != logged.info.run_id


def test_what_fails_halfway_leaves_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    mlflow = pytest.importorskip("mlflow", reason="the MLflow extra is not installed (requirements-mlflow.txt)")
    store, run = recorded()
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    exporter.write_to_mlflow(store, run, uri)
    monkeypatch.setattr(exporter, "_tags", lambda run: {"no = name": "x"})
    with pytest.raises(StoreError, match="cannot write"):
        exporter.write_to_mlflow(store, run, uri)
    client = mlflow.MlflowClient(uri)
    number = client.get_experiment_by_name(exporter.EXPERIMENT).experiment_id
    assert [logged.info.status for logged in client.search_runs([number])] == ["FINISHED"]


def test_a_database_server_without_its_driver_is_named_without_its_password():
    pytest.importorskip("mlflow", reason="the MLflow extra is not installed (requirements-mlflow.txt)")
    store, run = recorded()
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"mssql+pymssql://user:hidden@127.0.0.1:{server.getsockname()[1]}/x"
        with pytest.raises(StoreError, match="another tracking store") as caught:
            exporter.write_to_mlflow(store, run, address)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "sqlite:///{}/file/mlflow.db",
        "sqlite:///{}",
        "sqlite:///{}/text.db",
        "postgresql://user:hidden@127.0.0.1:1/x",
        "nonsense://user:hidden@x",
    ],
)
def test_a_tracking_store_that_cannot_be_used_is_named_at_once_and_without_its_password(tmp_path: Path, address: str):
    pytest.importorskip("mlflow", reason="the MLflow extra is not installed (requirements-mlflow.txt)")
    (tmp_path / "file").write_text("")
    (tmp_path / "text.db").write_text("no database, but as long as one " * 200)
    store, run = recorded()
    began = time.perf_counter()
    with pytest.raises(StoreError, match="another tracking store") as caught:
        exporter.write_to_mlflow(store, run, address.format(tmp_path))
    assert time.perf_counter() - began < 8
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("address", ["sqlite:///{}", "sqlite+pysqlite:///{}", "sqlite:///{}?timeout=1"])
def test_the_database_of_another_program_is_refused_and_stays_as_it_is(tmp_path: Path, address: str):
    pytest.importorskip("mlflow", reason="the MLflow extra is not installed (requirements-mlflow.txt)")
    store, run = recorded()
    # A copy of the lab's own database, which a mistyped `-o` could name.
    database = tmp_path / "runs.db"
    with (
        closing(sqlite3.connect(environment.results_dir() / "runs.db")) as source,
        closing(sqlite3.connect(database)) as target,
    ):
        source.backup(target)
    before = database.read_bytes()
    with pytest.raises(StoreError, match=r"sqlite:///mlflow\.db"):
        exporter.write_to_mlflow(store, run, address.format(database))
    assert database.read_bytes() == before
    assert not (tmp_path / "mlartifacts").exists()


def test_the_command_writes_to_mlflow_db_here_unless_told_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    mlflow = pytest.importorskip("mlflow", reason="the MLflow extra is not installed (requirements-mlflow.txt)")
    store, run = recorded()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["mnist_core", "export", str(run.number), "--as", "mlflow"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    number = client.get_experiment_by_name(exporter.EXPERIMENT).experiment_id
    assert [logged.data.tags["mnist-lab.id"] for logged in client.search_runs([number])] == [run.id]
    assert store.run(run.id).state == "finished"


def test_without_mlflow_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch):
    store, run = recorded()
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(StoreError, match="pip install mlflow-skinny"):
        exporter.write_to_mlflow(store, run, "sqlite:///mlflow.db")


@pytest.mark.parametrize(
    "address",
    [
        "sqlite:///file:lab.db?uri=true",
        "sqlite:///file:lab.db",
        "sqlite:///lab.db?mode=ro",
        "sqlite+pysqlite:///file:lab.db?mode=memory&uri=true",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite://server/lab.db",
        "SQLITE:lab.db",
        "",
        " ",
        "sqlite:///a\0b",
        "sqlite:///\ud800.db",
        None,
        5,
    ],
)
def test_an_address_that_is_no_path_of_a_file_is_refused_and_makes_none(
    address: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    store, run = recorded()
    with pytest.raises(StoreError):
        exporter.write_to_mlflow(store, run, address)
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


@pytest.mark.long
def test_the_file_is_the_one_that_mlflow_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("mlflow", reason="the MLflow extra is not installed (requirements-mlflow.txt)")
    monkeypatch.chdir(tmp_path)
    store, run = recorded()
    exporter.write_to_mlflow(store, run, "sqlite:///my%20runs.db")
    assert sorted(path.name for path in tmp_path.glob("*.db")) == ["my runs.db"]


# Set once the server that drips has begun to.
asked = threading.Event()


class Dripping(BaseHTTPRequestHandler):
    """Answers the first questions like MLflow, and every later one byte by byte, without an end."""

    def do_GET(self) -> None:
        body = b"OK" if self.path == "/health" else b'{"experiment": {"experiment_id": "7", "name": "MNIST Lab"}}'
        self.answer(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("runs/create"):
            self.answer(b'{"run": {"info": {"run_id": "abc", "status": "RUNNING"}, "data": {}}}')
            return
        self.send_response(200)
        self.flush_headers()
        asked.set()
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b"X-More: 1\r\n")
                time.sleep(0.05)

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def dripping() -> Iterator[str]:
    asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Dripping)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.long
def test_an_export_to_a_server_that_never_ends_its_answers_has_a_limit(dripping: str, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("mlflow", reason="the MLflow extra is not installed (requirements-mlflow.txt)")
    monkeypatch.setattr(exporter, "_REMOVAL_SECONDS", 0.2)
    store, run = recorded()
    began = time.monotonic()
    with pytest.raises(StoreError, match="15 s"):
        exporter.write_to_mlflow(store, run, dripping, seconds=15)
    assert time.monotonic() - began < 60


@pytest.mark.long
def test_an_export_can_be_interrupted(dripping: str):
    pytest.importorskip("mlflow", reason="the MLflow extra is not installed (requirements-mlflow.txt)")
    recorded()
    command = [sys.executable, "-m", "mnist_core", "export", "1", "--as", "mlflow", "-o", dripping]
    process = subprocess.Popen(command, cwd=ROOT, text=True, stderr=subprocess.PIPE)
    assert asked.wait(180)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in errors
