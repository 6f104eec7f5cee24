"""A results folder that may only be read: what is there is shown, what would be written is refused with a remedy."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnist_core.config.run_config import RunConfig
from mnist_core.errors import StorageError
from mnist_core.store.store import Store
from mnist_core.text import in_markdown
from tests.app.pages import opened, ran, tables

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def read_only(own_lab: Path) -> Iterator[Path]:
    """A results folder with a run that nobody may write to.

    Root may write to any folder, so for root it is a file system that is mounted read-only.
    """
    own_lab.mkdir(parents=True)
    root = os.geteuid() == 0
    if root and subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(own_lab)], capture_output=True).returncode:
        pytest.skip("root can be kept from writing by a file system only, and none can be mounted here")
    try:
        store = Store.open()
        store.finish(store.enqueue(RunConfig(), "kept", claimed=True), "finished", test_accuracy=0.5)
        store.engine.dispose()
        if root:
            subprocess.run(["mount", "-o", "remount,ro", str(own_lab)], check=True)
        else:
            own_lab.chmod(0o500)
        yield own_lab
    finally:
        if root:
            subprocess.run(["umount", "-l", str(own_lab)], check=True)
        else:
            own_lab.chmod(0o700)


def test_runs_can_be_read_and_changes_are_refused(read_only: Path):
    store = Store.open()
    run = store.find("1")
    assert run.name == "kept"
    assert store.metrics(run.id).empty
    for change in (
        lambda: store.enqueue(RunConfig()),
        lambda: store.rename(run.id, "other"),
        lambda: store.delete([run.id]),
        lambda: store.request(run.id, "stop"),
        lambda: store.stop_all([run.id]),
        lambda: store.set_setting("runs_at_once", 1),
    ):
        with pytest.raises(StorageError) as refused:
            change()
        assert refused.value.kind == "read-only"
        assert str(read_only / "runs.db") in str(refused.value)
        assert "MNIST_LAB_RESULTS" in str(refused.value)
    assert store.runs() == [run]


@pytest.mark.parametrize("page", ["compare", "train", "inspect", "draw", "sweeps", "studies", "data"])
def test_every_page_opens(page: str, read_only: Path):
    at = opened(page, **({"table": "true"} if page == "compare" else {}))
    if page == "compare":
        assert tables(at)["runs-table"]["Name"].tolist() == ["kept"]


def test_a_change_by_somebody_who_may_write_is_seen(read_only: Path):
    if os.geteuid():
        pytest.skip("only root can give the right to write to others alone")
    store = Store.open()
    assert [run.name for run in store.runs()] == ["kept"]
    store.engine.dispose()
    subprocess.run(["mount", "-o", "remount,rw", str(read_only)], check=True)
    other = Store.open()
    other.rename(other.find("1").id, "changed")
    other.engine.dispose()
    subprocess.run(["mount", "-o", "remount,ro", str(read_only)], check=True)
    assert [run.name for run in store.runs()] == ["changed"]


def test_a_run_that_cannot_be_stopped_says_why(read_only: Path):
    if os.geteuid():
        pytest.skip("only root can give the right to write and take it away")
    subprocess.run(["mount", "-o", "remount,rw", str(read_only)], check=True)
    other = Store.open()
    waiting = other.enqueue(RunConfig())
    other.engine.dispose()
    subprocess.run(["mount", "-o", "remount,ro", str(read_only)], check=True)
    at = opened("train", runs=waiting.number)
    ran(at.button(key=f"stop-{waiting.number}").click())
    assert in_markdown(str(read_only / "runs.db")) in at.toast[0].value
    assert Store.open().run(waiting.id).state == "queued"
