"""Images that several runs answered: a gallery to choose from, and one image with the answer of every run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from dashboard.components import gallery
from dashboard.controls import (
    CLASS_BAR_STYLES,
    class_bars_html,
    classes_to_show,
    compared_runs,
    image_tag,
    percent_text,
    whole_pixel_width,
)
from dashboard.frame import check_link_value
from mnist_core.analysis import Predictions
from mnist_core.plots import channels_last, run_label, run_styles, sprite, tint
from mnist_core.text import in_html, share_text

# Images on a page of the gallery.
PAGE = 60
_STYLES = Path(__file__).with_name("image_browser.css")
# Columns of the sprite (one picture that holds all tiles), not of the gallery on the screen.
_COLUMNS = 10
# Sides in pixels on the screen, rounded to whole multiples of the image.
_SMALL, _LARGE = 84, 224
# Above this number of runs, one table replaces a card for each run.
_MOST_CARDS = 4


def browse_images(
    key: str,
    predictions: Predictions,
    indices: np.ndarray,
    captions: Sequence[str],
    names: tuple[str, ...],
    marks: Sequence[bool | None] | None = None,
) -> int:
    """A gallery of the images with these indices, a page at a time, and the chosen one with all answers.

    `indices` are int (n,) with n > 0. Returns the index of the chosen image. Page and image are the query parameters
    `{key}_page` and `{key}_image`. Raises DataError if the images are not there.
    """
    for styles in (_STYLES, CLASS_BAR_STYLES):
        st.html(styles)
    side, grid = st.columns([4, 5], gap="large")
    with grid:
        index = _choose_image(key, predictions, indices, captions, marks)
    with side, st.container(key=f"{key}-stays-in-view"):
        st.html(image_card(predictions, index, names))
    return index


def image_card(predictions: Predictions, index: int, names: tuple[str, ...]) -> str:
    """HTML of one image with sharp pixels, its label, and the probabilities that every run gives it."""
    caption = f"test image {index:,}"
    image = image_tag(channels_last(compared_runs.load_images(predictions, [index]))[0], _LARGE, caption)
    true = int(predictions.labels[index])
    right = int(predictions.right[:, index].sum())
    count = len(predictions.runs)
    who = {0: "no run agrees", count: "every run agrees"}.get(right, f"{right} of {count} runs agree")
    highest = np.max([predictions.probabilities[run.id][index] for run in predictions.runs], axis=0)
    shown = classes_to_show(highest, true)
    answers_html = _cards_html if count <= _MOST_CARDS else _table_html
    return (
        f"<div class='compared'><figure>{image}<figcaption>{caption}<br>Label <b>{in_html(names[true])}</b>: {who}"
        f"</figcaption></figure>{answers_html(predictions, index, names, shown)}</div>"
    )


def predicted_names(predictions: Predictions, index: int, names: tuple[str, ...]) -> str:
    """The classes that the runs predict for an image, the most frequent first, such as "9 or 4"."""
    classes, counts = np.unique(predictions.predicted[:, index], return_counts=True)
    return " or ".join(names[classes[position]] for position in np.argsort(-counts, kind="stable"))


def _choose_image(
    key: str,
    predictions: Predictions,
    indices: np.ndarray,
    captions: Sequence[str],
    marks: Sequence[bool | None] | None,
) -> int:
    pages = -(-len(indices) // PAGE)
    page_key = f"{key}_page"
    if st.session_state.get(page_key, 1) > pages:
        # The list has become shorter than the page that is in the session.
        st.session_state[page_key] = 1
    gallery_slot = st.container()
    page = st.pagination(pages, key=page_key, bind="query-params") if pages > 1 else 1
    page_slice = slice((page - 1) * PAGE, page * PAGE)
    shown = indices[page_slice]
    images = channels_last(compared_runs.load_images(predictions, shown))
    height, width = images.shape[1:3]
    image_key = f"{key}_image"
    options, requested = [str(index) for index in shown], st.query_params.get(image_key)
    check_link_value(image_key, "Image", options.__contains__)
    first = options.index(requested) if requested in options else 0
    with gallery_slot:
        chosen = gallery(
            f"{key}-gallery",
            sprite(images, _COLUMNS),
            (width, height),
            len(shown),
            captions[page_slice],
            marks and marks[page_slice],
            whole_pixel_width(_SMALL, width),
            first,
        )
    assert chosen is not None
    if chosen != first:
        st.query_params[image_key] = options[chosen]
    return int(shown[chosen])


def _cards_html(predictions: Predictions, index: int, names: tuple[str, ...], shown: Sequence[int]) -> str:
    """HTML: a card for each run with its answer, and a bar for each class."""
    cards, styles = [], run_styles(predictions.runs)
    for run, predicted in zip(predictions.runs, predictions.predicted[:, index], strict=True):
        values, colour = predictions.probabilities[run.id][index], styles[run.number].colour
        true = predictions.labels[index]
        bars = class_bars_html(names, values, shown, colour, predicted, true)
        cards.append(
            f"<div class='card'><p class='head' style='border-color:{colour}'>{in_html(run_label(run, 34))}</p>"
            f"<p class='answer'>{_mark_html(predicted == true)} <b>{in_html(names[predicted])}</b>, "
            f"{percent_text(float(values[predicted]))}</p>{bars}</div>"
        )
    return f"<div class='cards'>{''.join(cards)}</div>"


def _table_html(predictions: Predictions, index: int, names: tuple[str, ...], shown: Sequence[int]) -> str:
    """HTML: a row for each run, a column for each class; the more probable, the darker the cell. In per cent."""
    true = predictions.labels[index]
    head = "".join(f"<th class='{'true' if cls == true else ''}'>{in_html(names[cls])}</th>" for cls in shown)
    rows, styles = [], run_styles(predictions.runs)
    for run, predicted in zip(predictions.runs, predictions.predicted[:, index], strict=True):
        values, colour = predictions.probabilities[run.id][index], styles[run.number].colour
        cells = "".join(_cell_html(float(values[cls]), colour, cls == predicted) for cls in shown)
        rows.append(
            f"<tr><th title='{in_html(run_label(run, 100))}' style='border-color:{colour}'>{run.number}</th>"
            f"<td>{_mark_html(predicted == true)}</td>{cells}</tr>"
        )
    return (
        "<div class='table'><p class='quiet'>Probability of each class (%), one row for each run</p>"
        f"<table><tr><th>Run</th><td></td>{head}</tr>{''.join(rows)}</table></div>"
    )


def _cell_html(probability: float, colour: str, predicted: bool) -> str:
    emphasis = "strong" if predicted else ""
    text = share_text(probability, 0).removesuffix("%") if probability >= 0.005 else ""
    return f"<td class='{emphasis}' style='background:{tint(colour, 0.55 * probability)}'>{text}</td>"


def _mark_html(right: bool) -> str:
    return "<span class='right'>✓</span>" if right else "<span class='wrong'>✗</span>"
