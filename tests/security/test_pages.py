"""Every page of the real app, on a lab full of texts that try to become markup or code."""

import os
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from PIL import Image
from playwright.sync_api import Browser, Page

from dashboard.compare.sections import SECTIONS
from mnist_core import sweeps
from mnist_core.config.run_config import RunConfig
from mnist_core.report.page import report_html
from mnist_core.store.store import Store
from mnist_core.sweeps.axes import SweepAxis
from tests.app_process import running_app
from tests.labs import train_now

pytestmark = pytest.mark.browser

NAMES = (
    "![p](http://hostile.test/a.png)",
    "<img src=//hostile.test/b onerror=alert(1)>",
    "[l](http://hostile.test) www.hostile.test",
    "me@hostile.test :smile: :material/home:",
)
MORE = "~~canary~~ `canary` $canary^2$ :red[canary] <b>canary</b> &lt; <script>alert(1)</script> [/red] "
MORE += " ".join(NAMES)
# The name of a directory cannot hold a slash.
CLASSES = (
    "<img src=x onerror=alert(1)>",
    "www.hostile.test ![p](x)",
    "~~canary~~ `canary` $canary^2$ :smile: 50%{x}",
    "a\u202eb me@hostile.test :red[canary]",
)
PAGES = ("train", "inspect", "draw", "compare", "sweeps", "studies", "data")
VIEWS = ("Samples", "Mistakes", "Confusion", "Classes", "Weights", "Files")
QUERY = (
    "run",
    "runs",
    "look",
    "view",
    "split",
    "sweep",
    "study",
    "dataset",
    "folder",
    "architecture",
    "epochs",
    "tag",
    "filter",
    "class",
    "way",
    "metric",
    "image",
    "epoch",
    "labels_list",
    "results_factor",
    "optimizer",
    "schedule",
    "source",
)

_SETTLED = """() => document.querySelector("[data-testid=stApp][data-test-script-state=notRunning]") &&
  !document.querySelector("[data-stale=true], [data-testid=stSkeleton], [data-testid=stSpinner]")"""
_LOOK = """() => {
  const wrong = []
  let text = ""
  const look = (root) => {
    for (const element of root.querySelectorAll("*")) {
      for (const { name, value } of element.attributes ?? []) {
        if (name.startsWith("on")) wrong.push(`${element.tagName} has ${name}`)
        const address = ["src", "href", "xlink:href", "action", "data", "srcset"].includes(name)
        // A link within the app carries what the page's own link carried.
        const path = value.startsWith("data:") ? "" : value.split("?")[0]
        if (address && /hostile|^mailto:|^javascript:/i.test(path)) wrong.push(`${element.tagName} leads to ${value}`)
      }
      const own = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data).join("")
      const marked = element.matches("code, b, strong, em, script, [style*='color:']") && /^(canary|alert)/.test(own)
      if (marked || element.matches("del, s, .katex, [role=img][aria-label$=' icon']")) wrong.push(element.outerHTML)
      if (own.includes("\\u{1F604}") || own.includes("\\u202e")) wrong.push(own)
      text += own
      if (element.shadowRoot) look(element.shadowRoot)
    }
  }
  look(document)
  return { wrong, text: text.replaceAll("\\u2060", "") }
}"""


def write_pictures(folder: Path) -> Path:
    """Four classes of squares at four positions, which a small network sometimes confuses."""
    random = np.random.default_rng(0)
    for split, count in (("train", 12), ("test", 6)):
        for index, name in enumerate(CLASSES):
            (folder / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 200, (8, 8), dtype=np.uint8)
                pixels[2 * (index // 2) : 2 * (index // 2) + 3, 4 * (index % 2) : 4 * (index % 2) + 3] += 50
                Image.fromarray(pixels).save(folder / split / name / f"{number} ![p](hostile.test) <b>.png")
    blank = Image.new("L", (8, 8), 9)
    blank.save(folder / "train" / CLASSES[0] / "blank ~~canary~~ <img src=x>.png")
    (folder / "train" / CLASSES[0] / "left.~~canary~~<img src=x>").write_bytes(b"")
    return folder


def train_all(store: Store) -> None:
    while (run := store.claim()) is not None:
        train_now(store, run)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Path]]:
    """URL of the app on such a lab, the id of its sweep, and its folder of pictures."""
    root = tmp_path_factory.mktemp("hostile ~~canary~~ <img src=x onerror=alert(1)>")
    pictures, store = write_pictures(root / "pictures"), Store.open(root / "results")
    fields = {
        "dataset": "folder",
        "folder": str(pictures),
        "folder_size": 8,
        "validation_images": 12,
        "epochs": 2,
        "batch_size": 8,
        "architecture": "flatten linear(classes)",
        "checkpoint_every": 1,
    }
    config = RunConfig.parse(fields)
    for index, name in enumerate(NAMES):
        store.enqueue(config.replace(seed=index), name, [f"![p](http:hostile.test) {index}", "<b>canary</b>"])
    sweep_id = sweeps.launch_sweep(store, sweeps.Sweep(MORE, config, (SweepAxis("learning_rate", (0.1, 0.01)),)))
    train_all(store)
    paused = store.enqueue(config.replace(epochs=3), NAMES[0], claimed=True)
    store.finish(paused, "paused")
    with sa.create_engine(store.url).begin() as connection:
        connection.execute(sa.text("UPDATE runs SET note = :note"), {"note": MORE})
    env = {"MNIST_LAB_DATA": os.environ.get("MNIST_LAB_DATA", str(root / "data"))}
    with running_app(root / "results", env=env) as url:
        yield url, sweep_id, pictures


