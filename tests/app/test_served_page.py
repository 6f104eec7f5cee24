"""The page that is served instead of Streamlit's own, and the cases in which Streamlit's own is served."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st

from dashboard.frame import serving

FRAME = Path(serving.__file__).parent
STATIC = Path(st.__file__).parent / "static"


@pytest.fixture
def static(tmp_path: Path) -> Path:
    """A copy of the page of the Streamlit that is installed, and of its scripts."""
    folder = tmp_path / "static"
    (folder / "static/js").mkdir(parents=True)
    shutil.copy(STATIC / "index.html", folder)
    for script in (STATIC / "static/js").glob("*.js"):
        (folder / "static/js" / script.name).symlink_to(script)
    return folder


def main_script(static: Path) -> Path:
    (name,) = re.findall(r'<script type="module" [^>]*src="\./([^"]+)"', page(static))
    return static / name


def component_script(static: Path) -> Path:
    (script,) = (static / "static/js").glob("BidiComponent.*.js")
    return script


def page(static: Path) -> str:
    return (static / "index.html").read_text()


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.unlink()
    path.write_text(text.replace(old, new))


def test_the_page_of_this_streamlit_gets_the_head_of_the_app(static: Path):
    quicker = serving.quicker_page(static)
    assert quicker is not None
    assert "BACKEND_BASE_URL" in quicker
    assert component_script(static).name in quicker
    for kind in serving._EARLY:
        assert re.search(rf'modulepreload" crossorigin href="./static/js/{kind}\.[\w-]+\.js"', quicker), kind
    for name in ("head.css", "head.js", "outages.js", "class_keys.js"):
        assert (FRAME / name).read_text() in quicker
    # Everything else stays, but for the title and for a font that is not used.
    before, after = page(static).split("</head>")
    (unused,) = re.findall(r"<link\s[^>]*SourceSans[^>]*>", before)
    kept = before.replace(unused, "").replace("<title>Streamlit</title>", "<title>MNIST Lab</title>").split()
    assert quicker.split()[: len(kept)] == kept
    assert quicker.endswith(after)


@pytest.mark.parametrize(
    "other",
    [
        lambda static: (static / "index.html").unlink(),
        lambda static: (static / "index.html").write_bytes(b"\xff\xfe<html>"),
        lambda static: change(static / "index.html", "</head>", "<!-- </head> --></head>"),
        lambda static: change(static / "index.html", "</head>", ""),
        lambda static: change(static / "index.html", 'src="./static', 'src="/assets'),
        lambda static: change(main_script(static), "BACKEND_BASE_URL", "SERVER_URL"),
        lambda static: change(main_script(static), "window.__streamlit;", "window.__st;"),
        lambda static: change(main_script(static), "useExternalAuthToken", "externalToken"),
        lambda static: main_script(static).unlink(),
        lambda static: change(component_script(static), 'from"./', 'from"./no-such-'),
    ],
    ids=[
        "no page",
        "no text",
        "two ends of the head",
        "no end of the head",
        "scripts elsewhere",
        "another name for the address",
        "settings elsewhere",
        "another name for a setting",
        "no script",
        "a script that is missing",
    ],
)
def test_other_files_of_streamlit_mean_its_own_page(static: Path, other: Callable[[Path], None]):
    other(static)
    assert serving.quicker_page(static) is None


def test_without_a_quicker_page_streamlit_answers_every_address(static: Path, monkeypatch: pytest.MonkeyPatch):
    (static / "index.html").unlink()
    monkeypatch.setattr(serving, "_STATIC", static)
    assert serving.routes(["train"]) == []


def test_components_with_another_name_are_only_not_loaded_early(static: Path):
    component_script(static).rename(static / "static/js/Component.js")
    quicker = serving.quicker_page(static)
    assert quicker is not None
    assert "BACKEND_BASE_URL" in quicker
