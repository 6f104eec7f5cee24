"""Parts of a page that the browser renews by asking the server, so that no run of the page is needed for it."""

from streamlit.components.v2 import component

from dashboard.components import assets

_MOUNT = component(
    "mnist_lab_renewal",
    js=assets.joined("latest_call.js", "page_run.js", "server_answers.js", "renewal/renewed.js", "renewal/renewal.js"),
)


def renewed_html(key: str, html: str) -> str:
    """HTML for `st.html` that a `renewal` on the same page replaces by what it gets under this key."""
    return f"<div data-renewed='{key}'>{html}</div>"


def renewal(key: str, address: str, view: str, pause: float, *, number: int, again: bool) -> None:
    """Keep parts of the page up to date: first after `pause` seconds, while somebody sees the page. Shows nothing.

    The browser asks at `address`, relative to the page: a POST of JSON with `view`. The answer has `html` and
    `messages`, both by key, for `renewed_html` and for components that can be renewed, and `pause`, milliseconds until
    the next question; or `run`: the fragment in which this stands has to run. With `again` the browser lets it run once
    more without a question. `number` must be another one at each run.
    """
    _MOUNT(
        key=key,
        data={"address": address, "view": view, "pause": round(1000 * pause), "number": number, "again": again},
        on_run_change=lambda: None,
    )
