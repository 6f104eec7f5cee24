"""The font of icons holds every icon that the app or Streamlit's scripts name."""

from pathlib import Path

import streamlit as st
from fontTools.ttLib import TTFont

from docs.icon_font import FONT, names_used, read_icons


def test_no_icon_is_missing_in_the_font():
    (source,) = (Path(st.__file__).parent / "static/static/media").glob("MaterialSymbols-Rounded.*.woff2")
    all_icons = read_icons(TTFont(source))
    here = read_icons(TTFont(FONT))
    assert len(all_icons) > 1000
    assert {"expand_more", "keyboard_arrow_right", "keyboard_double_arrow_right"} <= here.keys()
    missing = (names_used() & all_icons.keys()) - here.keys()
    assert missing == set(), "run python -m docs.icon_font"
    assert FONT.stat().st_size < 30_000
    # Without a glyph for the space Chromium fetches another font of the same name.
    assert 32 in (TTFont(FONT).getBestCmap() or {})
