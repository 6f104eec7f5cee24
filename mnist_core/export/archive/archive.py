"""Write a run as one zip to give away, and import such a zip after checking everything in it."""

import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from mnist_core import __version__
from mnist_core.analysis import measures
from mnist_core.config import Device, RunConfig, devices_json
from mnist_core.errors import ConfigError, StoreError
from mnist_core.export.archive import checks, format
from mnist_core.export.archive.format import (
    CONFIG,
    MANIFEST,
    METRICS,
    RUN,
    ArchiveError,
    Manifest,
    OldMachine,
    RunRecord,
)
from mnist_core.store import (
    IMPORTED,
    Artifact,
    Run,
    Store,
    check_disk,
    clean_comment,
    clean_tags,
    new_id,
    remove_leftovers_of,
    system_errors,
)
from mnist_core.text import one_line

_MEMBERS = 30_000
# The most bytes that an archive may unpack to.
_TOTAL = 8 * 2**30
# A member of more than _SMALL bytes that unpacks to more than this many times its packed size is taken for a zip bomb.
_RATIO = 100
_SMALL = 1_000_000
_CHUNK = 1 << 20
# A fixed date (the earliest that a zip can hold), so that the same run always gives the same bytes.
_DATE = (1980, 1, 1, 0, 0, 0)


def read_archive(store: Store, path: Path, most: int | None = None) -> Run:
    """Take the run in the zip at `path` into the store and return it, with a number of its own.

    It keeps its id unless another run has that. `most`: bytes that it may unpack to, if fewer than any run's. Raises
    ArchiveError (nothing was written) if anything about the archive is wrong, StoreError if this very run is here
    already, ConfigError if a student has no room for it.
    """
    remove_leftovers_of(store.root / "import")
    with _emptied_afterwards(store.root) as folder:
        manifest = _unpack(
            store, path, folder, min(shutil.disk_usage(store.root).free, _TOTAL if most is None else most)
        )
        config, record = _described(folder, manifest)
        rows = checks.metrics_of(folder / METRICS)
        files = [Artifact(**file.model_dump(), **manifest.members[file.path].model_dump()) for file in record.files]
        for file in files:
            if file.kind == "checkpoint":
                checks.check_checkpoint(folder / file.path, file.path, config, record.data)
            elif file.kind == "glimpses":
                checks.check_glimpses(folder / file.path, config, record.data)
            else:
                checks.check_predictions(folder / file.path, config, record.data)
        _refuse_twin(store, config, record, files)
        for name in format.REQUIRED:
            (folder / name).unlink()
        values = _values(store, config, record)
        run_folder = folder / "run"
        run_folder.mkdir()
        for child in [child for child in folder.iterdir() if child != run_folder]:
            child.rename(run_folder / child.name)
        number = store.add_imported(values, rows, files, run_folder)
    # By its number, because a student's run gets another id than the archive's.
    return store.find(f"#{number}")


@contextmanager
def _emptied_afterwards(root: Path) -> Iterator[Path]:
    """A temporary folder in `root`. Raises StorageError if it cannot be written, which is no fault of the archive.

    The folder's name holds the number of this process, so that it is found and removed if the process is killed.
    """
    suffix = f".{os.getpid()}.part"
    with system_errors(root), tempfile.TemporaryDirectory(prefix=".import.", suffix=suffix, dir=root) as temporary:
        yield Path(temporary)


