"""A link opens a page in class mode, and without the parameter as usual."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.frame import class_mode
from mnist_core.store.store import Store
from tests.app.pages import opened

pytestmark = pytest.mark.usefixtures("quiet")


def is_large(at: AppTest) -> bool:
    """Whether the page changes the size of all type."""
    return any(":root" in element.proto.body for element in at.get("html"))


@pytest.mark.parametrize("page", ["train", "draw", "compare"])
def test_a_link_opens_class_mode(page: str, store: Store) -> None:
    at = opened(page, **{class_mode.KEY: "true"})
    assert at.toggle(key=class_mode.KEY).value is True
    assert is_large(at)


@pytest.mark.parametrize("query", [{}, {class_mode.KEY: "nonsense"}, {class_mode.KEY: "false"}])
def test_another_link_does_not(query: dict[str, str], store: Store) -> None:
    at = opened("draw", **query)
    assert at.toggle(key=class_mode.KEY).value is False
    assert not is_large(at)
