"""The watcher: runs the page again once the answer at an address has changed; until then it costs no run."""

from streamlit.components.v2 import component

from dashboard.components import assets

_MOUNT = component(
    "mnist_lab_watcher", js=assets.joined("latest_call.js", "page_run.js", "server_answers.js", "watcher/watcher.js")
)


def watch_address(key: str, address: str, digest: str) -> None:
    """Run the page again when `address`, relative to the page, answers with another `digest` (JSON) than this.

    Shows nothing, but takes as much room as an empty line, so call it last.
    """
    _MOUNT(key=key, data={"address": address, "digest": digest}, on_changed_change=lambda: None)
