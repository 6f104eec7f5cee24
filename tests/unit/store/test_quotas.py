"""What a student may use: each bound at its edge, and kept from damaged settings."""

import dataclasses
import sys
import time
from pathlib import Path

import pytest

from mnist_core.config.luck_part import LuckPart
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import ConfigError, NotAllowedError
from mnist_core.export.archive.archive import read_archive
from mnist_core.export.formats import write_export
from mnist_core.jobs.worker import work
from mnist_core.store import (
    QUOTAS,
    Run,
    StudentStore,
    check_disk,
    count_waiting,
    let_in,
    queueing,
    read_quotas,
    set_allowed_folders,
    used_by_owner,
    used_bytes,
    write_quotas,
)
from mnist_core.store.quotas import Quotas
from mnist_core.store.schema import runs
from mnist_core.store.store import Store
from tests import small_folders
from tests.labs import train_now, trained_run

CONFIG = RunConfig(dataset="mnist-5k", architecture="softmax", train_images=200, validation_images=100, epochs=3)


@pytest.fixture
def lab() -> Store:
    return Store.open()


@pytest.fixture
def student(lab: Store) -> StudentStore:
    return StudentStore(lab, let_in(lab, "student")[0].id)


@pytest.mark.parametrize(
    ("quotas", "config", "field"),
    [
        (Quotas(epochs=2), CONFIG, "epochs"),
        # 784 x 10 weights and 10 biases.
        (Quotas(parameters=7849), CONFIG, "architecture"),
    ],
)
def test_a_run_beyond_a_bound_is_refused_by_its_field(lab, student, quotas: Quotas, config: RunConfig, field: str):
    write_quotas(lab, quotas)
    with pytest.raises(ConfigError) as refused:
        queueing.enqueue(student, config)
    assert refused.value.field == field
    assert queueing.enqueue(lab, config).owner is None
    write_quotas(lab, Quotas(epochs=3, parameters=7850))
    assert queueing.enqueue(student, config).owner == student.owner


def test_the_queue_takes_so_many_runs_of_a_student(lab: Store, student: StudentStore):
    write_quotas(lab, Quotas(queued=3))
    entries = [(CONFIG.replace(seed=seed), "") for seed in range(4)]
    with pytest.raises(ConfigError):
        queueing.enqueue_all(student, entries)
    assert lab.count_queued() == 0
    runs = queueing.enqueue_all(student, entries[:3])
    with pytest.raises(ConfigError):
        queueing.enqueue(student, CONFIG)
    student.request(runs[0].id, "stop")
    queueing.enqueue(student, CONFIG)
    with pytest.raises(ConfigError):
        queueing.requeue(student, runs[0])
    # Of another session of the same student that asks at the same moment, with the store itself.
    for add in (
        lambda: student.enqueue(CONFIG),
        lambda: student.enqueue_all([(CONFIG, "")]),
        lambda: student.requeue(runs[0].id),
    ):
        with pytest.raises(ConfigError):
            add()
    write_quotas(lab, Quotas(epochs=1))
    with pytest.raises(ConfigError) as refused:
        queueing.requeue(student, student.run(runs[0].id))
    assert refused.value.field == "epochs"
    queueing.enqueue_all(lab, entries)


def test_a_question_of_luck_counts_as_its_parts(lab: Store, student: StudentStore):
    write_quotas(lab, Quotas(queued=2))
    parts = [LuckPart(group="0" * 36, first_seed=10 * index, seeds=10) for index in range(3)]
    with pytest.raises(ConfigError):
        queueing.enqueue_parts(student, CONFIG, "luck", parts)
    assert len(queueing.enqueue_parts(student, CONFIG, "luck", parts[:2])) == 2
    assert {run.owner for run in lab.queue()} == {student.owner}
    assert len(queueing.enqueue_parts(lab, CONFIG, "luck", parts)) == 3


