"""Fingerprints of a run's records, to notice changes from outside, which SQLite itself does not.

They are rows of the table of fingerprints: one a metric; OF_ROW of the run's own row, first its figures and then each
of its labels, which a person may change later; OF_FILES of the list of its files. Runs that ended under an earlier
version have no fingerprint of labels and files; what has none is taken as it is.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from mnist_core.store import measurements, rows
from mnist_core.store.artifacts import Artifact
from mnist_core.store.dialects import json_text
from mnist_core.store.run_curves import MetricSeries, RunCurves
from mnist_core.store.schema import SERIES, artifacts, fingerprints, runs

OF_ROW, OF_FILES = "", "#files"
# Errors of reading a row if a column holds a value of the wrong type.
UNREADABLE = (ValueError, TypeError, OverflowError, RecursionError)
# Columns of a run that never change once it has ended.
_RESULTS = (
    "id",
    "config",
    "digest",
    "created",
    "started",
    "finished",
    "epoch",
    "step",
    "steps_per_epoch",
    "parameters",
    "macs",
    "train_images",
    "seconds",
    "train_loss",
    "train_accuracy",
    "best_epoch",
    "validation_loss",
    "validation_accuracy",
    "test_loss",
    "test_accuracy",
    "devices",
    "versions",
    "rules",
    "data",
)
# Other columns that pages show: those that only the store may change after the end, and those added by later versions.
_LABELS = ("name", "tags", "note", "state", "sweep", "learning_rate", "images_per_second")
FINGERPRINTED = (*_RESULTS, *_LABELS)
_AS_JSON = ("config", "devices", "versions", "rules", "data", "tags")
# Hex digits of the fingerprint of all results, and of each label. Labels have one each: renaming a run must not
# hide that its note was changed from outside.
_RESULTS_DIGITS, _LABEL_DIGITS = 64, 12
# Stands for the fingerprint of the results if one of them cannot be read.
_NO_JSON = "0" * _RESULTS_DIGITS


def write_fingerprints(connection: sa.Connection, number: int) -> None:
    """Store the fingerprints of a run that has just ended, in the transaction that ends it. Raises ValueError."""
    forget_fingerprints(connection, number)
    digests = {**_of_metrics(connection, number), OF_FILES: files_digest(files_of(connection, number))}
    _insert(connection, number, {**digests, OF_ROW: _of_row(connection, number)})


def complete_fingerprints(connection: sa.Connection, number: int) -> None:
    """Store the missing fingerprints of an ended run, made from its records of now; the others stay as they are.

    Raises ValueError.
    """
    kept = read_fingerprints(connection, number)
    if OF_ROW not in kept:
        write_fingerprints(connection, number)
        return
    if not _labels_of(kept[OF_ROW]):
        labels = _labels_of(_of_row(connection, number))
        _replace(connection, number, OF_ROW, kept[OF_ROW] + "".join(labels.values()))
    if OF_FILES not in kept:
        _insert(connection, number, {OF_FILES: files_digest(files_of(connection, number))})


def forget_fingerprints(connection: sa.Connection, number: int) -> None:
    """Forget a run's fingerprints, because more will be recorded."""
    connection.execute(fingerprints.delete().where(fingerprints.c.run == number))


def read_fingerprints(connection: sa.Connection, number: int) -> dict[str, str]:
    """The fingerprints of a run by name; empty while it has not ended, and of runs from before schema 4."""
    query = sa.select(fingerprints.c.name, fingerprints.c.sha256).where(fingerprints.c.run == number)
    return {row.name: row.sha256 for row in connection.execute(query)}


def metric_names(kept: Iterable[str]) -> set[str]:
    """The names of metrics among these names of fingerprints."""
    return set(kept) - {OF_ROW, OF_FILES}


def relabel(connection: sa.Connection, numbers: Sequence[int], columns: Iterable[str]) -> None:
    """Store new fingerprints of the labels that this transaction has changed; those of other labels stay."""
    changed = [column for column in columns if column in _LABELS]
    query = sa.select(fingerprints.c.run, fingerprints.c.sha256)
    query = query.where(fingerprints.c.run.in_(numbers), fingerprints.c.name == OF_ROW)
    for number, kept in connection.execute(query).all() if changed else []:
        if labels := _labels_of(kept):
            now = _labels_of(_of_row(connection, number))
            labels |= {column: now[column] for column in changed}
            _replace(connection, number, OF_ROW, kept[:_RESULTS_DIGITS] + "".join(labels.values()))


