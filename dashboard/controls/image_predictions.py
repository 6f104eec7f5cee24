"""A gallery of images with the network's answers, and one of them large with the probabilities of all classes."""

import base64
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components import gallery
from dashboard.controls.run_predictions import ImagePrediction, SplitPredictions
from dashboard.frame import check_link_value
from mnist_core.plots import channels_last, png, run_style, sprite, tint
from mnist_core.text import in_html

# to be put on the page once, with st.html
IMAGE_STYLES = Path(__file__).with_name("image_predictions.css")
# images at a time
IMAGES_PER_PAGE = 60
# query parameter: index of the large image in its split
_IMAGE = "image"
# of the sprite, not of the screen
_COLUMNS = 10
# with more classes than this only the most probable are shown
_MOST_ROWS = 12
# pixels on the screen, about
_SMALL, _LARGE = 84, 252


def choose_image(
    key: str,
    subject: SplitPredictions,
    rows: pd.DataFrame,
    captions: Sequence[str],
    marks: Sequence[bool] | None = None,
) -> ImagePrediction:
    """A gallery of the images of these rows (at least one); returns the answer to the one that is chosen.

    At first that is the image that the URL names, or else the first. Raises DataError if the images are not there.
    """
    images = channels_last(subject.images(rows))
    height, width = images.shape[1:3]
    size = whole_pixel_width(_SMALL, width)
    indices = [str(index) for index in rows["index"]]
    check_link_value(_IMAGE, "Image", indices.__contains__)
    asked = st.query_params.get(_IMAGE)
    first = indices.index(asked) if asked in indices else 0
    chosen = gallery(key, sprite(images, _COLUMNS), (width, height), len(rows), captions, marks, size, first)
    assert chosen is not None
    if chosen != first:
        st.query_params[_IMAGE] = indices[chosen]
    return subject.answer(int(rows.index[chosen]))


def large_image_html(subject: SplitPredictions, answer: ImagePrediction) -> str:
    """HTML of one image in crisp pixels, what the network says to it, and the probability of each class."""
    values = answer.probabilities
    colour = run_style(subject.run.number).colour
    bars = "".join(
        _bar(subject.classes[at], float(values[at]), at == answer.given, at == answer.true, colour)
        for at in _shown(values, answer.true)
    )
    rest = len(values) - _MOST_ROWS
    more = f"<p class='quiet'>and {rest} classes that are less probable</p>" if rest > 0 else ""
    caption = f"{subject.split} image {answer.index:,}"
    image = image_tag(channels_last(subject.image(answer)[None])[0], _LARGE, caption)
    return (
        f"<div class='inspected'><figure>{image}<figcaption>{caption}</figcaption></figure>"
        f"<div class='answer'><p class='verdict'>{_verdict(subject, answer)}</p>"
        f"<p class='quiet'>Probability of each class</p><div class='bars'>{bars}</div>{more}</div></div>"
    )


def image_tag(image: np.ndarray, width: int, alt: str) -> str:
    """An <img> of uint8 (H, W) or (H, W, 3), about `width` pixels wide on the screen, unblurred."""
    source = base64.b64encode(png(image)).decode()
    width = whole_pixel_width(width, image.shape[1])
    return f"<img src='data:image/png;base64,{source}' alt='{in_html(alt)}' style='width:{width}px'>"


def whole_pixel_width(wanted: int, pixels: int) -> int:
    """A width on the screen near `wanted` that gives each of an image's pixels the same number of the screen's."""
    return pixels * max(1, round(wanted / pixels))


def percent_text(value: float) -> str:
    """A probability in per cent that reads as 100 only where it is."""
    return f"{min(100 * value, 99.9) if value < 1 else 100:.1f}%"


def _verdict(subject: SplitPredictions, answer: ImagePrediction) -> str:
    given, true = in_html(subject.classes[answer.given]), in_html(subject.classes[answer.true])
    said = f"The network says <b>{given}</b>, {percent_text(answer.confidence)} sure."
    if answer.right:
        return f"{said} <span class='right'>✓ Right.</span>"
    rest = percent_text(float(answer.probabilities[answer.true]))
    return f"{said} <span class='wrong'>✗ It is <b>{true}</b></span>, to which it gives {rest}."


def _shown(values: np.ndarray, true: int) -> Sequence[int]:
    """Places of the classes to show: all in their order, or of many the most probable first, and the true one."""
    if len(values) <= _MOST_ROWS:
        return range(len(values))
    best = np.argsort(-values, kind="stable")[:_MOST_ROWS].tolist()
    return best if true in best else [*best[:-1], true]


def _bar(name: str, value: float, given: bool, true: bool, colour: str) -> str:
    fill = colour if given else tint(colour, 0.5)
    kind = "told" if given or true else ""
    return (
        f"<span class='{kind}' title='{in_html(name)}'>{in_html(name)}</span>"
        f"<i>{'✓' if true else ''}</i><div><b style='width:{100 * value:.1f}%;background:{fill}'></b></div>"
        f"<span class='{kind}'>{percent_text(value)}</span>"
    )
