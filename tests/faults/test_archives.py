"""Archives of runs: what is taken away comes back bit for bit; what is damaged or hostile changes nothing."""

import errno
import shutil
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

from mnist_core.analysis import trained
from mnist_core.config.device import Device
from mnist_core.config.rules import TrainingRules
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import StorageError, StoreError
from mnist_core.events import StepEnd
from mnist_core.export import formats
from mnist_core.export.archive import archive, checks
from mnist_core.jobs.worker import work
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from tests.faults.hostile_archives import HOSTILE, Members, checkpoint, edited, long_words, packed, signed

SMALL = RunConfig(dataset="mnist-5k", train_images=200, architecture="flatten linear(classes)", epochs=2)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Run, Path]:
    """A trained run with a loss of every unusual kind in it, and its archive."""
    folder = tmp_path_factory.mktemp("original")
    store = Store.open(folder / "results")
    # Makes the numbers of the runs differ.
    store.enqueue(SMALL.replace(seed=5))
    run = store.enqueue(SMALL, "to be given away", ["lecture 3"], claimed=True)
    for event in work(store, run):
        if isinstance(event, StepEnd) and event.step == 1:
            odd = [
                event._replace(loss=value) for value in (float("nan"), float("inf"), -float("inf"), 5e-324, 0.1 + 0.2)
            ]
            store.record(run, odd)
    run = store.run(run.id)
    assert run.state == "finished"
    formats.write_export(store, run, "zip", folder / "run.zip")
    return store, run, folder / "run.zip"


@pytest.fixture(scope="module")
def members(original: tuple[Store, Run, Path]) -> Members:
    with zipfile.ZipFile(original[2]) as whole:
        return {name: whole.read(name) for name in whole.namelist()}


@pytest.fixture
def lab(own_lab: Path) -> Iterator[Store]:
    """A store with a run of its own, which must be as it was after every refusal."""
    store = Store.open()
    run = store.enqueue(RunConfig(architecture="softmax"), claimed=True)
    store.write_artifact(run, "predictions.parquet", "predictions", 1, 1, fill)
    store.finish(run, "finished")
    before = everything(store)
    yield store
    assert everything(store) == before


def fill(path: Path) -> None:
    path.write_bytes(b"mine")


def everything(store: Store) -> tuple[dict[str, bytes | None], dict[str, list[Any]]]:
    """Every file beside the database, and every row in it."""
    files = {
        str(path): path.read_bytes() if path.is_file() else None
        for path in sorted(store.root.rglob("*"))
        if not path.name.startswith("runs.db")
    }
    engine = sa.create_engine(store.url)
    try:
        with engine.connect() as connection:
            tables = [*sa.inspect(connection).get_table_names(), "sqlite_sequence"]
            rows = {name: list(map(tuple, connection.execute(sa.text(f"SELECT * FROM {name}")))) for name in tables}
    finally:
        engine.dispose()
    return files, rows


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_archive_is_refused_and_nothing_is_written(lab: Store, members: Members, tmp_path: Path, case: str):
    change, message = HOSTILE[case]
    # A NUL in a name survives only in the bytes: zipfile itself would cut it on writing.
    path = packed({name.replace("\x00", "\x01"): content for name, content in change(members).items()}, tmp_path / "x")
    path.write_bytes(path.read_bytes().replace(b"\x01.exe", b"\x00.exe"))
    with pytest.raises(archive.ArchiveError, match="not imported") as caught:
        archive.read_archive(lab, path)
    assert message in str(caught.value)


def test_a_link_is_refused(lab: Store, members: Members, tmp_path: Path):
    path = packed({name: content for name, content in members.items() if name != "config.json"}, tmp_path / "x")
    with zipfile.ZipFile(path, "a") as whole:
        link = zipfile.ZipInfo("config.json")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        whole.writestr(link, "/etc/passwd")
    with pytest.raises(archive.ArchiveError, match="not a plain file"):
        archive.read_archive(lab, path)


def test_a_member_that_stands_in_it_twice_is_refused(lab: Store, members: Members, tmp_path: Path):
    path = packed(members, tmp_path / "x")
    with zipfile.ZipFile(path, "a") as whole, pytest.warns(UserWarning, match="Duplicate name"):
        whole.writestr("config.json", members["config.json"])
    with pytest.raises(archive.ArchiveError, match=r"it holds .* twice"):
        archive.read_archive(lab, path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "holds a name that no run records"),
        ({"use_dictionary": False, "compression": "zstd"}, "packed in a way"),
    ],
)
def test_a_long_word_in_every_row_is_refused_before_it_is_repeated(
    lab: Store, members: Members, tmp_path: Path, options: dict[str, Any], message: str
):
    # 200 MB as text
    bomb = long_words(100_000, 2_000, **options)
    assert len(bomb) < 500_000
    before = pa.default_memory_pool().max_memory()
    with pytest.raises(archive.ArchiveError, match=message):
        archive.read_archive(lab, packed(signed(members, **{"metrics.parquet": bomb}), tmp_path / "x"))
    assert pa.default_memory_pool().max_memory() - before < 30_000_000


