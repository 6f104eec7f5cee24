"""Images that several runs answered: a gallery to choose from, and one image with what every run says to it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from dashboard.components import gallery
from dashboard.controls import compared_runs, image_tag, percent_text, whole_pixel_width
from dashboard.frame import check_link_value
from mnist_core.analysis import Predictions
from mnist_core.plots import channels_last, run_label, run_styles, sprite, tint
from mnist_core.text import in_html

# images at a time
PAGE = 60
_STYLES = Path(__file__).with_name("image_browser.css")
# of the sprite, not of the screen
_COLUMNS = 10
# pixels on the screen, about
_SMALL, _LARGE = 84, 224
# with more runs than this their probabilities stand in one table
_MOST_CARDS = 4
# with more classes than this only the most probable are shown
_MOST_CLASSES = 12


def browse_images(
    key: str,
    found: Predictions,
    places: np.ndarray,
    captions: Sequence[str],
    names: tuple[str, ...],
    marks: Sequence[bool | None] | None = None,
) -> int:
    """A gallery of the images at these places (at least one), a page at a time, and the chosen one with all answers.

    Returns its place. Page and image are the query parameters `{key}_page` and `{key}_image`. Raises DataError if the
    images are not there.
    """
    st.html(_STYLES)
    side, grid = st.columns([4, 5], gap="large")
    with grid:
        place = _choose(key, found, places, captions, marks)
    with side, st.container(key=f"{key}-stays-in-view"):
        st.html(image_card(found, place, names))
    return place


def image_card(found: Predictions, place: int, names: tuple[str, ...]) -> str:
    """HTML of one image in crisp pixels, its label, and the probabilities that every run gives."""
    caption = f"test image {place:,}"
    image = image_tag(channels_last(compared_runs.load_images(found, [place]))[0], _LARGE, caption)
    true = int(found.labels[place])
    right = int(found.right[:, place].sum())
    count = len(found.runs)
    who = {0: "no run calls it so", count: "every run calls it so"}.get(right, f"{right} of {count} runs call it so")
    shown = _shown(found, place, true)
    tell = _cards if count <= _MOST_CARDS else _table
    return (
        f"<div class='compared'><figure>{image}<figcaption>{caption}<br>Label <b>{in_html(names[true])}</b>: {who}"
        f"</figcaption></figure>{tell(found, place, names, shown)}</div>"
    )


def predicted_names(found: Predictions, place: int, names: tuple[str, ...]) -> str:
    """What the runs call an image, the most frequent first, such as "9 or 4"."""
    called, counts = np.unique(found.predicted[:, place], return_counts=True)
    return " or ".join(names[called[at]] for at in np.argsort(-counts, kind="stable"))


def _choose(
    key: str, found: Predictions, places: np.ndarray, captions: Sequence[str], marks: Sequence[bool | None] | None
) -> int:
    pages = -(-len(places) // PAGE)
    own = f"{key}_page"
    if st.session_state.get(own, 1) > pages:
        # the list has become shorter
        st.session_state[own] = 1
    under = st.container()
    page = st.pagination(pages, key=own, bind="query-params") if pages > 1 else 1
    part = slice((page - 1) * PAGE, page * PAGE)
    shown = places[part]
    images = channels_last(compared_runs.load_images(found, shown))
    height, width = images.shape[1:3]
    image = f"{key}_image"
    known, asked = [str(place) for place in shown], st.query_params.get(image)
    check_link_value(image, "Image", known.__contains__)
    first = known.index(asked) if asked in known else 0
    with under:
        chosen = gallery(
            f"{key}-gallery",
            sprite(images, _COLUMNS),
            (width, height),
            len(shown),
            captions[part],
            marks and marks[part],
            whole_pixel_width(_SMALL, width),
            first,
        )
    assert chosen is not None
    if chosen != first:
        st.query_params[image] = known[chosen]
    return int(shown[chosen])


def _shown(found: Predictions, place: int, true: int) -> list[int]:
    """Classes to show: all in their order, or of many those that any run finds most probable, and the true one."""
    if found.classes <= _MOST_CLASSES:
        return list(range(found.classes))
    most = np.max([found.probabilities[run.id][place] for run in found.runs], axis=0)
    best = np.argsort(-most, kind="stable")[:_MOST_CLASSES].tolist()
    return best if true in best else [*best[:-1], true]


def _cards(found: Predictions, place: int, names: tuple[str, ...], shown: Sequence[int]) -> str:
    """A card a run: what it says, and a bar a class."""
    cards, styles = [], run_styles(found.runs)
    for run, given in zip(found.runs, found.predicted[:, place], strict=True):
        values, colour = found.probabilities[run.id][place], styles[run.number].colour
        true = found.labels[place]
        bars = "".join(
            f"<span class='{'told' if at in (given, true) else ''}'>{in_html(names[at])}</span>"
            f"<i>{'✓' if at == true else ''}</i>"
            f"<div><b style='width:{100 * values[at]:.1f}%;background:{colour if at == given else tint(colour, 0.5)}'>"
            f"</b></div><span class='{'told' if at in (given, true) else ''}'>{percent_text(float(values[at]))}</span>"
            for at in shown
        )
        cards.append(
            f"<div class='card'><p class='head' style='border-color:{colour}'>{in_html(run_label(run, 34))}</p>"
            f"<p class='said'>{_mark(given == true)} <b>{in_html(names[given])}</b>, "
            f"{percent_text(float(values[given]))}</p><div class='bars'>{bars}</div></div>"
        )
    return f"<div class='cards'>{''.join(cards)}</div>"


def _table(found: Predictions, place: int, names: tuple[str, ...], shown: Sequence[int]) -> str:
    """A row a run, a column a class: the more probable, the fuller the cell; probabilities in per cent."""
    true = found.labels[place]
    head = "".join(f"<th class='{'true' if at == true else ''}'>{in_html(names[at])}</th>" for at in shown)
    rows, styles = [], run_styles(found.runs)
    for run, given in zip(found.runs, found.predicted[:, place], strict=True):
        values, colour = found.probabilities[run.id][place], styles[run.number].colour
        cells = "".join(
            f"<td class='{'told' if at == given else ''}' style='background:{tint(colour, 0.55 * float(values[at]))}'>"
            f"{f'{100 * values[at]:.0f}' if values[at] >= 0.005 else ''}</td>"
            for at in shown
        )
        rows.append(
            f"<tr><th title='{in_html(run_label(run, 100))}' style='border-color:{colour}'>{run.number}</th>"
            f"<td>{_mark(given == true)}</td>{cells}</tr>"
        )
    return (
        "<div class='table'><p class='quiet'>Probability of each class (%), a row a run</p>"
        f"<table><tr><th>Run</th><td></td>{head}</tr>{''.join(rows)}</table></div>"
    )


def _mark(right: bool) -> str:
    return "<span class='right'>✓</span>" if right else "<span class='wrong'>✗</span>"
