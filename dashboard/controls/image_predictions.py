"""A gallery of images with the network's predictions, and one image large with the probabilities of all classes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components import gallery
from dashboard.controls.class_bars import class_bars_html, classes_to_show, percent_text
from dashboard.controls.run_predictions import ImagePrediction, SplitPredictions
from dashboard.frame import check_link_value
from mnist_core.plots import channels_last, png, png_address, run_style, sprite
from mnist_core.text import in_html

# A page that shows such images puts this file on the page once, with st.html.
IMAGE_STYLES = Path(__file__).with_name("image_predictions.css")
IMAGES_PER_PAGE = 60
# Query parameter: index of the large image in its split.
_IMAGE = "image"
# Columns of the sprite that is sent; the browser lays the images out by itself.
_SPRITE_COLUMNS = 10
# About how many pixels of the screen a small and a large image are wide.
_SMALL_WIDTH, _LARGE_WIDTH = 84, 252


def choose_image(
    key: str,
    predictions: SplitPredictions,
    rows: pd.DataFrame,
    captions: Sequence[str],
    marks: Sequence[bool] | None = None,
) -> ImagePrediction:
    """A gallery of the images of these rows (at least one); returns the prediction for the chosen image.

    At first that is the image in the page's address, or else the first. Raises DataError if the images are not there.
    """
    images = channels_last(predictions.images(rows))
    height, width = images.shape[1:3]
    size = whole_pixel_width(_SMALL_WIDTH, width)
    indices = [str(index) for index in rows["index"]]
    check_link_value(_IMAGE, "Image", indices.__contains__)
    linked = st.query_params.get(_IMAGE)
    first = indices.index(linked) if linked in indices else 0
    chosen = gallery(key, sprite(images, _SPRITE_COLUMNS), (width, height), len(rows), captions, marks, size, first)
    assert chosen is not None
    if chosen != first:
        st.query_params[_IMAGE] = indices[chosen]
    return predictions.prediction(int(rows.index[chosen]))


def large_image_html(predictions: SplitPredictions, prediction: ImagePrediction) -> str:
    """HTML of one image in crisp pixels, what the network says about it, and the probability of each class."""
    probabilities = prediction.probabilities
    colour = run_style(predictions.run.number).colour
    shown = classes_to_show(probabilities, prediction.label)
    bars = class_bars_html(predictions.classes, probabilities, shown, colour, prediction.predicted, prediction.label)
    hidden = len(probabilities) - len(shown)
    more = f"<p class='quiet'>and {hidden} classes that are less probable</p>" if hidden > 0 else ""
    caption = f"{predictions.split} image {prediction.index:,}"
    image = image_tag(channels_last(predictions.image(prediction)[None])[0], _LARGE_WIDTH, caption)
    return (
        f"<div class='inspected'><figure>{image}<figcaption>{caption}</figcaption></figure>"
        f"<div class='answer'><p class='verdict'>{_verdict(predictions.classes, prediction)}</p>"
        f"<p class='quiet'>Probability of each class</p>{bars}{more}</div></div>"
    )


def image_tag(image: np.ndarray, width: int, alt: str) -> str:
    """An <img> of uint8 (H, W) or (H, W, 3), about `width` pixels wide on the screen, unblurred."""
    width = whole_pixel_width(width, image.shape[1])
    return f"<img src='{png_address(png(image))}' alt='{in_html(alt)}' style='width:{width}px'>"


def whole_pixel_width(wanted: int, pixels: int) -> int:
    """The width on the screen nearest to `wanted` that is a whole multiple of an image's width in pixels."""
    return pixels * max(1, round(wanted / pixels))


def _verdict(classes: Sequence[str], prediction: ImagePrediction) -> str:
    predicted, label = in_html(classes[prediction.predicted]), in_html(classes[prediction.label])
    verdict = f"The network says <b>{predicted}</b>, {percent_text(prediction.confidence)} sure."
    if prediction.is_correct:
        return f"{verdict} <span class='right'>✓ Right.</span>"
    of_label = percent_text(float(prediction.probabilities[prediction.label]))
    return f"{verdict} <span class='wrong'>✗ It is <b>{label}</b></span>, to which it gives {of_label}."