@pytest.mark.parametrize("name", ["metrics.parquet", "predictions.parquet", "checkpoints"])
def test_damaged_bytes_raise_an_archive_error_and_nothing_else(
    original: tuple[Store, Run, Path], members: Members, name: str, tmp_path: Path
):
    name = checkpoint(members) if name == "checkpoints" else name
    random, config, data = np.random.default_rng(0), original[1].config, original[1].data
    check = {
        "metrics.parquet": lambda path: checks.metrics_of(path),
        "predictions.parquet": lambda path: checks.check_predictions(path, config, data),
    }.get(name, lambda path: checks.check_checkpoint(path, name, config, data))
    check(written(tmp_path / "x", members[name]))
    refused = 0
    for _ in range(100):
        content = bytearray(members[name])
        # Positions of the zip's headers.
        ends = [*range(min(3000, len(content))), *range(max(0, len(content) - 6000), len(content))]
        for position in random.choice(ends, 2):
            content[position] = random.integers(256)
        try:
            check(written(tmp_path / "x", bytes(content)))
        except archive.ArchiveError:
            refused += 1
    assert refused > 10


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_bomb_is_refused_before_it_is_unpacked(lab: Store, members: Members, tmp_path: Path):
    path = packed(signed(members, **{checkpoint(members): bytes(50_000_000)}), tmp_path / "x")
    assert path.stat().st_size < 1_000_000
    with pytest.raises(archive.ArchiveError, match="50,000,000 bytes"):
        archive.read_archive(lab, path)


