"""Take away on the Compare page: which files are offered for a run; none is made before it is asked for."""

from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.controls import run_downloads
from mnist_core.config.run_config import RunConfig
from mnist_core.export import formats
from mnist_core.export.script.script import script_of_run
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from mnist_core.text import in_markdown
from tests.app.pages import opened
from tests.labs import train_now

pytestmark = pytest.mark.usefixtures("quiet")
TINY = RunConfig(dataset="mnist-5k", train_images=200, validation_images=100, architecture="softmax", epochs=1)


def prepare(store: Store) -> None:
    """Run 1 is trained, 2 goes on from it with another optimizer, 3 has not begun."""
    first = store.enqueue(TINY, "first", claimed=True)
    changed = TINY.replace(continue_from=first.id, continue_epoch=1, epochs=2, optimizer="sgd")
    for run in (first, store.enqueue(changed, "goes on", claimed=True)):
        train_now(store, run)
    store.request(store.enqueue(TINY, "idle").id, "stop")
    assert [run.state for run in store.runs()] == ["stopped", "finished", "finished"]


def section(**query: object) -> AppTest:
    return opened("compare", look="Take away", **query)


def offered(at: AppTest) -> dict[str, bool]:
    """Labels of the buttons that download, and whether they can be pressed."""
    return {element.proto.label: not element.proto.disabled for element in at.get("download_button")}  # type: ignore[attr-defined]


def captions(at: AppTest) -> list[str]:
    return [caption.value for caption in at.caption]


def number(store: Store, wanted: int) -> Run:
    return next(run for run in store.runs() if run.number == wanted)


def test_all_files_of_a_trained_run_are_offered_and_none_is_made(store: Store, monkeypatch: pytest.MonkeyPatch):
    def never(*_: object) -> bytes:
        raise AssertionError("made at the page's load")

    monkeypatch.setattr("dashboard.controls.run_downloads.export_bytes", never)
    buttons = offered(section(runs=["1", "2"], takeaway_run="1"))
    assert buttons == dict.fromkeys([*(form.label for form in formats.EXPORT_FORMATS.values()), "Report (HTML)"], True)


def test_inspect_offers_the_files_of_its_run(store: Store):
    labels = [form.label for form in formats.EXPORT_FORMATS.values()]
    assert offered(opened("inspect", run=1, view="Files")) == dict.fromkeys(labels, True)
    untrained = offered(opened("inspect", run=3, view="Files"))
    assert list(untrained) == labels
    assert untrained["Script"]
    assert not untrained["Network (ONNX)"]


def test_what_a_run_cannot_give_is_switched_off_with_the_reason(store: Store):
    at = section(runs=["3"])
    assert not offered(at)["Network (ONNX)"]
    assert not offered(at)["Weights (safetensors)"]
    assert offered(at)["Script"]
    assert in_markdown(formats.export_refusal(store, number(store, 3), "onnx")) in captions(at)
    at = section(runs=["1", "2"], takeaway_run="2")
    assert not offered(at)["Script"]
    assert in_markdown(formats.export_refusal(store, number(store, 2), "script")) in captions(at)
    assert offered(at)["Network (ONNX)"]


def test_the_script_is_shown_when_asked_for_and_the_address_says_so(store: Store):
    at = section(runs=["1"])
    assert not [code for code in at.code if code.language == "python"]
    at = section(runs=["1"], takeaway_script="true")
    assert [code.value for code in at.code if code.language == "python"] == [
        script_of_run(store, number(store, 1)).strip()
    ]
    assert at.query_params["takeaway_run"] == "1"


def test_other_tools_are_commands_that_exist(store: Store):
    (shell,) = [code.value for code in section(runs=["2", "1"]).code if code.language == "sh"]
    assert shell.splitlines()[:2] == [
        f"python -m mnist_core export {wanted} --as tensorboard -o runs" for wanted in (2, 1)
    ]


def test_the_curves_of_all_runs_are_one_table(store: Store, tmp_path: Path):
    path = tmp_path / "curves.csv"
    path.write_bytes(run_downloads._curves(store, [number(store, 1), number(store, 2)]))
    assert set(pd.read_csv(path)["run"]) == {1, 2}
