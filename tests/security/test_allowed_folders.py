"""Students name image folders only below those that the teacher allows; links do not lead out of them."""

from pathlib import Path

import pytest

from mnist_core.config.run_config import RunConfig
from mnist_core.errors import ConfigError
from mnist_core.store import StudentStore, allowed_folders, let_in, queueing, set_allowed_folders
from mnist_core.store.store import Store
from tests.small_studies import write_photographs


@pytest.fixture
def lab() -> Store:
    return Store.open()


def config_of(folder: Path) -> RunConfig:
    return RunConfig(dataset="folder", folder=str(folder), architecture="flatten linear(classes)", batch_size=2)


def test_a_student_may_name_folders_below_the_allowed_ones_only(lab: Store, tmp_path: Path):
    inside, outside = tmp_path / "class" / "shapes", tmp_path / "private"
    for folder in (inside, outside):
        write_photographs(folder)
    (tmp_path / "class" / "link").symlink_to(outside)
    student = StudentStore(lab, let_in(lab, "student")[0].id)
    ways = (inside, outside, tmp_path / "class" / "link", tmp_path / "class" / ".." / "private", tmp_path)
    for folder in ways:
        with pytest.raises(ConfigError, match="folder"):
            queueing.enqueue(student, config_of(folder))
    set_allowed_folders(lab, [str(tmp_path / "class")])
    assert allowed_folders(student) == [str(tmp_path / "class")]
    assert queueing.enqueue(student, config_of(inside)).owner == student.owner
    for folder in ways[1:]:
        with pytest.raises(ConfigError, match="folder"):
            queueing.enqueue(student, config_of(folder))
    # Whoever uses the lab without logins, and the teacher, may name each folder.
    assert queueing.enqueue(lab, config_of(outside)).owner is None
    # A run that was queued before does not go on after the folder was withdrawn.
    run = next(run for run in student.runs() if run.owner == student.owner)
    student.request(run.id, "stop")
    set_allowed_folders(lab, [])
    with pytest.raises(ConfigError, match="folder"):
        queueing.requeue(student, student.run(run.id))


@pytest.mark.parametrize("path", ["relative", "/nowhere/at/all", "/\0"])
def test_only_folders_that_are_there_can_be_allowed(lab: Store, path: str):
    with pytest.raises(ConfigError):
        set_allowed_folders(lab, [path])
    assert allowed_folders(lab) == []
