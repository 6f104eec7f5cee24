"""Small pieces of HTML that a report is made from: escaped text, tables, charts, pictures."""

from collections.abc import Iterable, Sequence
from itertools import count

import plotly.graph_objects as go

from mnist_core.plots import NamedRun, dash_background, png_address, run_label, run_styles
from mnist_core.text import in_html, share_text

MISSING = "–"
# A narrow no-break space.
_SPACE = "\u202f"


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def as_html(value: object) -> str:
    """A value as HTML: `Html` stays as it is, everything else is escaped."""
    return value if isinstance(value, Html) else in_html(value)


def html_section(title: str, *parts: str) -> Html:
    """A section with a heading and these parts; empty if all parts are empty."""
    inside = "\n".join(part for part in parts if part)
    return Html(f"<section>\n<h2>{in_html(title)}</h2>\n{inside}\n</section>" if inside else "")


def html_paragraph(*sentences: str, kind: str = "") -> Html:
    """A paragraph of these sentences; `kind` is a CSS class."""
    content = " ".join(as_html(sentence) for sentence in sentences if sentence)
    opening = f'<p class="{kind}">' if kind else "<p>"
    return Html(f"{opening}{content}</p>" if content else "")


def html_table(head: Sequence[str], rows: Iterable[Sequence[object]], words: int = 1, caption: str = "") -> Html:
    """A table; its first `words` columns are text, the others are numbers and aligned to the right."""

    def cells(tag: str, row: Sequence[object]) -> str:
        return "".join(
            f"<{tag}{'' if column < words else ' class=number'}>{as_html(value)}</{tag}>"
            for column, value in enumerate(row)
        )

    body = "\n".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    title = f"<caption>{in_html(caption)}</caption>" if caption else ""
    return Html(
        f"<div class=wide><table>{title}<thead><tr>{cells('th', head)}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def run_marks(runs: Sequence[NamedRun]) -> dict[int, Html]:
    """HTML for each run by its number: a sample of its line in the charts, then its name."""
    styles, marks = run_styles(runs), {}
    for run in runs:
        style = styles[run.number]
        line = f"background: {dash_background(style.colour, style.dash)}"
        marks[run.number] = Html(f'<span class=run><i style="{line}"></i>{in_html(run_label(run, 60))}</span>')
    return marks


def html_strong(content: str, stressed: bool) -> Html:
    """A text, set in bold if asked for."""
    return Html(f"<b>{in_html(content)}</b>" if stressed else in_html(content))


def html_percent(fraction: float | None, digits: int = 2) -> str:
    """A fraction in per cent."""
    return MISSING if fraction is None else share_text(fraction, digits).replace("%", f"{_SPACE}%")


def html_number(value: float | None, kind: str = ",.0f") -> str:
    """A number in this format, or a dash if there is none."""
    return MISSING if value is None else f"{value:{kind}}"


def html_image(file: bytes, about: str) -> Html:
    """An image element whose picture, a PNG file, is embedded in the page."""
    return Html(f'<img alt="{in_html(about)}" src="{png_address(file)}">')


class Charts:
    """The charts of one page: each has an element in the text, and a script draws all once the page is loaded."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def add(self, figure: go.Figure, about: str) -> Html:
        """HTML of an empty element for the figure, with the figure's data beside it."""
        # Escape < in the JSON, because a run's name that holds "</script>" would end the script.
        data = (figure.to_json() or "").replace("<", "\\u003c")
        name = f"chart-{next(self._numbers)}"
        height = figure.to_dict()["layout"]["height"]
        return Html(
            f'<figure><div class=chart id="{name}" role=img aria-label="{in_html(about)}" '
            f'style="height: {height}px"></div>'
            f'<script type="application/json" data-chart="{name}">{data}</script></figure>'
        )
