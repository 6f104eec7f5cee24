"""A run handed to MLflow: settings as parameters, metrics with their history, files as artifacts; an optional extra."""

import contextlib
import json
import os
import re
import socket
import sqlite3
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_core.analysis import measures, trained
from mnist_core.errors import StoreError
from mnist_core.store import Run, Store
from mnist_core.text import brief_value, fitted, in_markdown, one_line

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

EXPERIMENT = "MNIST Lab"

# MLflow takes at most this many metrics in one request.
_BATCH = 1000
# MLflow cuts or refuses longer settings and tags; config.json holds them whole.
_VALUE = 5000
# The most letters that a tag's name may have.
_NAME = 250
# MLflow refuses these characters in a tag's name.
_NO_NAME = re.compile(r"[^A-Za-z0-9_.\- ]")
_STATUS = {
    "finished": "FINISHED",
    "diverged": "FAILED",
    "failed": "FAILED",
    "running": "RUNNING",
    "queued": "SCHEDULED",
}
_SQLITE = re.compile(r"sqlite(\+\w+)?:", re.IGNORECASE)
# Every tracking store has this table, from MLflow's first version on.
_MLFLOW_TABLE = "experiments"
# A message of MLflow or of a server is cut after this many letters.
_REASON = 300
# The databases on servers that MLflow can use, and the ports at which they answer.
_DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
# A server must answer within this time; MLflow itself would try for many minutes.
_ANSWER_SECONDS = 5.0
# For one export, however many requests it takes.
EXPORT_SECONDS = 900.0
# After an export was given up, it has so long to remove what it has written.
_REMOVAL_SECONDS = 5.0
# Limits for a server that stops answering later; the user's own environment variables come first.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "20", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}


def write_to_mlflow(
    store: Store, run: Run, tracking_uri: str, experiment: str = EXPERIMENT, seconds: float = EXPORT_SECONDS
) -> str:
    """Add the run to an MLflow tracking store, such as "sqlite:///mlflow.db", and return the id that it has there.

    Parameters are the settings; metrics stand at their step with their time; artifacts are config.json, the
    predictions and the checkpoint that counts. MLflow writes an infinite loss as the largest float. All of it may take
    so many `seconds`.
    Raises StoreError if MLflow is not installed, the tracking store cannot be used (within seconds if a server does not
    answer), or not everything was taken in time.
    """
    for name, text in (("tracking_uri", tracking_uri), ("experiment", experiment)):
        if not (isinstance(text, str) and text.strip() and text.isprintable()):
            raise StoreError(f"{name}: {brief_value(text)} cannot be used; give a text such as 'sqlite:///mlflow.db'")
    _sqlite_path(tracking_uri)
    result: Future[str] = Future()
    is_over = threading.Event()

    def export() -> None:
        try:
            result.set_result(_export(store, run, tracking_uri, experiment, is_over))
        except BaseException as error:
            result.set_exception(error)

    # In a thread of its own: a server that sends its answers byte by byte would keep this one for ever, because a limit
    # of `requests` counts from the last byte.
    thread = threading.Thread(target=export, name="mlflow-export", daemon=True)
    thread.start()
    try:
        return result.result(seconds)
    except TimeoutError:
        if result.done():
            raise
        raise StoreError(
            f"MLflow cannot write to {_without_password(tracking_uri)}: the server has not taken the whole run within "
            f"{seconds:.0f} s; a part of it may be there. Name another tracking store, or look at the server."
        ) from None
    finally:
        is_over.set()
        thread.join(_REMOVAL_SECONDS)


