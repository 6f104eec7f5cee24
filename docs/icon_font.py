"""The app's font of icons, with the icons that it uses and no others: `python -m docs.icon_font`.

Streamlit's font has 4,000 icons and 375 kB, and a page needs two or three of them. This takes those that occur in the
app and in Streamlit's scripts out of it. Run it after an icon was added or Streamlit was upgraded; a test says when.
The font is Google's Material Symbols, under the Apache License 2.0 (dashboard/frame/icons.LICENSE.txt).
"""

import re
from pathlib import Path

import streamlit as st
from fontTools import subset
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parents[1]
FONT = ROOT / "dashboard" / "frame" / "icons.woff2"
_STATIC = Path(st.__file__).parent / "static" / "static"
_NAME = re.compile(r":material/([a-z0-9_]+):")
# Common icons that a page may begin to use without a new font.
_SPARE = """
add arrow_back arrow_forward bolt brush casino class compare_arrows delete draw edit emoji_events fast_forward
filter_alt flag fullscreen fullscreen_exit group help history home ink_eraser layers lightbulb menu_book pause person
play_arrow push_pin query_stats redo refresh replay restart_alt save school science search settings share skip_next
skip_previous speed stop swap_horiz table timer trending_down trending_up trophy tune undo warning zoom_in zoom_out
"""


def names_used() -> set[str]:
    """The names of all icons in the app's files and in Streamlit's scripts."""
    ours = [ROOT / "app.py", *(ROOT / "pages").rglob("*.py"), *(ROOT / "dashboard").rglob("*.*")]
    files = [file for file in ours if file.suffix in (".py", ".js", ".html")] + list((_STATIC / "js").glob("*.js"))
    return {name for file in files for name in _NAME.findall(file.read_text(encoding="utf-8"))}


def read_icons(font: TTFont) -> dict[str, str]:
    """The font's icons: names of glyphs by the words that stand for them."""
    letters = {glyph: chr(code) for code, glyph in (font.getBestCmap() or {}).items()}
    icons: dict[str, str] = {}
    for lookup in font["GSUB"].table.LookupList.Lookup:
        for table in lookup.SubTable:
            table = getattr(table, "ExtSubTable", table)
            for first, ligatures in getattr(table, "ligatures", {}).items():
                for ligature in ligatures:
                    parts = [letters.get(glyph, "?") for glyph in (first, *ligature.Component)]
                    icons["".join(parts)] = ligature.LigGlyph
    return icons


def main() -> None:
    """Write the font."""
    (source,) = (_STATIC / "media").glob("MaterialSymbols-Rounded.*.woff2")
    font = TTFont(source)
    icons = read_icons(font)
    # Some names in Streamlit's scripts are no icons of its font.
    names = sorted({*names_used(), *_SPARE.split()} & icons.keys())
    options = subset.Options(layout_features=["*"], layout_closure=False, flavor="woff2", notdef_outline=True)
    subsetter = subset.Subsetter(options)
    subsetter.populate(glyphs=[icons[name] for name in names], text=" abcdefghijklmnopqrstuvwxyz0123456789_")
    subsetter.subset(font)
    font.flavor = "woff2"
    font.save(FONT)
    print(f"{FONT.relative_to(ROOT)}: {len(names)} icons, {FONT.stat().st_size / 1000:.1f} kB")


if __name__ == "__main__":
    main()