def test_a_member_that_lies_about_its_size_is_refused(lab: Store, members: Members, tmp_path: Path):
    """The directory at the end of the zip states a smaller size than what is packed."""
    name = checkpoint(members)
    path = packed(members, tmp_path / "x")
    size = len(members[name]).to_bytes(4, "little")
    content = path.read_bytes()
    position = content.rindex(size, 0, content.rindex(name.encode()))
    path.write_bytes(content[:position] + (100).to_bytes(4, "little") + content[position + 4 :])
    with pytest.raises(archive.ArchiveError):
        archive.read_archive(lab, path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_truncated_archive_is_refused(lab: Store, original: tuple[Store, Run, Path], tmp_path: Path, share: float):
    content = original[2].read_bytes()
    (tmp_path / "x").write_bytes(content[: int(share * len(content))])
    with pytest.raises(archive.ArchiveError, match="not a complete zip file"):
        archive.read_archive(lab, tmp_path / "x")


# Fields of a zip's local heads and of its directory: signature, offset, bytes.
LOCAL_FLAGS, LOCAL_METHOD = (b"PK\x03\x04", 6, 2), (b"PK\x03\x04", 8, 2)
FLAGS, METHOD, PACKED, SIZE, OFFSET = (
    (b"PK\x01\x02", field_offset, 2 if field_offset < 20 else 4) for field_offset in (8, 10, 20, 24, 42)
)
DIRECTORY_SIZE, DIRECTORY = (b"PK\x05\x06", 12, 4), (b"PK\x05\x06", 16, 4)
Place = tuple[bytes, int, int]


@pytest.mark.parametrize(
    ("places", "value", "message"),
    [
        ((FLAGS, LOCAL_FLAGS), 1, "is encrypted"),
        *(((METHOD, LOCAL_METHOD), method, "packed in a way") for method in (1, 9, 12, 14, 93, 99)),
        ((SIZE,), 2**32 - 2, "would unpack to 4,294,967,294 bytes"),
        ((SIZE, PACKED), 2**32 - 2, "would unpack to"),
        ((SIZE, PACKED), 100_000_000, "would unpack to"),
        ((OFFSET,), 0, "not a complete zip file"),
        ((OFFSET,), 2**32 - 2, "not a complete zip file"),
        ((DIRECTORY,), 2**32 - 2, "not a complete zip file"),
        ((DIRECTORY_SIZE,), 2**32 - 2, "not a complete zip file"),
    ],
)
def test_a_zip_whose_heads_lie_is_refused_before_it_takes_room(
    lab: Store, members: Members, tmp_path: Path, places: tuple[Place, ...], value: int, message: str
):
    path = packed(members, tmp_path / "x")
    content = bytearray(path.read_bytes())
    for signature, offset, size in places:
        position = -1
        while (position := content.find(signature, position + 1)) >= 0:
            content[position + offset : position + offset + size] = value.to_bytes(size, "little")
    path.write_bytes(content)
    with pytest.raises(archive.ArchiveError, match=message):
        archive.read_archive(lab, path)


def test_a_visitors_archive_may_take_no_more_room_than_is_left_to_the_visitor(
    own_lab: Path, original: tuple[Store, Run, Path]
):
    with zipfile.ZipFile(original[2]) as whole:
        size = sum(info.file_size for info in whole.infolist())
    store = Store.open()
    with pytest.raises(archive.ArchiveError, match=rf"\b{size:,} bytes.* {size - 1:,}\."):
        archive.read_archive(store, original[2], size - 1)
    assert store.runs() == []
    assert archive.read_archive(store, original[2], size).name == original[1].name


def test_a_byte_that_changed_on_the_way_is_found(lab: Store, original: tuple[Store, Run, Path], tmp_path: Path):
    content = bytearray(original[2].read_bytes())
    # This lies inside the numbers of a checkpoint.
    content[content.index(b"__metadata__") + 20_000] ^= 1
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(archive.ArchiveError, match="CRC"):
        archive.read_archive(lab, tmp_path / "x")


def test_a_failure_of_the_database_leaves_nothing_behind(
    lab: Store, original: tuple[Store, Run, Path], monkeypatch: pytest.MonkeyPatch
):
    def full(self: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(StorageError) as refused:
        archive.read_archive(lab, original[2])
    assert refused.value.kind == "full"


def test_a_run_comes_back_bit_for_bit(own_lab: Path, original: tuple[Store, Run, Path]):
    source, run, path = original
    store = Store.open()
    here = archive.read_archive(store, path)
    assert (here.id, here.number) == (run.id, 1)
    assert here.tags == ("imported", "lecture 3")
    assert f"#{run.number}" in here.note
    same = (
        "name",
        "state",
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
        "images_per_second",
        "learning_rate",
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
    )
    assert {name: getattr(here, name) for name in same} == {name: getattr(run, name) for name in same}

    mine, theirs = store.metrics(here.id), source.metrics(run.id)
    assert len(mine) > 10
    assert {"nan", "inf", "-inf"} <= set(map(str, mine["value"]))
    assert mine.drop(columns="id").equals(theirs.drop(columns="id"))
    assert mine["value"].to_numpy().tobytes() == theirs["value"].to_numpy().tobytes()

    assert store.artifacts(here.id) == source.artifacts(run.id)
    assert len(store.artifacts(here.id, kind="checkpoint")) == 2
    assert all(store.intact(here.id, file) for file in store.artifacts(here.id))
    image = np.zeros((1, 1, 28, 28), dtype=np.uint8)
    assert np.array_equal(trained.run_probabilities(store, here, image), trained.run_probabilities(source, run, image))
    assert sorted(child.name for child in own_lab.iterdir() if not child.name.startswith("runs.db")) == [run.id]


@pytest.mark.parametrize("version", [1, 2])
def test_an_archive_of_an_earlier_program_says_what_it_was_trained_on(version: int, own_lab: Path):
    """Written by programs that had texts for devices, versions and rules."""
    store = Store.open()
    run = archive.read_archive(store, Path(__file__).with_name(f"archive_{version}.zip"))
    assert run.devices == (
        Device(kind="cpu", name="AMD EPYC 9B45", vectors="AVX-512", threads=1),
        Device(kind="cuda", name="NVIDIA H100 80GB HBM3"),
    )
    assert run.versions == {"mnist-lab": ("0.2.0",), "torch": ("2.12.0", "2.13.0"), "machine": ("Linux x86_64",)}
    assert run.rules == TrainingRules(patience=1, training_loss=2, kernels=1)
    assert (run.data is None) == (version == 1)
    assert store.curves(run.id)["train_loss"].value.tolist() == [2.0]
    assert store.changed_parts(run.id) == []


def test_the_same_run_is_not_taken_in_twice(own_lab: Path, original: tuple[Store, Run, Path]):
    store = Store.open()
    archive.read_archive(store, original[2])
    with pytest.raises(StoreError, match="#1"):
        archive.read_archive(store, original[2])
    store.delete([original[1].id])
    with pytest.raises(StoreError, match="deleted"):
        archive.read_archive(store, original[2])
    assert len(store.runs(deleted=True)) == 1


def test_an_id_that_is_taken_by_another_run_gives_way(own_lab: Path, members: Members, tmp_path: Path):
    store = Store.open()
    first = archive.read_archive(store, packed(members, tmp_path / "first"))
    other = archive.read_archive(store, packed(edited(members, "run.json", step=7), tmp_path / "other"))
    assert first.id != other.id
    assert store.metrics(other.id).drop(columns="id").equals(store.metrics(first.id).drop(columns="id"))
    with pytest.raises(StoreError, match="#2"):
        archive.read_archive(store, tmp_path / "other")


def test_the_same_run_gives_the_same_bytes_and_an_unfinished_or_damaged_one_none(
    original: tuple[Store, Run, Path], tmp_path: Path
):
    store, run, path = original
    formats.write_export(store, run, "zip", tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == path.read_bytes()
    with pytest.raises(StoreError, match="is queued"):
        formats.write_export(store, store.runs(states=["queued"])[0], "zip", tmp_path / "queued.zip")
    shutil.copytree(store.root, tmp_path / "copy")
    damaged = Store.open(tmp_path / "copy")
    (damaged.folder(run.id) / "predictions.parquet").write_bytes(b"")
    with pytest.raises(StoreError, match=r"predictions\.parquet"):
        formats.write_export(damaged, run, "zip", tmp_path / "damaged.zip")
    assert sorted(child.name for child in tmp_path.iterdir() if "zip" in child.name) == ["again.zip"]
