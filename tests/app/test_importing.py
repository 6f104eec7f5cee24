"""The upload of a run's zip on a page: the run is there, or the page says why not."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mnist_core.config import RunConfig
from mnist_core.export import archive
from mnist_core.store import Store

pytestmark = pytest.mark.usefixtures("quiet")


def page() -> None:
    from dashboard import importing

    importing.show()


@pytest.fixture
def given(tmp_path: Path) -> bytes:
    """The zip of a run of another lab."""
    there = Store.open(tmp_path / "there")
    run = there.enqueue(RunConfig(architecture="softmax"), "from *elsewhere*", claimed=True)
    there.finish(run, "stopped")
    archive.write(there, there.run(run.id), tmp_path / "run.zip")
    return (tmp_path / "run.zip").read_bytes()


def test_an_uploaded_run_is_imported_once(own_lab: Path, given: bytes):
    at = AppTest.from_function(page).run()
    at.file_uploader[0].upload("run.zip", given, "application/zip").run()
    assert not at.exception
    assert "from \\*elsewhere\\*" in at.success[0].value
    assert [run.name for run in Store.open(own_lab).runs()] == ["from *elsewhere*"]
    at.file_uploader[0].upload("run.zip", given, "application/zip").run()
    assert "is here already" in at.error[0].value
    assert len(Store.open(own_lab).runs()) == 1


def test_something_else_is_refused_with_its_reason(own_lab: Path):
    at = AppTest.from_function(page).run()
    at.file_uploader[0].upload("run.zip", b"no zip", "application/zip").run()
    assert not at.exception
    assert "was not imported" in at.error[0].value
    assert not Store.open(own_lab).runs()