def addresses(sweep_id: str, pictures: Path) -> dict[str, dict[str, object]]:
    """Queries by page and view: every section, and links with hostile values."""
    runs: dict[str, object] = {"runs": [1, 2, 3, 4]}
    links = {f"compare {look}": runs | {"look": look} for look in SECTIONS}
    links |= {f"inspect {view}": {"run": 1, "view": view} for view in VIEWS}
    links |= {"train": runs, "draw": runs, "sweeps": {"sweep": sweep_id}, "studies": {}}
    links["data"] = {"dataset": "folder", "folder": str(pictures), "folder_size": 8}
    evil: dict[str, object] = dict.fromkeys(QUERY, f"{MORE} {CLASSES[0]}")
    links |= {f"{page} by a link": evil for page in PAGES}
    return links


def opened(browser: Browser) -> tuple[Page, list[str]]:
    """A window, and the list of forbidden things that happen in it."""
    tab, happened = browser.new_page(viewport={"width": 1400, "height": 4000}), []
    tab.on("dialog", lambda dialog: happened.append(dialog.message) or dialog.dismiss())
    tab.on("request", lambda request: happened.append(request.url) if "//hostile" in request.url else None)
    tab.on("pageerror", lambda error: happened.append(str(error)))
    tab.expose_function("forbidden", lambda address: happened.append(address))
    tab.add_init_script(
        "document.addEventListener('securitypolicyviolation', (event) => window.forbidden(event.blockedURI))"
    )
    return tab, happened


def settled_view(tab: Page) -> dict[str, Any]:
    """What `_LOOK` finds once nothing has changed for a second: on a busy machine components draw late."""
    seen: dict[str, Any] = {}
    for _ in range(60):
        tab.wait_for_timeout(1000)
        tab.wait_for_function(_SETTLED)
        before, seen = seen, tab.evaluate(_LOOK)
        if before == seen:
            break
    return seen


def check(url: str, browser: Browser, chosen: dict[str, dict[str, object]]) -> dict[str, str]:
    """Fail if a text became markup or code anywhere; returns all texts of each page."""
    tab, happened = opened(browser)
    wrong, texts = {}, {}
    for page, query in chosen.items():
        tab.goto(f"{url}/{page.split()[0]}?{urllib.parse.urlencode(query, doseq=True)}")
        tab.get_by_role("heading", level=1).first.wait_for()
        seen = settled_view(tab)
        texts[page] = seen["text"]
        if seen["wrong"] or happened:
            wrong[page] = [*seen["wrong"], *happened]
        happened.clear()
    tab.close()
    assert wrong == {}
    return texts


@pytest.mark.long
def test_names_notes_and_classes_are_shown_letter_by_letter(lab: tuple[str, str, Path], browser: Browser):
    url, sweep_id, pictures = lab
    names = ("train", "compare Classes", "inspect Confusion")
    every = addresses(sweep_id, pictures)
    texts = check(url, browser, {page: every[page] for page in names})
    for name in NAMES:
        # Long names are cut in the middle.
        assert name[:10] in texts["compare Classes"]
        assert name[-8:] in texts["compare Classes"]
    assert CLASSES[0] in texts["compare Classes"]
    assert CLASSES[2] in texts["inspect Confusion"]
    assert MORE in texts["train"]


def test_so_they_are_in_a_report(lab: tuple[str, str, Path], browser: Browser, tmp_path: Path):
    _, _, pictures = lab
    store, path = Store.open(pictures.parent / "results"), tmp_path / "report.html"
    path.write_text(report_html(store, store.runs()[-4:]), encoding="utf-8")
    tab, happened = opened(browser)
    tab.goto(path.as_uri())
    tab.locator(".js-plotly-plot").first.wait_for()
    seen = tab.evaluate(_LOOK)
    tab.close()
    assert seen["wrong"] == []
    assert happened == []
    for text in (*NAMES, CLASSES[0], CLASSES[2], MORE):
        assert text in seen["text"]


@pytest.mark.long
def test_so_they_are_on_every_page_in_every_section_and_by_any_link(lab: tuple[str, str, Path], browser: Browser):
    url, sweep_id, pictures = lab
    texts = check(url, browser, addresses(sweep_id, pictures))
    assert len(texts) == len(SECTIONS) + len(VIEWS) + 5 + len(PAGES)