def pack_archive(store: Store, run: Run, target: Path) -> None:
    """Write the archive directly to `target`, for a caller that makes the write atomic."""
    if run.active:
        raise StoreError(f"run #{run.number} is {run.state}: only a run that has ended or is paused can be taken away")
    if note := measures.changed_note(store.changed_runs([run])):
        raise StoreError(note)
    artifacts = store.artifacts(run.id)
    columns = store.metrics(run.id)
    table = pa.table({name: pa.array(columns[name].to_numpy(), kind) for name, kind in checks.METRIC_TYPES.items()})
    members: dict[str, dict[str, Any]] = {}
    with zipfile.ZipFile(target, "w") as archive:

        def add(name: str, size: int) -> IO[bytes]:
            info = zipfile.ZipInfo(name, _DATE)
            info.file_size, info.external_attr = size, 0o644 << 16
            if name.endswith(".json"):
                info.compress_type = zipfile.ZIP_DEFLATED
            return archive.open(info, "w")

        def add_bytes(name: str, content: bytes) -> None:
            with add(name, len(content)) as stream:
                stream.write(content)
            members[name] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}

        add_bytes(CONFIG, _json(run.config.model_dump(mode="json")))
        add_bytes(RUN, _json(_record_of(run, artifacts)))
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink)
        add_bytes(METRICS, sink.getvalue().to_pybytes())
        for file in artifacts:
            if not store.intact(run.id, file):
                raise StoreError(
                    f"{file.path} of run #{run.number} is missing or damaged; train it again to take it away"
                )
            with (store.folder(run.id) / file.path).open("rb") as source, add(file.path, file.size) as stream:
                shutil.copyfileobj(source, stream, _CHUNK)
            members[file.path] = {"sha256": file.sha256, "size": file.size}
        manifest = {"format": "mnist-lab run", "version": format.VERSION, "mnist_lab": __version__}
        content = _json(manifest | {"members": members})
        with add(MANIFEST, len(content)) as stream:
            stream.write(content)


def _record_of(run: Run, artifacts: Sequence[Artifact]) -> dict[str, Any]:
    """The run's row as the archive holds it, with the list of its files."""
    of_machine = ("devices", "versions", "rules")
    names = {name for name in RunRecord.model_fields if name not in ("files", "data", "comment", *of_machine)}
    record = {name: list(run.tags) if name == "tags" else getattr(run, name) for name in names}
    record["devices"] = devices_json(run.devices) or None
    record["versions"] = run.versions
    record["rules"] = run.rules and asdict(run.rules)
    if run.data is not None:
        record["data"] = run.data.model_dump(mode="json")
    if run.comment:
        record["comment"] = run.comment
    record["files"] = [{name: getattr(file, name) for name in ("path", "kind", "epoch", "step")} for file in artifacts]
    return record


