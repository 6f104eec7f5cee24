"""Browser windows of the people of a class."""

import json
from pathlib import Path

from playwright.sync_api import Browser, Page, expect


def enter_class(browser: Browser, url: str, results: Path, name: str, width: int = 1280, height: int = 720) -> Page:
    """Open a link of the app with this results folder in a window of its own; without a name it is the teacher's."""
    tokens = json.loads((results / "access.json").read_text())
    page = browser.new_context(viewport={"width": width, "height": height}, base_url=url).new_page()
    page.goto(f"/?token={tokens['student' if name else 'teacher']}")
    if name:
        page.get_by_role("textbox").fill(name)
        page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Train")
    return page