def test_files_beyond_the_room_of_a_student_keep_new_runs_out(lab: Store, student: StudentStore):
    run = queueing.enqueue(student, CONFIG)
    write_megabyte(lab, run)
    assert used_bytes(student) == 1_000_000
    assert used_bytes(StudentStore(lab, "another")) == 0
    write_quotas(lab, Quotas(megabytes=2))
    queueing.enqueue(student, CONFIG)
    write_quotas(lab, Quotas(megabytes=1))
    with pytest.raises(ConfigError):
        queueing.enqueue(student, CONFIG)


def test_a_run_of_a_student_is_stopped_and_tested_at_its_time(
    lab: Store, student: StudentStore, monkeypatch: pytest.MonkeyPatch
):
    run = queueing.enqueue(student, CONFIG.replace(epochs=50))
    claimed = lab.claim(run.id)
    assert claimed
    started, shift = time.monotonic(), 0.0
    monkeypatch.setattr("mnist_core.jobs.pulse.time.monotonic", lambda: started + shift)
    monkeypatch.setattr("mnist_core.jobs.pulse._BEAT_SECONDS", 0.01)
    for event in work(lab, claimed):
        if getattr(event, "epoch", 0) >= 2:
            shift = 60.0 * Quotas().minutes
            time.sleep(0.05)
    ended = lab.run(run.id)
    assert ended.state == "stopped"
    assert 2 <= ended.epoch < 50
    assert ended.test_accuracy is not None
    assert "class" in ended.note
    # Where nothing of its time is left it would stop again at once, so it is not queued.
    with pytest.raises(ConfigError):
        queueing.requeue(student, dataclasses.replace(ended, seconds=60.0 * Quotas().minutes))
    assert queueing.requeue(lab, ended).state == "queued"
    # A run of the teacher takes as long as it takes.
    teachers = lab.enqueue(CONFIG.replace(seed=1), claimed=True)
    assert train_now(lab, teachers).state == "finished"


def test_bounds_are_the_teachers_and_lie_within_their_ranges(lab: Store, student: StudentStore):
    with pytest.raises(NotAllowedError):
        write_quotas(student, Quotas())
    for name, quota in QUOTAS.items():
        for value in (quota.lowest - 1, quota.highest + 1):
            with pytest.raises(ConfigError) as refused:
                write_quotas(lab, Quotas(**{name: value}))
            assert refused.value.field == name
        write_quotas(lab, Quotas(**{name: quota.highest}))
        assert getattr(read_quotas(student), name) == quota.highest


@pytest.mark.parametrize(
    "stored", [None, [], "x", {"running": "2", "epochs": 0, "queued": True, "other": 3}, {"a": {}}]
)
def test_a_damaged_setting_gives_the_usual_bounds(lab: Store, stored: object):
    lab.set_setting("quotas", stored)
    assert read_quotas(lab) == Quotas()


def test_what_all_students_have_together_is_bounded(lab: Store, student: StudentStore):
    other = StudentStore(lab, let_in(lab, "student")[0].id)
    write_quotas(lab, Quotas(queued_together=2))
    # The teacher's runs are not counted.
    queueing.enqueue(lab, CONFIG)
    queueing.enqueue_all(student, [(CONFIG, ""), (CONFIG.replace(seed=1), "")])
    for add in (lambda: queueing.enqueue(other, CONFIG), lambda: other.enqueue(CONFIG)):
        with pytest.raises(ConfigError):
            add()
    assert count_waiting(lab) == {student.owner: 2}
    write_quotas(lab, Quotas(queued_together=4))
    run = queueing.enqueue(other, CONFIG)
    write_megabyte(lab, run)
    assert used_by_owner(lab) == {other.owner: 1_000_000}
    write_quotas(lab, Quotas(megabytes_together=1))
    with pytest.raises(ConfigError):
        queueing.enqueue(student, CONFIG)
    write_quotas(lab, Quotas(megabytes_together=2))
    queueing.enqueue(student, CONFIG)