def _unpack(store: Store, path: Path, folder: Path, free: int) -> Manifest:
    """Unpack the archive into `folder`, checking names, sizes and hashes; returns the manifest."""
    with _opened(path) as archive:
        members = archive.infolist()
        _check_members(members, free)
        check_disk(store, sum(info.file_size for info in members), "archive")
        _copy(archive, archive.getinfo(MANIFEST), folder)
        manifest = format.read_manifest(folder / MANIFEST)
        names = {info.filename for info in members} - {MANIFEST}
        if missing := sorted(manifest.members.keys() - names):
            raise ArchiveError(f"{missing[0]} is missing.")
        if extra := sorted(names - manifest.members.keys()):
            raise ArchiveError(f"it holds {extra[0]!r}, but its manifest says nothing of that.")
        for name, member in manifest.members.items():
            if archive.getinfo(name).file_size != member.size:
                raise ArchiveError(f"{name} is not as large as the manifest says.")
            if _copy(archive, archive.getinfo(name), folder) != member.sha256:
                raise ArchiveError(f"{name} is not what the manifest says (SHA-256).")
    return manifest


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open the zip and turn every error of reading it into an ArchiveError."""
    try:
        # Opening a pipe would wait for whoever fills it.
        if path.exists() and not path.is_file():
            raise ArchiveError(f"{path} is not a file.")
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError:
        raise ArchiveError(f"there is no file {path}.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise ArchiveError(f"it is not a complete zip file ({error}).") from None


def _check_members(members: list[zipfile.ZipInfo], free: int) -> None:
    if len(members) > _MEMBERS:
        raise ArchiveError(f"it holds {len(members):,} members, more than any run has.")
    seen: set[str] = set()
    for info in members:
        name = info.orig_filename
        if name != info.filename or not format.is_expected(name):
            raise ArchiveError(f"it holds {name!r}, which does not belong to a run.")
        if name in seen:
            raise ArchiveError(f"it holds {name} twice.")
        seen.add(name)
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise ArchiveError(f"{name} is not a plain file.")
        if info.flag_bits & 0x1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ArchiveError(f"{name} is encrypted, or packed in a way that this program does not use.")
        most = format.most_bytes(name)
        if info.file_size > min(_TOTAL if most is None else most, max(_SMALL, _RATIO * info.compress_size)):
            raise ArchiveError(f"{name} would unpack to {info.file_size:,} bytes, far more than a run's file.")
    for name in format.REQUIRED:
        if name not in seen:
            raise ArchiveError(f"it is not a run of MNIST Lab: {name} is missing.")
    total = sum(info.file_size for info in members)
    if total > min(_TOTAL, free):
        raise ArchiveError(f"it would unpack to {total:,} bytes; there is room for {min(_TOTAL, free):,}.")


def _copy(archive: zipfile.ZipFile, info: zipfile.ZipInfo, folder: Path) -> str:
    """Unpack one member, never more bytes than it declares; returns its SHA-256."""
    target = folder / info.filename
    digest, size = hashlib.sha256(), 0
    with system_errors(target):
        target.parent.mkdir(exist_ok=True)
        stream = target.open("xb")
    with stream, archive.open(info) as source:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > info.file_size:
                raise ArchiveError(f"{info.filename} unpacks to more bytes than it declares.")
            digest.update(chunk)
            with system_errors(target):
                stream.write(chunk)
                stream.flush()
    if size != info.file_size:
        raise ArchiveError(f"{info.filename} unpacks to fewer bytes than it declares.")
    return digest.hexdigest()


def _described(folder: Path, manifest: Manifest) -> tuple[RunConfig, RunRecord]:
    try:
        config = RunConfig.parse(format.read_json(folder / CONFIG))
    except ConfigError as error:
        raise ArchiveError(f"{CONFIG} does not fit: {error}.") from None
    values = format.read_json(folder / RUN)
    if manifest.version < 3:
        texts = {name: values.pop(name) for name in OldMachine.model_fields if name in values}
        values |= format.parse_model(OldMachine, texts, RUN).columns()
    record = format.parse_model(RunRecord, values, RUN)
    checks.check_rules(record.rules)
    checks.check_config(config, record.data)
    listed = [file.path for file in record.files]
    if sorted(listed) != sorted(manifest.members.keys() - {CONFIG, RUN, METRICS}):
        raise ArchiveError(f"{RUN} names other files than the archive holds.")
    if wrong := [file.path for file in record.files if format.kind_of(file.path) != file.kind]:
        raise ArchiveError(f"{RUN} gives {wrong[0]} a wrong kind.")
    return config, record


def _refuse_twin(store: Store, config: RunConfig, record: RunRecord, files: list[Artifact]) -> None:
    """Raise StoreError if the store already holds this very run, be it under another id."""
    for deleted in (False, True):
        for run in store.runs(digests=[config.digest()], deleted=deleted):
            same = (run.created, run.step, run.state) == (record.created, record.step, record.state)
            if same and {file.sha256 for file in store.artifacts(run.id)} == {file.sha256 for file in files}:
                where = ", but deleted: bring it back on the Compare page" if deleted else ""
                raise StoreError(f"This run is here already: it is run #{run.number}{where}.")


def _values(store: Store, config: RunConfig, record: RunRecord) -> dict[str, Any]:
    """The columns of the new run's row."""
    values = record.model_dump(exclude={"number", "files"}, mode="json")
    taken = store.runs(ids=[record.id]) or store.runs(ids=[record.id], deleted=True)
    day = time.strftime("%Y-%m-%d", time.gmtime(store.clock()))
    origin = f"Imported on {day}; it was run #{record.number} where it was trained."
    return values | {
        "id": new_id(store.clock()) if taken else record.id,
        # Pages and files will show this text of a stranger: keep it to one line of printable characters.
        "name": one_line(record.name) or f"run {record.number}",
        "tags": clean_tags([*record.tags, IMPORTED]),
        "note": one_line(f"{record.note} {origin}".strip()),
        "comment": clean_comment(record.comment),
        "devices": record.devices and [_printable(device) for device in record.devices],
        "versions": record.versions
        and {one_line(name): [*map(one_line, texts)] for name, texts in record.versions.items()},
        "config": config.model_dump(mode="json"),
        "digest": config.digest(),
    }


def _printable(device: Device) -> dict[str, Any]:
    return {name: one_line(text) if isinstance(text, str) else text for name, text in device.model_dump().items()}


def _json(values: dict[str, Any]) -> bytes:
    return json.dumps(values, indent=2, sort_keys=True, allow_nan=False).encode()
