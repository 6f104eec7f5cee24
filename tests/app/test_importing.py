"""The upload of a run's zip on a page: the run is there, or the page says why not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.controls import importing
from mnist_core.config.run_config import RunConfig
from mnist_core.export import formats
from mnist_core.store.store import Store

pytestmark = pytest.mark.usefixtures("quiet")


def page() -> None:
    from dashboard.controls import importing

    importing.show_import()


@pytest.fixture
def zipped_run(tmp_path: Path) -> bytes:
    """The zip of a run of another lab."""
    elsewhere = Store.open(tmp_path / "there")
    run = elsewhere.enqueue(RunConfig(architecture="softmax"), "from *elsewhere*", claimed=True)
    elsewhere.finish(run, "stopped")
    formats.write_export(elsewhere, elsewhere.run(run.id), "zip", tmp_path / "run.zip")
    return (tmp_path / "run.zip").read_bytes()


def test_an_uploaded_run_is_imported_once(own_lab: Path, zipped_run: bytes):
    at = AppTest.from_function(page).run()
    at.file_uploader[0].upload("run.zip", zipped_run, "application/zip").run()
    assert not at.exception
    assert "from \\*elsewhere\\*" in at.success[0].value
    assert [run.name for run in Store.open(own_lab).runs()] == ["from *elsewhere*"]
    at.file_uploader[0].upload("run.zip", zipped_run, "application/zip").run()
    assert "#1" in at.error[0].value
    assert len(Store.open(own_lab).runs()) == 1


@pytest.mark.parametrize(("limit", "value"), [("MAX_VISITOR_IMPORTS", "2"), ("MAX_VISITOR_IMPORTED_BYTES", "60 kB")])
def test_what_an_address_imports_is_bounded_however_often_the_page_is_loaded(
    own_lab: Path, tmp_path: Path, limit: str, value: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(f"MNIST_LAB_{limit}", value)
    elsewhere = Store.open(tmp_path / "there")
    zips = [with_file(elsewhere, number, tmp_path / f"{number}.zip").read_bytes() for number in range(3)]
    at = AppTest.from_function(page).run()
    for number, content in enumerate(zips[:2]):
        at.file_uploader[0].upload(f"{number}.zip", content, "application/zip").run()
        assert len(at.success) == 1
    at.file_uploader[0].upload("2.zip", zips[2], "application/zip").run()
    assert not at.exception
    assert len(at.error) == 1
    assert len(Store.open(own_lab).runs()) == 2
    again = AppTest.from_function(page).run()
    again.file_uploader[0].upload("2.zip", zips[2], "application/zip").run()
    assert len(again.error) == 1
    monkeypatch.setattr(importing, "_WINDOW_SECONDS", 0.0)
    later = AppTest.from_function(page).run()
    later.file_uploader[0].upload("2.zip", zips[2], "application/zip").run()
    assert len(Store.open(own_lab).runs()) == 3


def with_file(source: Store, number: int, path: Path) -> Path:
    """The zip of a run with about 20 kB of predictions."""
    table = pd.DataFrame({"split": "test", "index": range(200), "label": 0})
    table = table.assign(**{f"p{index}": np.random.default_rng(number).random(200) for index in range(10)})
    run = source.enqueue(RunConfig(architecture="softmax", seed=number), claimed=True)
    source.write_artifact(run, "predictions.parquet", "predictions", 1, 1, lambda target: table.to_parquet(target))
    source.finish(run, "stopped")
    formats.write_export(source, source.run(run.id), "zip", path)
    return path


def test_something_else_is_refused_with_its_reason(own_lab: Path):
    at = AppTest.from_function(page).run()
    for name in ("lesson.zip", "another.zip"):
        at.file_uploader[0].upload(name, b"no zip", "application/zip").run()
        assert not at.exception
        assert len(at.error) == 1
        assert name in at.error[0].value
    assert not Store.open(own_lab).runs()
