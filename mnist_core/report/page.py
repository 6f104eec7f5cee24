"""The frame of a report: one file of HTML with its style, its script, and plotly.js inside."""

import time
from collections.abc import Sequence
from pathlib import Path

from plotly.offline import get_plotlyjs

from mnist_core import __version__
from mnist_core.plots import run_label
from mnist_core.report import mistakes, page_sections
from mnist_core.report.content import gather_content
from mnist_core.report.html_pieces import Charts
from mnist_core.store import Run, Store
from mnist_core.text import in_html

# Stands near the beginning of every report, so that a new report may replace an earlier one.
REPORT_MARK = b'<meta name="generator" content="MNIST Lab">'
_HERE = Path(__file__).parent
# Content security policy: the browser refuses to load anything from elsewhere.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)


def report_html(store: Store, runs: Sequence[Run]) -> str:
    """The comparison of these runs as one HTML page that opens offline (about 5 MB: it holds plotly.js).

    Raises StoreError if no run is given.
    """
    content, charts = gather_content(store, runs), Charts()
    day = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(store.clock()))
    written = f"Written by MNIST Lab {__version__} on {day}."
    title = run_label(runs[0], 60) if len(runs) == 1 else f"{len(runs)} runs compared"
    datasets = " and ".join(dict.fromkeys(run.dataset for run in runs))
    parts = [
        f"<header><h1>{in_html(title)}</h1><p class=note>{in_html(datasets)} · {day}</p></header>",
        page_sections.lead_section(content),
        page_sections.results_section(content),
        page_sections.statistics_section(content),
        page_sections.curves_section(content, charts),
        page_sections.settings_section(content),
        mistakes.mistakes_section(content),
        page_sections.by_class_section(content),
        page_sections.origins_section(content, written),
    ]
    style = (_HERE / "report.css").read_text(encoding="utf-8")
    script = (_HERE / "report.js").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"{REPORT_MARK.decode()}\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{in_html(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in parts if part)
        + f"\n</main>\n<script>{get_plotlyjs()}</script>\n<script>\n{script}</script>\n</body>\n</html>\n"
    )