def relist(connection: sa.Connection, number: int, before: Sequence[Artifact]) -> None:
    """Store a new fingerprint of a run's list of files, which this transaction has changed.

    If the list before the change, `before`, was not the recorded one, the old fingerprint stays, so that the run is
    still shown as changed.
    """
    if is_recorded_list(connection, number, before):
        _replace(connection, number, OF_FILES, files_digest(files_of(connection, number)))


def changed_metrics(recorded: RunCurves, kept: Mapping[str, str]) -> list[str]:
    """Names of metrics that differ from their fingerprints; a metric without a fingerprint counts as unchanged."""
    return [name for name, series in recorded.items() if name in kept and metric_digest(series) != kept[name]]


def changed_parts(connection: sa.Connection, number: int) -> list[str]:
    """The parts of a run that changed since it ended: names of metrics and of labels, "results", "files"."""
    kept = read_fingerprints(connection, number)
    names = sorted(metric_names(kept))
    try:
        changed = changed_metrics(measurements.read(connection, number, names)[1], kept)
    except UNREADABLE:
        changed = names
    if OF_ROW in kept:
        now = _of_row(connection, number, strict=False)
        changed += ["results"] * (now[:_RESULTS_DIGITS] != kept[OF_ROW][:_RESULTS_DIGITS])
        labels = _labels_of(now)
        changed += [label for label, digest in _labels_of(kept[OF_ROW]).items() if labels[label] != digest]
    if OF_FILES in kept and files_digest(files_of(connection, number)) != kept[OF_FILES]:
        changed.append("files")
    return changed


def changed_rows(
    connection: sa.Connection, numbers: Sequence[int] | None, checked: dict[int, tuple[int, bool]]
) -> list[int]:
    """Numbers of the runs whose results or labels changed since they ended, among `numbers` or all.

    `checked` caches the finding for each row by its number, with a hash of the row. Only rows that differ from the last
    check are examined in full, which takes most of the time with thousands of runs.
    """
    query = sa.select(runs.c.number, fingerprints.c.sha256, *_as_text(FINGERPRINTED))
    query = query.join(fingerprints, (fingerprints.c.run == runs.c.number) & (fingerprints.c.name == OF_ROW))
    if numbers is not None:
        query = query.where(runs.c.number.in_(numbers))
    changed = []
    for row in rows.readable(connection, query):
        number, kept, *values = tuple(row)
        content = hash((kept, *values))
        if number not in checked or checked[number][0] != content:
            now = _row_digest(values)
            checked[number] = content, now[: len(kept)] != kept or len(kept) not in (_RESULTS_DIGITS, len(now))
        if checked[number][1]:
            changed.append(number)
    return changed


def without_fingerprints(connection: sa.Connection) -> list[int]:
    """Numbers of ended runs that lack a fingerprint, because earlier versions stored none, or fewer."""
    begun = (runs.c.step > 0) | runs.c.started.is_not(None) | runs.c.state.in_(("finished", "diverged"))
    query = sa.select(runs.c.number).where(begun, runs.c.state.not_in(("queued", "running"))).order_by(runs.c.number)
    labelled = with_fingerprint(connection, OF_ROW, sa.func.length(fingerprints.c.sha256) > _RESULTS_DIGITS)
    complete = labelled & with_fingerprint(connection, OF_FILES)
    return [row.number for row in rows.readable(connection, query) if row.number not in complete]


def with_fingerprint(connection: sa.Connection, name: str, *conditions: sa.ColumnElement[bool]) -> set[int]:
    """Numbers of the runs that have the fingerprint of this name."""
    query = sa.select(fingerprints.c.run).where(fingerprints.c.name == name, *conditions)
    return set(connection.execute(query).scalars())


def results_before_8(row: Mapping[str, Any]) -> str:
    """The fingerprint that version 7 gave to the results of a run. `row`: its columns as stored, JSON as text."""
    names = [name for name in _RESULTS if name != "rules"]
    return _results_digest([row[name] for name in names], names, [name for name in _AS_JSON if name != "devices"])


def replace_results(connection: sa.Connection, number: int) -> None:
    """Store a new fingerprint of a run's results, which a migration has changed. Raises ValueError."""
    kept = read_fingerprints(connection, number)[OF_ROW]
    results = _of_row(connection, number)[:_RESULTS_DIGITS]
    _replace(connection, number, OF_ROW, results + kept[_RESULTS_DIGITS:])


