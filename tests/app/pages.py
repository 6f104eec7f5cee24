"""Pages of the app without a browser, as a link opens them."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

_ROOT = Path(__file__).resolve().parents[2]


def opened(page: str, **query: object) -> AppTest:
    """A page as a link with this query shows it; it must not end in a traceback."""
    at = AppTest.from_file(str(_ROOT / "app.py"), default_timeout=60).switch_page(f"pages/{page}.py")
    for key, value in query.items():
        at.query_params[key] = value
    return ran(at)


def ran(at: AppTest) -> AppTest:
    """The page once more, as a click or a key left it."""
    at.run()
    assert not at.exception, at.exception
    return at
