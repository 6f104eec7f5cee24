"""A gallery of images with the network's answers, and one of them large with the probabilities of all classes."""

import base64
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components.gallery import gallery
from dashboard.inspection import Subject
from mnist_core import results
from mnist_core.plots.images import channels_last, png, sprite
from mnist_core.plots.style import run_style, tint

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

PAGE = 60  # images at a time
_IMAGE = "image"  # query parameter: index of the large image in its split
_COLUMNS = 10  # of the sprite, not of the screen
_MOST_ROWS = 12  # with more classes than this only the most probable are shown
_LARGE = 252  # pixels, about; a whole number of screen pixels for each of the image's


def choose(
    key: str, subject: Subject, rows: pd.DataFrame, captions: Sequence[str], marks: Sequence[bool] | None = None
) -> pd.Series:
    """A gallery of the rows' images (at least one); returns the row that is chosen, at first the one that the URL
    names, or the first. Raises DataError if the images are not there."""
    images = channels_last(subject.images(rows))
    height, width = images.shape[1:3]
    size = whole_pixels(84, width)
    chosen = gallery(key, sprite(images, _COLUMNS), (width, height), len(rows), captions, marks, size)
    if chosen is None:
        asked = st.query_params.get(_IMAGE, "")
        places = np.flatnonzero(rows["index"].astype(str) == asked)
        return rows.iloc[int(places[0]) if len(places) else 0]
    row = rows.iloc[chosen]
    if st.query_params.get(_IMAGE) != str(row["index"]):
        st.query_params[_IMAGE] = str(row["index"])
    return row


def large(subject: Subject, row: pd.Series, place: "DeltaGenerator") -> None:
    """One image of the table in crisp pixels, what the network says to it, and how probable each class is to it."""
    frame = subject.table.loc[[row.name]]
    image = channels_last(subject.images(frame))[0]
    values = results.probabilities(frame)[0]  # (classes,)
    true, given = int(row["label"]), int(row["predicted"])
    colour = run_style(subject.run.number).colour
    bars = "".join(_bar(subject.classes[at], float(values[at]), at == given, at == true, colour)
                   for at in _shown(values, true))  # fmt: skip
    rest = len(values) - _MOST_ROWS
    more = f"<p class='quiet'>and {rest} classes that are less probable</p>" if rest > 0 else ""
    caption = f"{subject.split} image {row['index']:,}"
    place.html(f"<div class='inspected'><figure>{picture(image, _LARGE, caption)}<figcaption>{caption}</figcaption>"
               f"</figure><div class='answer'><p class='verdict'>{_verdict(subject, row)}</p>"
               f"<p class='quiet'>Probability of each class</p>{bars}{more}</div></div>")  # fmt: skip


def picture(image: np.ndarray, width: int, alt: str) -> str:
    """An <img> of uint8 (H, W) or (H, W, 3), about `width` pixels wide on the screen, unblurred."""
    source = base64.b64encode(png(image)).decode()
    width = whole_pixels(width, image.shape[1])
    return f"<img src='data:image/png;base64,{source}' alt='{escape(alt, quote=True)}' style='width:{width}px'>"


def whole_pixels(wanted: int, pixels: int) -> int:
    """A width on the screen near `wanted` that gives each of an image's pixels the same number of the screen's."""
    return pixels * max(1, round(wanted / pixels))


def _verdict(subject: Subject, row: pd.Series) -> str:
    given, true = (escape(subject.classes[int(row[name])]) for name in ("predicted", "label"))
    said = f"The network says <b>{given}</b>, with {percent(row['confidence'])}."
    if row["predicted"] == row["label"]:
        return f"{said} <span class='right'>✓ Right.</span>"
    return f"{said} <span class='wrong'>✗ It is <b>{true}</b>,</span> to which it gives {percent(row['true_probability'])}."


def percent(value: float) -> str:
    """A probability in per cent that reads as 100 only where it is."""
    return f"{min(100 * value, 99.9) if value < 1 else 100:.1f}%"


def _shown(values: np.ndarray, true: int) -> Sequence[int]:
    """Places of the classes to show: all in their order, or of many the most probable first, and the true one."""
    if len(values) <= _MOST_ROWS:
        return range(len(values))
    best = np.argsort(-values, kind="stable")[:_MOST_ROWS].tolist()
    return best if true in best else [*best[:-1], true]


def _bar(name: str, value: float, given: bool, true: bool, colour: str) -> str:
    fill = colour if given else tint(colour, 0.5)
    kind = ("given " if given else "") + ("true" if true else "")
    return (f"<div class='row {kind}'><span title='{escape(name, quote=True)}'>{escape(name)}</span>"
            f"<i>{'✓' if true else ''}</i><div><b style='width:{100 * value:.1f}%;background:{fill}'></b></div>"
            f"<span>{percent(value) if value >= 0.0005 else '0'}</span></div>")  # fmt: skip
