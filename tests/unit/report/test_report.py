"""The report of a comparison: its content, and that it needs no other file and no network."""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mnist_core import report
from mnist_core.analysis.comparison import FACTOR
from mnist_core.commands import cli
from mnist_core.config.device import Device
from mnist_core.config.run_config import RunConfig
from mnist_core.data import mnist_5k
from mnist_core.errors import StoreError
from mnist_core.events import EpochEnd, StepEnd
from mnist_core.export import formats
from mnist_core.store.run import Run
from mnist_core.store.store import Store

CONFIG = RunConfig(dataset="mnist-5k", architecture="softmax", epochs=2)
LABELS = mnist_5k.read_mnist_5k()[1][1]


def with_mistakes(store: Store, wrong: list[int], name: str = "", config: RunConfig = CONFIG) -> Run:
    """A finished run that predicts the next class for these test images and the right one for all others."""
    run = store.enqueue(config, name, claimed=True)
    store.describe(
        run,
        versions={"torch": ["2.13.0"], "machine": ["Linux x86_64"]},
        devices=[Device(kind="cpu", threads=1)],
        parameters=7850,
    )
    predicted = LABELS.copy()
    predicted[wrong] = (predicted[wrong] + 1) % 10
    values = np.full((len(LABELS), 10), 0.02, np.float32)
    values[np.arange(len(LABELS)), predicted] = 0.82
    table = pd.DataFrame(values, columns=[f"p{index}" for index in range(10)])
    table.insert(0, "label", LABELS)
    table.insert(0, "index", range(len(LABELS)))
    table.insert(0, "split", "test")
    store.record(run, [StepEnd(1, 1, 2.3, 0.1, 0.001, 1.0, 0.1), EpochEnd(70, 1, 0.5, 0.8, 0.25, 0.9, True, 2.0)])
    store.write_artifact(run, "predictions.parquet", "predictions", 1, 70, lambda path: table.to_parquet(path))
    store.finish(store.run(run.id), "finished", test_accuracy=1 - len(wrong) / len(LABELS), test_loss=0.3)
    return store.run(run.id)


