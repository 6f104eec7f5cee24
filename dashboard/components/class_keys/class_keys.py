"""The keys of class mode: a component that shows nothing and listens to the keyboard of the whole page."""

from collections.abc import Sequence

from streamlit.components.v2 import component

from dashboard.components import assets

_MOUNT = component("mnist_lab_class_keys", js=assets.text("class_keys/class_keys.js"))


def class_keys(key: str, switch: str, bars: Sequence[str]) -> None:
    """Let keys click the switch of class mode and, while it is on, the buttons that choose a section.

    `switch` is the key of the switch, `bars` are the keys that such buttons have, of which a page draws one or none.
    A key does what a click does, so of many quick ones none is lost. Shows nothing, but takes as much room as an empty
    line.
    """
    _MOUNT(key=key, data={"switch": switch, "bars": list(bars)})
