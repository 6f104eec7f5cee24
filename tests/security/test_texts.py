"""Texts from strangers stay texts: in Markdown, HTML, charts, terminals and spreadsheets."""

import csv
import io
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import pytest
from playwright.sync_api import Browser

from mnist_core.config.run_config import RunConfig
from mnist_core.export import curve_tables
from mnist_core.store.store import Store
from mnist_core.text.escapes import FORMULA, in_html, in_markdown, in_plotly, in_spreadsheet, in_terminal
from tests.app_process import ROOT
from tests.security.hostile_texts import MARKUP, STEERING, TEXTS

pytestmark = pytest.mark.filterwarnings("error")

_SEEN = """(selector) => {
  const shown = [...document.querySelectorAll(`${selector} [data-testid=stMarkdownContainer]`)]
  return {
    markup: shown.flatMap((one) => [...one.querySelectorAll(MARKUP)]).map((element) => element.outerHTML.slice(0, 200)),
    texts: shown.map((one) => one.innerText),
  }
}"""


@pytest.mark.browser
def test_markdown_shows_every_letter_and_nothing_else(serve: Callable[..., str], browser: Browser):
    tab = browser.new_page()
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(serve(ROOT / "tests/security/scripts/texts.py", {"PYTHONPATH": str(ROOT)}))
    tab.get_by_text("ready", exact=True).wait_for()
    tab.locator(f".st-key-options-{len(TEXTS) - 1}").wait_for()
    tab.wait_for_load_state("networkidle")
    wrong = {}
    for index, text in enumerate(TEXTS):
        seen = tab.evaluate(_SEEN.replace("MARKUP", repr(MARKUP)), f".st-key-text-{index}")
        # The page itself shows a list item and words in italics around the text.
        markup = [html for html in seen["markup"] if not html.startswith(("<li>", "<em>"))]
        shown = [text_shown.replace("\u2060", "") for text_shown in seen["texts"]]
        expected = " ".join(text.split())
        # The value of the metric is "1".
        alone = [
            text_shown
            for text_shown in shown
            if text_shown.strip() not in (expected, "1") and "Inside of" not in text_shown
        ]
        inside = f"Inside of {expected} and {expected}, twice."
        if markup or alone or inside not in shown:
            wrong[text] = (markup, alone, inside in shown)
    assert wrong == {}
    assert not [url for url in asked if "hostile" in url]
    tab.close()


@pytest.mark.parametrize(("text", "shown"), STEERING.items())
def test_nothing_steers_a_terminal_or_turns_a_line_round(text: str, shown: str):
    assert in_terminal(text.replace("\n", " ")) == shown
    assert in_terminal("a\nb") == "a\nb"
    assert in_html(text) == shown
    assert in_plotly(text) == shown
    assert in_markdown(text).replace("\u2060", "").replace("\\", "") == shown


class Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", TEXTS)
def test_html_shows_every_letter_and_nothing_else(text: str):
    page = Elements(f"<p title='{in_html(text)}' class=\"{in_html(text)}\">{in_html(text)}</p>")
    assert page.tags == ["p"]
    assert page.text == text


@pytest.mark.browser
def test_plotly_shows_every_letter_and_nothing_else(browser: Browser):
    names = [in_plotly(text) for text in TEXTS]
    figure = go.Figure(go.Bar(y=names, x=[1] * len(names), orientation="h"))
    figure.update_layout(height=40 * len(names), width=1200, margin={"l": 900})
    figure.update_yaxes(type="category", tickmode="linear")
    tab = browser.new_page()
    tab.set_content(figure.to_html(include_plotlyjs=True, full_html=True))
    tab.locator(".ytick text").last.wait_for()
    seen = tab.evaluate(
        """() => [...document.querySelectorAll(".ytick")].map((tick) =>
        [tick.textContent, tick.querySelectorAll("a, tspan[style], image, foreignObject").length])"""
    )
    assert [[text.replace("\u2060", ""), count] for text, count in seen] == [[text, 0] for text in TEXTS]
    tab.close()


FORMULAS = [
    "=1+1",
    "@SUM(A1)",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "'=1",
    '"=1',
    "-x",
    "＝1",
    "--1",
]
HARMLESS = ["-1", "+0.5", "-1.5e-3", "-12.3%", "a=b", "x-1", "-.5", "", "3 · net", "mlp-300", "nan", "-1.", "(=1)"]


def test_a_text_that_reads_like_a_formula_is_none_and_a_number_stays_a_number():
    for text in FORMULAS:
        assert in_spreadsheet(text) == f"'{text}"
    for text in HARMLESS:
        assert in_spreadsheet(text) == text
    table = pd.DataFrame({"=name": [*FORMULAS, "-1"], "value": range(-3, len(FORMULAS) - 2)})
    head, *rows = csv.reader(io.StringIO(curve_tables.as_csv(table), newline=""))
    assert head == ["'=name", "value"]
    assert [row[0] for row in rows] == [*(f"'{text}" for text in FORMULAS), "-1"]
    assert [row[1] for row in rows[:4]] == ["-3", "-2", "-1", "0"]


@pytest.mark.browser
def test_the_browsers_table_is_guarded_by_the_same_expression(browser: Browser):
    tab = browser.new_page()
    pattern, texts = FORMULA.pattern, [*FORMULAS, *HARMLESS]
    matches = tab.evaluate(
        "([pattern, texts]) => texts.map((text) => new RegExp(pattern).test(text))", [pattern, texts]
    )
    assert matches == [True] * len(FORMULAS) + [False] * len(HARMLESS)
    tab.close()


def test_list_and_show_print_names_letter_by_letter(own_lab: Path):
    store = Store.open(own_lab)
    names = ["[/red] [link=http://x.test]x[/link]", ":smile: [bold]", "a[/]b"]
    for name in names:
        run = store.enqueue(RunConfig(architecture="softmax"), name, ["[/tag]"], claimed=True)
        store.finish(run, "failed", note=f"[/red] :smile: \x1b[31m\u202e{name}")
    command = [sys.executable, "-m", "mnist_core"]
    listed = subprocess.run([*command, "list"], cwd=ROOT, capture_output=True, text=True, env=None, timeout=60)
    assert listed.returncode == 0, listed.stderr
    text = " ".join(listed.stdout.split())
    assert ":smile:" in text
    assert "[/red]" in text
    shown = subprocess.run([*command, "show", "1"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert names[0] in shown.stdout
    assert "\x1b" not in shown.stdout
    assert "\u202e" not in shown.stdout


def test_an_error_about_a_file_steers_no_terminal(tmp_path: Path):
    folder = tmp_path / "pictures"
    for split in ("train", "test"):
        for name in ("a", "b"):
            (folder / split / name).mkdir(parents=True)
            (folder / split / name / "1\x1b[31m\u202e.png").write_bytes(b"no picture")
    command = [sys.executable, "-m", "mnist_core", "train", "--dataset", "folder", "--folder", str(folder)]
    ended = subprocess.run([*command, "--epochs", "1"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ended.returncode != 0
    assert "cannot be read" in ended.stdout + ended.stderr
    assert "\x1b[31m" not in ended.stdout + ended.stderr
    assert "\u202e" not in ended.stdout + ended.stderr