def _export(store: Store, run: Run, tracking_uri: str, experiment: str, is_over: threading.Event) -> str:
    """Add the run; removes what was written if it fails, or once `is_over` is set. Returns the id of the new run."""
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    # MLflow reads this variable at its import. It would send usage data over the network otherwise.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError:
        raise StoreError(
            "The MLflow exporter needs more packages: python -m pip install mlflow-skinny alembic"
        ) from None
    _check_answer(tracking_uri)
    began = int(1000 * (run.started or run.created))
    try:
        client = MlflowClient(tracking_uri=tracking_uri)
        existing = client.get_experiment_by_name(experiment)
        number = existing.experiment_id if existing else client.create_experiment(experiment, _artifacts(tracking_uri))
        run_id = client.create_run(number, start_time=began, run_name=one_line(run.name)).info.run_id
        try:
            _log_content(client, run_id, store, run, began, is_over)
            ended = int(1000 * run.finished) if run.finished else began + int(1000 * run.seconds)
            client.set_terminated(run_id, _STATUS.get(run.state, "KILLED"), end_time=ended)
        except BaseException:
            # Remove what was written so far: half a run would be mistaken for a whole one.
            client.delete_run(run_id)
            raise
    except (MlflowException, SQLAlchemyError, OSError, ImportError, ValueError) as error:
        reason = _without_password((str(error) or type(error).__name__).splitlines()[0])
        where = _without_password(tracking_uri)
        raise StoreError(f"MLflow cannot write to {where}: {reason}. Name another tracking store.") from None
    return run_id


def _log_content(
    client: "MlflowClient", run_id: str, store: Store, run: Run, began: int, is_over: threading.Event
) -> None:
    """Log settings, tags, metrics and files of a run that began at this time (ms) under its id in MLflow.

    Raises StoreError once `is_over` is set.
    """
    from mlflow.entities import Param, RunTag

    settings = run.config.model_dump(mode="json")
    client.log_batch(
        run_id,
        params=[Param(name, _text(value)) for name, value in settings.items()],
        tags=[RunTag(name, _text(value)) for name, value in _tags(run).items()],
    )
    for batch in _batches(store, run, began):
        _check_time(is_over)
        client.log_batch(run_id, metrics=batch)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.json"
        config.write_text(json.dumps(settings, indent=2))
        for path in (config, *_files(store, run)):
            _check_time(is_over)
            client.log_artifact(run_id, str(path))


def _check_time(is_over: threading.Event) -> None:
    if is_over.is_set():
        raise StoreError("the export was ended")


def _check_answer(tracking_uri: str) -> None:
    """Raise StoreError at once if the server or SQLite file cannot be used; MLflow itself would retry for minutes.

    A SQLite file with tables but none of MLflow's belongs to another program, and cannot be used either.
    """
    from sqlalchemy.exc import SQLAlchemyError

    path = _sqlite_path(tracking_uri)
    try:
        if tracking_uri.lower().startswith(("http://", "https://")):
            # A proxy may answer the first request for a dead server. Only the server itself can answer the second.
            for endpoint in ("health", "api/2.0/mlflow/experiments/get-by-name?experiment_name=Default"):
                # An HTTP error is an answer, too: the server lives, and MLflow will explain the error.
                with contextlib.suppress(urllib.error.HTTPError):
                    urllib.request.urlopen(f"{tracking_uri.rstrip('/')}/{endpoint}", timeout=_ANSWER_SECONDS).close()
        elif path is not None:
            if path.exists() and not path.is_file():
                raise OSError("it is not a file")
            path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(path, timeout=_ANSWER_SECONDS)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if tables and _MLFLOW_TABLE not in tables:
                # MLflow would add its own tables to them, and bring them to its own schema.
                raise OSError("it holds the tables of another program")
        else:
            _check_database_server(tracking_uri)
    except (OSError, HTTPException, ImportError, ValueError, sqlite3.Error, SQLAlchemyError) as error:
        reason = _without_password(str(getattr(error, "reason", error)))
        answers = "no server answers there" if path is None else "its file cannot be used"
        raise StoreError(
            f"MLflow cannot write to {_without_password(tracking_uri)}: {answers} ({reason}). Start a server with "
            "`mlflow server`, or name another tracking store, such as sqlite:///mlflow.db."
        ) from None