class Text(HTMLParser):
    """What a reader sees: sections with their text, pictures, and every address in the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sections: dict[str, str] = {"": ""}
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        if tag == "h2":
            self.sections["next"] = ""
        self.addresses += [str(value) for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "h2":
            self.sections[self.sections.pop("next")] = ""

    def handle_data(self, data: str) -> None:
        if not {"script", "style", "title"} & set(self.open):
            self.sections[list(self.sections)[-1]] += data if "h2" in self.open else f"{data} "


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Run], str]:
    """Three runs: two with about as many mistakes, and a clearly worse one with another setting."""
    store = Store.open(tmp_path_factory.mktemp("compared") / "results")
    runs = [
        with_mistakes(store, list(range(20)), "first & <b>boldest</b> </script>"),
        with_mistakes(store, list(range(5, 24))),
        with_mistakes(store, list(range(100)), "worse", CONFIG.replace(learning_rate=0.1)),
    ]
    return runs, report.report_html(store, runs)


@pytest.fixture(scope="module")
def seen(compared: tuple[list[Run], str]) -> dict[str, str]:
    return Text(compared[1]).sections


def test_it_has_its_sections_in_order(seen: dict[str, str]):
    assert list(seen)[1:] == [
        "Results",
        "Is it real?",
        "Learning curves",
        "Settings",
        "Mistakes",
        "By class",
        "Where this comes from",
    ]


def test_it_loads_nothing(compared: tuple[list[Run], str]):
    parsed = Text(compared[1])
    assert not parsed.open
    assert len(parsed.addresses) > 20
    assert all(address.startswith("data:image/png;base64,") for address in parsed.addresses)
    assert "default-src 'none'" in compared[1]
    assert compared[1].count("plotly.js v") == 1
    assert len(compared[1]) < 6_000_000


def test_names_are_text_and_never_markup(compared: tuple[list[Run], str]):
    # This is the page without plotly.js.
    markup = compared[1].split("<script>")[0]
    assert "first &amp; &lt;b&gt;boldest&lt;/b&gt;" in markup
    assert "<b>boldest" not in markup
    for data in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', markup, re.DOTALL):
        assert len(json.loads(data)["data"]) >= 3


def test_the_statistics_are_those_of_the_predictions(seen: dict[str, str]):
    real = seen["Is it real?"]
    # Images 20 to 23, and images 0 to 4.
    assert re.search(r"\b4 images\b.*\b5\b", real)
    assert (real.count(": no evidence"), real.count("evidence that")) == (1, 2)
    groups = ["2 · softmax, mnist-5k", "1 · first & <b>boldest</b> </script>"]
    assert f": {', '.join(groups)}." in " ".join(real.split())


def test_the_results_stand_with_their_intervals(seen: dict[str, str]):
    assert f"{100 * (1 - 20 / len(LABELS)):.2f}" in seen["Results"]
    assert all(f"{count:,}" in seen[""] for count in (len(LABELS) - 19, len(LABELS)))


def test_settings_that_differ_come_first(seen: dict[str, str]):
    before, after = seen["Settings"].split("All settings")
    assert "Learning rate" in before
    assert FACTOR in before
    assert "Batch size" not in before
    assert "Batch size" in after


def test_the_images_that_the_runs_disagree_on_are_shown(compared: tuple[list[Run], str], seen: dict[str, str]):
    wrong = [set(range(20)), set(range(5, 24)), set(range(100))]
    nobody, divided = len(set.intersection(*wrong)), len(set.union(*wrong) - set.intersection(*wrong))
    assert all(re.search(rf"\b{count:,} images\b", seen["Mistakes"]) for count in (divided, nobody))
    assert compared[1].count('<img alt="test image') == 24 + nobody


def test_it_says_where_it_comes_from(compared: tuple[list[Run], str], seen: dict[str, str]):
    section = seen["Where this comes from"]
    assert all(run.id in section and run.digest in section for run in compared[0])
    assert "torch 2.13.0" in section
    assert "Linux x86_64" in section
    assert re.search(r"on \d{4}-\d\d-\d\d", section)


def test_runs_without_predictions_are_reported_too():
    store = Store.open()
    waiting = store.enqueue(CONFIG, "waiting")
    page = Text(report.report_html(store, [waiting])).sections
    assert "waiting" in page["Results"]
    alone = Text(report.report_html(store, [with_mistakes(store, [3]), waiting])).sections
    assert re.search(r"\b1 image\b", alone["Mistakes"])
    with pytest.raises(StoreError):
        report.report_html(store, [])


def test_seeds_are_compared_as_architectures():
    store = Store.open()
    runs = [
        with_mistakes(store, list(range(count)), config=CONFIG.replace(seed=seed, architecture=architecture))
        for architecture, counts in (("softmax", (50, 54, 58)), ("mlp-100", (9, 10, 12)))
        for seed, count in enumerate(counts)
    ]
    section = " ".join(Text(report.report_html(store, runs)).sections["Is it real?"].split())
    assert re.search(r": evidence of [a-z ]+ architectures\b", section)


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command line in this process; returns its exit code."""
    monkeypatch.setattr(sys, "argv", ["mnist_core", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_the_command_writes_the_file_and_names_a_wrong_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    with_mistakes(Store.open(), [1, 2])
    assert command(monkeypatch, "report", "1", "-o", str(tmp_path / "r.html")) == 0
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    assert "MB)" in capsys.readouterr().out
    same = tmp_path / "same.html"
    assert command(monkeypatch, "report", "1", "#1", Store.open().find("1").id, "-o", str(same)) == 0
    assert "Is it real?" not in same.read_text()
    for name in ("9", "²"):
        assert command(monkeypatch, "report", name) == 2
        assert repr(name) in capsys.readouterr().err
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / "here")
        assert command(monkeypatch, "report", "1", "-o", "" if folder == "here" else str(tmp_path / folder)) == 0
        assert (tmp_path / folder / "report.html").stat().st_size > 1_000_000
    assert command(monkeypatch, "report", "1", "-o", str(tmp_path / "r.html" / "below.html")) == 2
    assert str(tmp_path / "r.html" / "below.html") in " ".join(capsys.readouterr().err.split())


def test_the_command_imports_a_run_that_was_given_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    store = Store.open()
    formats.write_export(store, with_mistakes(store, [1, 2], "given away"), "zip", tmp_path / "run.zip")
    monkeypatch.setenv("MNIST_LAB_RESULTS", str(tmp_path / "elsewhere"))
    assert command(monkeypatch, "import", str(tmp_path / "run.zip")) == 0
    output = capsys.readouterr().out
    assert all(part in output for part in ("#1", "given away", "finished"))
    assert Store.open().find("1").tags == ("imported",)
    assert command(monkeypatch, "import", str(tmp_path / "run.zip")) == 2
    assert "#1" in capsys.readouterr().err
