"""The documents name what is there: settings, commands, pages, dependencies."""

import re
from pathlib import Path

import pytest

from mnist_core.commands import settings_reference

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*.py"))


def test_the_reference_of_settings_is_up_to_date():
    assert (ROOT / "docs" / "settings.md").read_text() == settings_reference.settings_markdown()


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_its_page_in_the_user_guide_and_a_picture_in_the_readme(page: str):
    guide = (ROOT / "docs" / "guide" / f"{page}.md").read_text()
    assert guide.startswith(f"# {page.capitalize()}\n")
    assert f"docs/guide/{page}.md" in (ROOT / "README.md").read_text()


def test_every_dependency_says_what_it_is_for():
    readme = (ROOT / "README.md").read_text()
    for file in ("requirements.txt", "requirements-dev.txt"):
        for name in re.findall(r"^([A-Za-z-]+)==", (ROOT / file).read_text(), re.MULTILINE):
            assert f"| {name} |" in readme, name


@pytest.mark.parametrize("document", sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]), ids=lambda p: p.name)
def test_links_between_documents_lead_somewhere(document: Path):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text()):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md", "docs/internals.md"]
)
def test_files_that_a_document_names_are_there(name: str):
    """Also paths such as `store/history.py`, which leave out the name of the package."""
    text = (ROOT / name).read_text()
    roots = [ROOT, ROOT / "mnist_core", ROOT / "dashboard"]
    paths = set(re.findall(r"`([\w.]+(?:/[\w.]+)+\.(?:py|js|toml))`", text))
    assert sorted(path for path in paths if not any((root / path).exists() for root in roots)) == []


# Modules of Streamlit that its documentation tells people to import.
_PUBLIC = ("streamlit", "streamlit.components.v2", "streamlit.testing.v1")


@pytest.mark.parametrize(
    "file",
    [ROOT / "app.py", *sorted((ROOT / "dashboard").rglob("*.py")), *sorted((ROOT / "mnist_core").rglob("*.py"))],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_what_relies_on_the_inside_of_a_library_is_listed(file: Path):
    text = file.read_text()
    inside = [name for name in re.findall(r"^from (streamlit[\w.]*) import", text, re.MULTILINE) if name not in _PUBLIC]
    inside += re.findall(r"\btorch\.(?:_\w+|ops)\.\w+|\bsys\._\w+", text)
    if inside:
        names = {file.relative_to(ROOT).as_posix(), "/".join(file.parts[-2:])}
        rows = [line for line in (ROOT / "docs/internals.md").read_text().splitlines() if line.startswith("|")]
        assert [row for row in rows if any(f"`{name}`" in row for name in names)], inside
