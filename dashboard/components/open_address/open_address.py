"""Opens an address of this app in the browser, as a link does, without a click."""

from streamlit.components.v2 import component

from dashboard.components import assets

_MOUNT = component("mnist_lab_open_address", js=assets.joined("page_run.js", "open_address/open_address.js"))


def open_address(key: str, path: str) -> None:
    """Open `path`, below the server's own address, in place of the page."""
    _MOUNT(key=key, data={"path": path})