def metric_digest(series: MetricSeries) -> str:
    """The SHA-256 of one series, as `Store.curves` gives it."""
    import numpy as np

    digest = hashlib.sha256()
    for array, kind in zip(series, ("<i8", "<i8", "<f8", "<f8"), strict=True):
        numbers = array.astype(kind)
        # NaN has many patterns of bits, and the database keeps only the word: hash the same one for each.
        digest.update(np.where(np.isnan(numbers), np.nan, numbers).tobytes() if kind == "<f8" else numbers.tobytes())
    return digest.hexdigest()


def files_of(connection: sa.Connection, number: int) -> list[Artifact]:
    """The list of a run's files in the database, in the order in which training wrote them."""
    columns = [artifacts.c[name] for name in ("path", "kind", "epoch", "step", "sha256", "size")]
    query = sa.select(*columns).where(artifacts.c.run == number)
    # Databases differ in where they put rows without a step, and in the order of equal ones.
    query = query.order_by(artifacts.c.step.nulls_first(), artifacts.c.path)
    return [Artifact(*row) for row in connection.execute(query)]


def is_recorded_list(connection: sa.Connection, number: int, files: Iterable[Artifact]) -> bool | None:
    """Whether the run had exactly these files when it ended; None if that was not recorded."""
    recorded = read_fingerprints(connection, number).get(OF_FILES)
    return None if recorded is None else recorded == files_digest(files)


def files_digest(files: Iterable[Artifact]) -> str:
    """The SHA-256 of a list of files; their order does not matter."""
    return _json_digest(sorted([file.path, file.kind, file.epoch, file.step, file.sha256, file.size] for file in files))


def _of_metrics(connection: sa.Connection, number: int) -> dict[str, str]:
    _, curves = measurements.read(connection, number, SERIES)
    return {name: metric_digest(series) for name, series in curves.items() if len(series.step)}


def _of_row(connection: sa.Connection, number: int, *, strict: bool = True) -> str:
    """The fingerprint of a run's row as it is now. With `strict` raises ValueError if a column is not JSON."""
    digest = _row_digest(connection.execute(sa.select(*_as_text(FINGERPRINTED)).where(runs.c.number == number)).one())
    if strict and digest.startswith(_NO_JSON):
        raise ValueError("a column of the run is not JSON")
    return digest


def _as_text(names: Iterable[str]) -> list[sa.ColumnElement[Any]]:
    """The columns to select, with JSON as its text."""
    return [json_text(runs.c[name]) if name in _AS_JSON else runs.c[name] for name in names]


def _row_digest(values: Sequence[Any]) -> str:
    """The fingerprint of a row: the SHA-256 of its results, then the first digits of the SHA-256 of each label."""
    results, labels = values[: len(_RESULTS)], values[len(_RESULTS) :]
    texts = (str(value).encode("utf-8", "surrogatepass") for value in labels)
    return _results_digest(results) + "".join(hashlib.sha256(text).hexdigest()[:_LABEL_DIGITS] for text in texts)


def _results_digest(values: Iterable[Any], names: Sequence[str] = _RESULTS, as_json: Sequence[str] = _AS_JSON) -> str:
    try:
        pairs = zip(names, values, strict=True)
        return _json_digest(
            [json.loads(value) if name in as_json and value is not None else value for name, value in pairs]
        )
    except UNREADABLE:
        return _NO_JSON


def _labels_of(kept: str) -> dict[str, str]:
    """The fingerprints of the labels within the fingerprint of a row; {} if an earlier version stored none."""
    digits = kept[_RESULTS_DIGITS:]
    starts = range(0, len(digits), _LABEL_DIGITS)
    return {label: digits[start : start + _LABEL_DIGITS] for label, start in zip(_LABELS, starts, strict=False)}


def _json_digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _insert(connection: sa.Connection, number: int, digests: Mapping[str, str]) -> None:
    values = [{"run": number, "name": name, "sha256": digest} for name, digest in digests.items()]
    if values:
        connection.execute(fingerprints.insert(), values)


def _replace(connection: sa.Connection, number: int, name: str, digest: str) -> None:
    same = (fingerprints.c.run == number) & (fingerprints.c.name == name)
    connection.execute(fingerprints.update().where(same).values(sha256=digest))
