"""The Python side of components, without a browser: what is sent, which answers are accepted, the app's settings."""

import base64
import hashlib
import io
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit import config
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_cache import populate_hash_if_needed
from streamlit.testing.v1 import AppTest

from dashboard.components import assets
from dashboard.components.curve_chart import curve_chart
from dashboard.components.gallery import gallery
from dashboard.components.pad import pad
from mnist_core.plots.curve_chart import CurveChart
from mnist_core.plots.learning_chart import learning_chart
from mnist_core.plots.style import PALETTE
from mnist_core.store import MetricSeries

SETTINGS = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text())


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def chart_script() -> None:
    import streamlit as st

    from dashboard.components.curve_chart.curve_chart import growing_curve_chart, visible_range

    st.session_state["range"] = visible_range("chart", "step")
    growing_curve_chart("chart", st.session_state["curves"], "Curves", points=7, last_step=70)


def curves(length: int, run_id: str = "a") -> CurveChart:
    """The chart of a run whose training loss has been measured so many times."""
    step = np.arange(1, length + 1)
    run: Any = SimpleNamespace(id=run_id, number=1, name="a run", steps_per_epoch=10, train_images=640)
    series = MetricSeries(step, step // 10, step / 10, 1 / step)
    return learning_chart({run_id: {"train_loss": series}}, [run], ["loss"], smoothing=0)


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the growing chart mounts, call by call; nothing is written to a static folder."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(curve_chart, "_MOUNT_GROWING", lambda **arguments: calls.append(arguments))
    monkeypatch.setattr(assets, "publish_scripts", lambda: "/somewhere")
    return calls


def ends(call: dict[str, Any]) -> tuple[Any, Any]:
    return call["data"]["message"]["from"], call["data"]["message"]["to"]


def test_messages_overlap_by_one_and_begin_anew_when_the_browser_asks(mounted: list[dict[str, Any]]) -> None:
    app = AppTest.from_function(chart_script)
    for length in (10, 20, 30, 40):
        app.session_state["curves"] = curves(length)
        app.run()
        assert not app.exception
    numbers = [ends(call)[1] for call in mounted]
    assert numbers == sorted(set(numbers))
    assert [ends(call)[0] for call in mounted] == [0, 0, numbers[0], numbers[1]]
    kept = [call["data"]["message"]["parts"][0]["keep"] for call in mounted]
    assert kept == [[], [], [[0, 10]], [[0, 20]]], "what both of the messages before hold"
    assert (mounted[-1]["data"]["message"]["points"], mounted[-1]["data"]["message"]["last_step"]) == (7, 70)

    mounted[-1]["on_resync_change"]()
    app.run()
    message = mounted[-1]["data"]["message"]
    assert (message["from"], len(base64.b64decode(message["parts"][0]["x"])) // 4) == (0, 40)


def test_the_part_that_is_looked_at_is_believed_only_of_its_axis(mounted: list[dict[str, Any]]) -> None:
    app = AppTest.from_function(chart_script)
    app.session_state["curves"] = curves(10)
    for view, expected in (
        (None, None),
        ({"x": "step", "range": [100, 400]}, (100, 400)),
        ({"x": "epoch", "range": [1, 2]}, None),
        ({"x": "step", "range": [400, 100]}, None),
        ({"x": "step", "range": "all"}, None),
    ):
        app.session_state["chart"] = {"view": view}
        app.run()
        assert not app.exception
        assert app.session_state["range"] == expected


def test_a_chart_that_cannot_be_served_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> str:
        raise assets.AssetError("No room. Make room.")

    monkeypatch.setattr(assets, "publish_scripts", refuse)
    app = AppTest.from_function(chart_script)
    app.session_state["curves"] = curves(10)
    app.run()
    assert [error.value for error in app.error] == ["No room. Make room."]


def test_scripts_that_declare_the_same_name_are_not_joined() -> None:
    assert "keptFor" in assets.joined("kept.js", "page_run.js")
    with pytest.raises(ValueError, match=r"kept\.js: keptFor"):
        assets.joined("kept.js", "kept.js")


def pad_script() -> None:
    import streamlit as st

    from dashboard.components.pad.pad import pad as drawing_pad

    st.session_state["got"] = drawing_pad("pad", st.session_state.get("number", 0), pause=0.09)


def sent(seq: int, image: bytes = b"", ended: bool = True, strokes: list[Any] | None = None) -> dict[str, Any]:
    text = base64.b64encode(image).decode()
    return {"drawing": {"number": 0, "seq": seq, "ended": ended, "image": text, "strokes": strokes}}


def test_the_pad_returns_the_pixels_and_keeps_the_strokes_while_the_pen_is_down() -> None:
    ink = np.zeros((pad.SIDE, pad.SIDE), np.uint8)
    ink[20:90, 50:60] = 255
    stroke = [{"size": 75, "points": [0, 0, 9, 9]}]
    app = AppTest.from_function(pad_script).run()
    assert app.session_state["got"] == pad.PadDrawing(None, 0, True)
    app.session_state["pad"] = sent(1, png(ink), strokes=stroke)
    got = app.run().session_state["got"]
    assert (got.seq, got.stroke_ended) == (1, True)
    np.testing.assert_array_equal(got.pixels, ink)
    app.session_state["pad"] = sent(2, png(ink), ended=False)
    app.run()
    assert not app.session_state["got"].stroke_ended
    assert app.session_state["pad:kept"]["strokes"] == stroke
    # Another number empties the pad, and what is still on its way from the drawing before does not fill it.
    app.session_state["number"] = 1
    assert app.run().session_state["got"] == pad.PadDrawing(None, 2, True, 1)
    app.session_state["pad"] = sent(3, png(ink), strokes=stroke)
    assert app.run().session_state["got"].pixels is None
    assert app.session_state["pad:kept"]["strokes"] == []


def test_the_pad_of_an_open_page_keeps_its_drawing_where_the_server_has_forgotten_it() -> None:
    ink = np.zeros((pad.SIDE, pad.SIDE), np.uint8)
    ink[20:90, 50:60] = 255
    app = AppTest.from_function(pad_script)
    message = sent(9, png(ink))["drawing"]
    app.session_state["pad"] = {"drawing": message | {"number": 3, "label": 7}}
    got = app.run().session_state["got"]
    assert (got.number, got.label, got.seq) == (3, 7, 9)
    np.testing.assert_array_equal(got.pixels, ink)
    # From then on another number is another drawing.
    app.session_state["pad"] = {"drawing": message | {"number": 4, "seq": 10}}
    app.session_state["number"] = 3
    assert app.run().session_state["got"].seq == 9


@pytest.mark.parametrize(
    "message",
    [
        None,
        7,
        {},
        {"seq": 5},
        {"number": 0, "seq": "5", "ended": True, "image": "", "strokes": []},
        {"number": 0, "seq": 5, "ended": True, "image": None, "strokes": []},
        {"number": 0, "seq": 1, "ended": True, "image": "", "strokes": []},
        {"number": 1, "seq": 5, "ended": True, "image": "", "strokes": []},
        {"seq": 5, "ended": True, "image": "", "strokes": []},
    ],
)
def test_a_message_that_is_no_newer_drawing_changes_nothing(message: Any) -> None:
    kept = {"number": 0, "seq": 3, "ended": True, "image": "kept", "strokes": []}
    assert pad.newest(kept, message) is kept


def test_pictures_that_are_none_of_the_pads_are_refused() -> None:
    right = png(np.zeros((pad.SIDE, pad.SIDE), np.uint8))
    colour = png(np.full((pad.SIDE, pad.SIDE, 3), 255, np.uint8))
    assert pad.decode_picture(base64.b64encode(right).decode()) is not None
    whitened = pad.decode_picture(base64.b64encode(colour).decode())
    assert whitened is not None
    assert whitened.shape == (pad.SIDE, pad.SIDE)
    assert whitened.min() == 255
    for wrong in (b"", b"GIF89a", right[:60], png(np.zeros((28, 28), np.uint8)), png(np.zeros((4000, 4000), np.uint8))):
        assert pad.decode_picture(base64.b64encode(wrong).decode()) is None
    assert pad.decode_picture("not base64 !") is None


def gallery_script() -> None:
    import streamlit as st

    from dashboard.components.gallery.gallery import gallery as grid

    st.session_state["got"] = grid("grid", st.session_state["sprite"], (28, 28), 5, list("abcde"))


def test_a_choice_counts_only_for_the_sprite_that_it_was_made_on() -> None:
    first, second = (png(np.full((56, 84), shade, np.uint8)) for shade in (0, 200))
    app = AppTest.from_function(gallery_script)
    app.session_state["sprite"] = first
    assert app.run().session_state["got"] is None
    digest = hashlib.sha256(first).hexdigest()[:16]
    app.session_state["grid"] = {"chosen": {"index": 4, "sprite": digest}}
    assert app.run().session_state["got"] == 4
    app.session_state["sprite"] = second
    assert app.run().session_state["got"] is None
    app.session_state["sprite"] = first
    for wrong in (5, -1, None, "4"):
        app.session_state["grid"] = {"chosen": {"index": wrong, "sprite": digest}}
        assert app.run().session_state["got"] is None


def test_a_sprite_that_does_not_fit_is_refused() -> None:
    sheet = png(np.zeros((28, 56), np.uint8))
    for message, arguments in {
        "does not hold 3 tiles of 28x28": (sheet, (28, 28), 3),
        "does not hold 1 tiles of 30x28": (sheet, (30, 28), 1),
        "not a PNG": (b"GIF89a", (28, 28), 1),
        "1 captions for 2 images": (sheet, (28, 28), 2, ["one"]),
    }.items():
        with pytest.raises(ValueError, match=message):
            gallery.gallery("grid", *arguments)


def flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    options: dict[str, Any] = {}
    for key, value in table.items():
        options |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return options


def test_every_setting_exists_in_this_streamlit() -> None:
    settings = flat(SETTINGS)
    for name in settings:
        # Raises an error for an unknown name.
        config.get_option(name)
    assert len(settings) > 30
    with pytest.raises(RuntimeError):
        config.get_option("server.noSuchOption")
    assert settings["runner.postScriptGC"] is False
    assert settings["server.fileWatcherType"] == "none"
    assert settings["server.address"] == "127.0.0.1"
    assert settings["browser.gatherUsageStats"] is False
    assert settings["client.showErrorDetails"] == "none"


def luminance(colour: str) -> float:
    """Relative luminance of a "#rrggbb" colour (WCAG 2.2)."""
    channels = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(first: str, second: str) -> float:
    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_colours_can_be_read_in_both_themes(mode: str) -> None:
    theme = SETTINGS["theme"][mode]
    grounds = {theme["backgroundColor"], theme["secondaryBackgroundColor"], *theme["sidebar"].values()}
    assert len(grounds) == 4
    for ground in grounds:
        assert contrast(theme["textColor"], ground) >= 7
        assert contrast(theme["linkColor"], ground) >= 4.5
        # These are controls, not text.
        assert contrast(theme["primaryColor"], ground) >= 3
    # This is text on a primary button.
    assert contrast("#ffffff", theme["primaryColor"]) >= 4.5
    for colour in PALETTE:
        assert contrast(colour, theme["backgroundColor"]) >= 3


def test_charts_of_streamlit_have_the_colours_of_runs() -> None:
    assert tuple(SETTINGS["theme"]["chartCategoricalColors"]) == PALETTE


def test_no_message_refers_to_one_that_the_browser_may_have_dropped() -> None:
    message = ForwardMsg()
    message.delta.new_element.markdown.body = "x" * 10_000_000
    populate_hash_if_needed(message)
    assert not message.metadata.cacheable
    name = "global.minCachedMessageSize"
    before = config.get_option(name)
    try:
        message.hash = ""
        config.set_option(name, 10_000)
        populate_hash_if_needed(message)
        assert message.metadata.cacheable, "the setting does not decide any more"
    finally:
        config.set_option(name, before)
