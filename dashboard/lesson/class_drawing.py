"""The class draws: the digit that is asked for, the pad, and what the best network says to a drawing."""

import numpy as np
import streamlit as st

from dashboard.components import PadDrawing, pad, read_pad
from dashboard.controls import percent_text
from dashboard.frame import count_clicks, is_new_click, open_store, pace, pace_of_strokes
from dashboard.lesson.handwriting_ranking import class_answers
from mnist_core.analysis import handwriting
from mnist_core.config import DIGITS
from mnist_core.errors import MnistLabError
from mnist_core.plots import png, png_address, run_label
from mnist_core.store import (
    DRAWN_DIGITS,
    ClassDrawing,
    Run,
    RunQuery,
    Store,
    add_drawing,
    asked_digit,
    has_drawn,
    next_digit,
    read_page,
)
from mnist_core.text import in_html, in_markdown

_TICK_SECONDS = 2.0
# How long handing in may wait for networks, so that the best one is known.
_ASK_SECONDS = 0.2
_PAD, _BUTTON = "class-pad", "hand-in"
# Keys of the session: which drawing it is, the digit that is asked for, what the teacher asked for then, what was
# said to the drawing before, and why one was refused.
_NUMBER, _DIGIT, _ASKED, _SAID, _REFUSED = (
    f"class-drawing:{name}" for name in ("number", "digit", "asked", "said", "refused")
)


def draw_for_the_class() -> None:
    """The digit to draw, the pad, and a button that hands the drawing in."""
    st.fragment(_draw, run_every=pace(_TICK_SECONDS))()


def _draw() -> None:
    store, above = open_store(), st.container()
    is_first = _NUMBER not in st.session_state
    if is_first:
        _go_on_with(store, _show_pad(0, next_digit(store)))
    number = st.session_state[_NUMBER]
    digit = _digit_to_draw(store, is_empty=read_pad(_PAD, number).pixels is None)
    with above:
        if digit is None:
            st.info("No more drawings are taken: there are as many as are kept.")
        else:
            _show_task(digit, number)
        if digit is not None and (refused := st.session_state.get(_REFUSED)):
            st.warning(in_markdown(refused))
        else:
            st.html(st.session_state.get(_SAID, "<div class='said' role='status'></div>"))
    if digit is not None and not is_first:
        _show_pad(number, digit)


def _show_task(digit: int, number: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.html(f"<h2 class='draw-this'>Draw {'an' if digit == 8 else 'a'} <b>{digit}</b></h2>")
        st.button(
            "Hand in",
            key=_BUTTON,
            type="primary",
            on_click=_hand_in,
            args=(digit, number, count_clicks(_BUTTON)),
            help="Gives your drawing to the class. You can delete it later.",
        )


def _show_pad(number: int, digit: int | None) -> PadDrawing:
    return pad(_PAD, number, label=digit, pause=pace_of_strokes())


def _go_on_with(store: Store, drawing: PadDrawing) -> None:
    """Begin with what an open page has on its pad, where its app was started anew or another one has taken over."""
    number, pixels = drawing.number, drawing.pixels
    if pixels is not None and has_drawn(store, pixels):
        # It was handed in, and the page was not told any more.
        number += 1
    elif pixels is not None and drawing.label in DRAWN_DIGITS:
        st.session_state[_DIGIT], st.session_state[_ASKED] = drawing.label, asked_digit(store)
    st.session_state[_NUMBER] = number


def _digit_to_draw(store: Store, is_empty: bool) -> int | None:
    """The digit to draw; it stays while something is on the pad, whatever the class needs most meanwhile."""
    asked = asked_digit(store)
    is_kept = st.session_state.get(_DIGIT) is not None and (
        not is_empty or asked in (None, st.session_state.get(_ASKED))
    )
    if not is_kept:
        st.session_state[_DIGIT], st.session_state[_ASKED] = next_digit(store), asked
    return st.session_state[_DIGIT]


def _hand_in(digit: int, number: int, click: int) -> None:
    if not is_new_click(_BUTTON, click):
        return
    store, pixels = open_store(), read_pad(_PAD, number).pixels
    try:
        drawing = add_drawing(store, digit, np.zeros((0, 0), np.uint8) if pixels is None else pixels)
    except MnistLabError as error:
        st.session_state[_REFUSED] = f"Nothing is drawn yet. Draw the {digit} first." if pixels is None else str(error)
        # The class may have become full, or the person have drawn enough of this digit.
        if pixels is not None and next_digit(store) != digit:
            st.session_state[_DIGIT] = None
        return
    st.session_state[_REFUSED], st.session_state[_DIGIT] = None, None
    st.session_state[_NUMBER] = number + 1
    st.session_state[_SAID] = _said_html(store, drawing)


def _said_html(store: Store, drawing: ClassDrawing) -> str:
    """What the best network reads in a drawing that was handed in."""
    run = _best_run(store)
    if run is None:
        return _status("Handed in. No network has learned to read digits yet.")
    try:
        image, probabilities = class_answers().probabilities(store, run, drawing)
    except MnistLabError:
        return _status(f"Handed in. {run_label(run)} cannot answer.")
    if not np.isfinite(probabilities).all():
        return _status(f"Handed in. {run_label(run)} cannot answer.")
    read = int(probabilities.argmax())
    picture = f"<img src='{png_address(png(image[0]))}' alt='What the network gets: 28 by 28 pixels'>"
    verdict = "right" if read == drawing.label else f"but a {drawing.label} was asked for"
    mark = "✓" if read == drawing.label else "✗"
    return _status(
        f"{run_label(run)} reads {DIGITS[read]} ({percent_text(float(probabilities[read]))}), {verdict} {mark}", picture
    )


def _status(text: str, picture: str = "") -> str:
    return f"<div class='said' role='status'>{picture}<span>{in_html(text)}</span></div>"


def _best_run(store: Store) -> Run | None:
    """The network in the first place of the ranking; before there is one, that with the best validation accuracy."""
    runs = handwriting.ranked_runs(read_page(store, RunQuery(states=["finished"])).runs)
    rows = class_answers().rank(store, runs, _ASK_SECONDS).rows
    if rows:
        return rows[0].run
    return max(runs, key=lambda run: run.held_out_accuracy or 0.0, default=None)