def _check_database_server(tracking_uri: str) -> None:
    """Connect once if the address is one of a database on a server.

    Raises OSError or SQLAlchemyError, and ImportError where its driver is missing.
    """
    import sqlalchemy as sa
    from sqlalchemy.exc import ArgumentError

    try:
        url = sa.make_url(tracking_uri)
    except (ArgumentError, ValueError):
        # A folder, or nothing that MLflow knows, which says so at once.
        return
    port = _DATABASE_PORTS.get(url.get_backend_name())
    if port is None:
        return
    # A host that is switched off does not answer for minutes, whatever the driver.
    socket.create_connection((url.host or "localhost", url.port or port), _ANSWER_SECONDS).close()
    sa.create_engine(url, poolclass=sa.NullPool).connect().close()


def _without_password(text: str) -> str:
    """Shorten an error message to one line, without the user name and password of a server's address."""
    return one_line(re.sub(r"//[^/@\s]*@", "//…@", text))[:_REASON]


def _artifacts(tracking_uri: str) -> str | None:
    """The folder for artifacts beside a SQLite file; by default, MLflow would use the current directory."""
    path = _sqlite_path(tracking_uri)
    return None if path is None else (path.resolve().parent / "mlartifacts").as_uri()


def _sqlite_path(tracking_uri: str) -> Path | None:
    """The file that a SQLite address names, as SQLAlchemy reads it; None for another address. Raises StoreError."""
    from sqlalchemy import exc, make_url

    if not _SQLITE.match(tracking_uri):
        return None
    with contextlib.suppress(exc.ArgumentError, ValueError):
        url = make_url(tracking_uri)
        text = url.database or ""
        if not (url.query or url.host or text in ("", ":memory:") or text.startswith("file:")):
            return Path(text)
    raise StoreError(
        f"MLflow cannot write to {_without_password(tracking_uri)}: this address holds more or less than the path of "
        "a file. Write sqlite:///mlflow.db, or sqlite:////full/path/mlflow.db."
    )


def _tags(run: Run) -> dict[str, str]:
    tags = {
        "mnist-lab.run": str(run.number),
        "mnist-lab.id": run.id,
        "mnist-lab.state": run.state,
        "mnist-lab.digest": run.digest,
        "mnist-lab.epoch chosen on": run.config.chosen_on,
        "mlflow.note.content": in_markdown(run.note),
    }
    versions = run.version_texts.items()
    tags |= {f"mnist-lab.version.{_NO_NAME.sub(' ', name)}"[:_NAME]: one_line(text) for name, text in versions}
    # The run's tags are the value of one MLflow tag, because names of MLflow tags allow fewer characters.
    return tags | {"mnist-lab.tags": ", ".join(run.tags)}


def _batches(store: Store, run: Run, began: int) -> "Iterator[list[Metric]]":
    from mlflow.entities import Metric

    table = store.metrics(run.id)
    columns = (table[name].to_numpy().tolist() for name in ("name", "value", "seconds", "step"))
    points = [
        Metric(measures.metric_name(run, name), value, began + int(1000 * seconds), step)
        for name, value, seconds, step in zip(*columns, strict=True)
    ]
    last = began + int(1000 * run.seconds)
    points += [
        Metric(measures.metric_name(run, name), value, last, run.step)
        for name in ("test_loss", "test_accuracy")
        if (value := getattr(run, name)) is not None
    ]
    for start in range(0, len(points), _BATCH):
        yield points[start : start + _BATCH]


def _files(store: Store, run: Run) -> list[Path]:
    """Files to upload: predictions and chosen checkpoint, if the run has them. Raises StoreError if one is damaged."""
    artifacts = store.artifacts(run.id, kind="predictions")
    if trained.checkpoints(store, run):
        artifacts.append(trained.chosen_checkpoint(store, run))
    for file in artifacts:
        if not store.intact(run.id, file):
            raise StoreError(f"{file.path} of run #{run.number} is missing or damaged; bring it back from a backup")
    return [store.folder(run.id) / file.path for file in artifacts]


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return fitted(text, _VALUE)
