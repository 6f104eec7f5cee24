"""The components' Python side, without a browser: what is sent, what is believed, and the app's settings."""

import base64
import hashlib
import io
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit import config
from streamlit.testing.v1 import AppTest

from dashboard.components import assets
from dashboard.components.gallery import gallery
from dashboard.components.live_chart import live_chart
from dashboard.components.live_chart.live_chart import ChartedRun
from dashboard.components.pad import pad
from mnist_core.plots.style import PALETTE

SETTINGS = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text())


def rows(*measurements: tuple[int, int, str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(list(measurements), columns=["id", "step", "name", "value", "seconds"])


def series(frame: pd.DataFrame, id: str = "a") -> ChartedRun:
    return ChartedRun(id, "a run", "#123456", "solid", 10, lambda after: frame.query("id > @after"))


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_loss_is_paired_with_accuracy_and_validation_kept_apart(mounted: list[dict[str, Any]]) -> None:
    frame = rows(
        (1, 5, "train_loss", 2.0, 0.5),
        (2, 5, "train_accuracy", 0.25, 0.5),
        (3, 5, "learning_rate", 0.1, 0.5),
        (4, 10, "train_loss", 1.0, 1.0),
        (5, 10, "train_accuracy", 0.75, 1.0),
        (6, 10, "validation_loss", 1.5, 1.2),
        (7, 10, "validation_accuracy", 0.5, 1.2),
    )
    app = AppTest.from_function(chart_script)
    app.session_state["series"] = [series(frame)]
    app.run()
    (sent,) = mounted[-1]["data"]["runs"]
    assert {name: (part["step"], part["seconds"], part["value"]) for name, part in sent["curves"].items()} == {
        "train_loss": ([5, 10], [0.5, 1], [2, 1]),
        "train_accuracy": ([5, 10], [0.5, 1], [0.25, 0.75]),
        "validation_loss": ([10], [1.2], [1.5]),
        "validation_accuracy": ([10], [1.2], [0.5]),
    }
    assert (sent["points"], sent["last_step"], sent["diverged"]) == (2, 10, None)


def chart_script() -> None:
    import streamlit as st

    from dashboard.components.live_chart.live_chart import live_chart as chart

    chart("chart", st.session_state["series"])


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What live_chart mounts, call by call; nothing is written to a static folder."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(live_chart, "_MOUNT", lambda **arguments: calls.append(arguments))
    for name in ("publish_scripts", "publish_plotly"):
        monkeypatch.setattr(assets, name, lambda: "/somewhere")
    return calls


def ends(call: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {run["id"]: (run["from"], run["to"]) for run in call["data"]["runs"]}


def test_messages_overlap_by_one_and_begin_anew_when_the_browser_asks(mounted: list[dict[str, Any]]) -> None:
    app = AppTest.from_function(chart_script)
    whole = rows(*[(id, id, "train_loss", 1.0, 0.1 * id) for id in range(1, 41)])
    for length in (10, 20, 30, 40):
        app.session_state["series"] = [series(whole.head(length))]
        app.run()
        assert not app.exception
    numbers = [ends(call)["a"][1] for call in mounted]
    assert numbers == sorted(set(numbers))
    assert [ends(call)["a"][0] for call in mounted] == [0, 0, numbers[0], numbers[1]]
    kept = [call["data"]["runs"][0]["curves"]["train_loss"]["keep"] for call in mounted]
    assert kept == [[], [], [[0, 10]], [[0, 20]]], "what both of the messages before hold"

    mounted[-1]["on_resync_change"]()
    app.run()
    (again,) = mounted[-1]["data"]["runs"]
    assert (again["from"], len(again["curves"]["train_loss"]["step"])) == (0, 40)
    app.session_state["series"] = [series(whole, "b")]
    app.run()
    app.session_state["series"] = [series(whole, "a"), series(whole, "b")]
    app.run()
    assert ends(mounted[-1])["a"][0] == 0, "a run that was away is sent whole"


def test_more_points_are_sent_of_the_part_that_is_looked_at(mounted: list[dict[str, Any]]) -> None:
    app = AppTest.from_function(chart_script)
    losses = np.random.default_rng(0).normal(size=4000)
    app.session_state["series"] = [
        series(rows(*[(at + 1, at + 1, "train_loss", loss, 0.1) for at, loss in enumerate(losses)]))
    ]
    counts = []
    for view in (
        None,
        {"x": "step", "range": [100, 400]},
        {"x": "epoch", "range": [1, 2]},
        {"x": "step", "range": "all"},
    ):
        app.session_state["chart"] = {"view": view}
        app.run()
        assert not app.exception
        mounted[-1]["on_resync_change"]()
        (sent,) = mounted[-1]["data"]["runs"]
        counts.append(sum(100 <= step <= 400 for step in sent["curves"]["train_loss"]["step"]))
    assert counts[1] == 301
    assert counts[0] == counts[2] == counts[3] < 100, "of another axis, or no such thing"


def test_a_chart_that_cannot_be_served_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> str:
        raise assets.AssetError("No room. Make room.")

    monkeypatch.setattr(assets, "publish_scripts", refuse)
    app = AppTest.from_function(chart_script)
    app.session_state["series"] = []
    app.run()
    assert [error.value for error in app.error] == ["No room. Make room."]


def pad_script() -> None:
    import streamlit as st

    from dashboard.components.pad.pad import pad as drawing_pad

    st.session_state["got"] = drawing_pad("pad")


def sent(seq: int, image: bytes = b"", ended: bool = True, strokes: list[Any] | None = None) -> dict[str, Any]:
    return {"drawing": {"seq": seq, "ended": ended, "image": base64.b64encode(image).decode(), "strokes": strokes}}


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


@pytest.mark.parametrize(
    "message",
    [
        None,
        7,
        {},
        {"seq": 5},
        {"seq": "5", "ended": True, "image": "", "strokes": []},
        {"seq": 5, "ended": True, "image": None, "strokes": []},
        {"seq": 1, "ended": True, "image": "", "strokes": []},
    ],
)
def test_a_message_that_is_no_newer_drawing_changes_nothing(message: Any) -> None:
    kept = {"seq": 3, "ended": True, "image": "kept", "strokes": []}
    assert pad.newest(kept, message) is kept


def test_pictures_that_are_none_of_the_pads_are_refused() -> None:
    right = png(np.zeros((pad.SIDE, pad.SIDE), np.uint8))
    colour = png(np.full((pad.SIDE, pad.SIDE, 3), 255, np.uint8))
    assert pad.decode(base64.b64encode(right).decode()) is not None
    whitened = pad.decode(base64.b64encode(colour).decode())
    assert whitened is not None
    assert whitened.shape == (pad.SIDE, pad.SIDE)
    assert whitened.min() == 255
    for wrong in (b"", b"GIF89a", right[:60], png(np.zeros((28, 28), np.uint8)), png(np.zeros((4000, 4000), np.uint8))):
        assert pad.decode(base64.b64encode(wrong).decode()) is None
    assert pad.decode("not base64 !") is None


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
