"""What networks read in the drawing of an `asking_pad` on the same page; the browser asks for each picture."""

from collections.abc import Sequence

from streamlit.components.v2 import component

from dashboard.components import assets

_MOUNT = component(
    "mnist_lab_drawing_answers",
    html=assets.text("drawing_answers/drawing_answers.html"),
    css=assets.text("drawing_answers/drawing_answers.css"),
    js=assets.joined(
        "kept.js",
        "latest_call.js",
        "server_answers.js",
        "drawing_answers/drawing_events.js",
        "drawing_answers/drawing_answers.js",
    ),
    # The styles of the answers are the page's own, which an upload's answers need, too.
    isolate_styles=False,
)


def drawing_answers(key: str, pad_key: str, address: str, runs: Sequence[str], html: str) -> None:
    """Show what the runs with these ids answer to the drawing on the pad `pad_key`, and `html` before there is one.

    The server gets the question at `address`, relative to the page: a POST of JSON with `runs`, `image` (a PNG in
    base64, "" for an empty pad), `seq` (the number of the picture) and `ended` (whether the pen is up). It answers with
    `html` and `pause` (milliseconds to the next picture of a stroke), or with `problem` (a sentence) and `passes`
    (whether asking again may help). A page may run as often as it likes; no picture needs a run.
    """
    _MOUNT(key=key, data={"key": pad_key, "address": address, "runs": list(runs), "html": html})
