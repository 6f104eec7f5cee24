"""The addresses of the pages, without a browser."""

import streamlit as st
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Match, Route
from streamlit import config

from dashboard.draw import answering
from dashboard.frame import navigation, serving, troubles
from dashboard.train import renewing


def matches(route: BaseRoute, path: str) -> bool:
    match, _ = route.matches({"type": "http", "path": path, "method": "GET"})
    return match is Match.FULL


def test_every_page_and_the_root_have_an_address():
    app = Starlette(routes=serving.routes(navigation.PAGES))
    for name in ("", *navigation.PAGES):
        assert any(matches(route, f"/{name}") for route in app.routes), name
    assert not any(matches(route, "/nowhere") for route in app.routes)


def test_below_another_path_all_addresses_are_streamlits():
    before = st.get_option("server.baseUrlPath")
    config.set_option("server.baseUrlPath", "lab")
    try:
        assert serving.routes(navigation.PAGES) == []
        # A page there asks at addresses beside its own.
        asked = [*answering.routes(), *renewing.routes(), *troubles.routes()]
        paths = [route.path for route in asked if isinstance(route, Route)]
        assert paths == ["/lab/drawing-answers", "/lab/followed-runs", "/lab/troubles"]
    finally:
        config.set_option("server.baseUrlPath", before)