# 15.7 million weights, which training needs four times with their gradients and the two numbers of Adam: 251 MB.
LARGE = CONFIG.replace(architecture="flatten linear(20000) linear(classes)", optimizer="adam", epochs=50)


def test_a_run_that_needs_more_memory_than_the_class_allows_does_not_wait(lab: Store, student: StudentStore):
    write_quotas(lab, Quotas(parameters=10**8, memory=200))
    with pytest.raises(ConfigError) as refused:
        queueing.enqueue(student, LARGE)
    assert refused.value.field == "batch_size"
    queueing.enqueue(lab, LARGE)
    write_quotas(lab, Quotas(parameters=10**8, memory=300))
    queueing.enqueue(student, LARGE)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a process how much memory it takes")
def test_a_run_of_a_student_that_takes_more_memory_is_stopped_and_tested(
    lab: Store, student: StudentStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("mnist_core.jobs.pulse._BEAT_SECONDS", 0.01)
    # The bound is another one when the run begins than when it was queued, as where an estimate was too low.
    write_quotas(lab, Quotas(parameters=10**8))
    run = queueing.enqueue(student, LARGE)
    write_quotas(lab, Quotas(memory=100))
    claimed = lab.claim(run.id)
    assert claimed
    for _ in work(lab, claimed):
        pass
    ended = lab.run(run.id)
    assert (ended.state, ended.epoch < 50) == ("stopped", True)
    assert "memory" in ended.note


def write_megabyte(lab: Store, run: Run) -> None:
    claimed = lab.claim(run.id)
    assert claimed

    def write(path: Path) -> None:
        path.write_bytes(bytes(1_000_000))

    lab.write_artifact(claimed, "a", "predictions", None, None, write)


def test_an_archive_beyond_the_room_of_a_student_is_not_unpacked(lab: Store, student: StudentStore, tmp_path: Path):
    elsewhere = Store.open(tmp_path / "there")
    run = trained_run(elsewhere, CONFIG.replace(epochs=1, architecture="flatten linear(500) linear(classes)"))
    write_export(elsewhere, run, "zip", tmp_path / "run.zip")
    assert used_bytes(elsewhere) > 1_000_000
    for quotas in (Quotas(megabytes=1), Quotas(megabytes_together=1)):
        write_quotas(lab, quotas)
        with pytest.raises(ConfigError) as refused:
            read_archive(student, tmp_path / "run.zip")
        assert refused.value.field == "archive"
        assert not lab.runs()
        # The teacher is bound by the disk alone.
        check_disk(lab, 10**12, "archive")
    write_quotas(lab, Quotas())
    assert read_archive(student, tmp_path / "run.zip").owner == student.owner


def test_an_archive_opens_no_folder_that_a_student_may_not_use(lab: Store, student: StudentStore, tmp_path: Path):
    elsewhere = Store.open(tmp_path / "there")
    run = small_folders.train(elsewhere, small_folders.config_of(small_folders.write_images(tmp_path / "images")))
    write_export(elsewhere, run, "zip", tmp_path / "run.zip")
    with pytest.raises(ConfigError) as refused:
        read_archive(student, tmp_path / "run.zip")
    assert refused.value.field == "folder"
    assert not lab.runs()
    assert not list(lab.root.glob(".import.*"))
    set_allowed_folders(lab, [str(tmp_path)])
    assert read_archive(student, tmp_path / "run.zip").owner == student.owner


def test_a_student_starts_a_run_over_whose_fingerprints_were_made_late(lab: Store, student: StudentStore):
    run = student.enqueue(CONFIG)
    with lab.engine.begin() as connection:
        connection.execute(runs.update().values(state="failed", started=1.0))
    lab.keep_fingerprints([run.number])
    assert lab.fingerprinted_late() == [run.number]
    assert queueing.requeue(student, student.run(run.id), from_scratch=True).state == "queued"
    assert lab.fingerprinted_late() == []
