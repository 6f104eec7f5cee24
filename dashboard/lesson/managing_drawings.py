"""Drawings to look at, to delete and to take away: for the teacher all, for a student the own ones."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import streamlit as st

from dashboard.components import gallery
from dashboard.frame import choose_option, errors_as_messages, open_store
from mnist_core.errors import StoreError
from mnist_core.export import export_drawings
from mnist_core.plots import sprite
from mnist_core.store import (
    DRAWN_DIGITS,
    ClassDrawing,
    Store,
    ask_for_digit,
    asked_digit,
    names_of_people,
    read_drawings,
    remove_all_drawings,
    remove_drawings,
    remove_drawings_of,
)
from mnist_core.text import in_markdown

# Drawings on a page of the gallery, and tiles in a row of its picture.
_A_PAGE, _COLUMNS = 60, 10
_FEWEST, _ALL = "Fewest", "All"
_ASKED, _DIGIT, _PAGE, _GALLERY = "class-asked", "drawings-digit", "drawings-page", "drawings-gallery"
# A damaged picture is shown as an even grey.
_GREY = 128


def manage_drawings() -> None:
    """What the teacher asks for, and a gallery of the drawings; for a student a gallery of the own ones."""
    if open_store().owner is None:
        _ask()
    st.fragment(_show_drawings)()


def _ask() -> None:
    asked = asked_digit(open_store())
    choose_option(
        "Ask for",
        [_FEWEST, *map(str, DRAWN_DIGITS)],
        key=_ASKED,
        default=_FEWEST if asked is None else str(asked),
        in_address=False,
        on_change=_ask_for_chosen,
        help="The digit that everyone is asked to draw; “Fewest” asks each for a digit of which there are fewest.",
    )


def _ask_for_chosen() -> None:
    chosen = st.session_state.get(_ASKED)
    with errors_as_messages():
        ask_for_digit(open_store(), int(chosen) if chosen and chosen != _FEWEST else None)


def _show_drawings() -> None:
    store = open_store()
    every = read_drawings(store)
    st.subheader("Drawings" if store.owner is None else "Your drawings")
    # A page that was opened before the first drawing needs the button, too.
    st.button("Look again", help="Shows what has been handed in since.")
    if not every:
        st.caption("There is none yet.")
        return
    digit = choose_option(
        "Show",
        [_ALL, *map(str, DRAWN_DIGITS)],
        key=_DIGIT,
        default=_ALL,
        in_address=False,
        help="Only drawings for which this digit was asked.",
    )
    chosen = [drawing for drawing in every if digit in (_ALL, str(drawing.label))]
    shown = _page_of(chosen)
    names = names_of_people(store) if store.owner is None else {}
    if shown:
        index = gallery(
            _GALLERY,
            _sprite(shown),
            (56, 56),
            len(shown),
            captions=[_caption(drawing, names) for drawing in shown],
        )
        _offer_deleting(store, None if index is None else shown[index], len(every), names)
    else:
        st.caption(f"Nobody has drawn a {digit} yet.")
    if store.owner is None:
        _offer_export(every)


def _page_of(chosen: Sequence[ClassDrawing]) -> Sequence[ClassDrawing]:
    """One page of the drawings; with a field for its number if there are several."""
    pages = max(1, -(-len(chosen) // _A_PAGE))
    if pages == 1:
        return chosen
    st.session_state[_PAGE] = min(st.session_state.get(_PAGE, 1), pages)
    page = st.number_input(
        f"Page, of {pages}", 1, pages, key=_PAGE, help=f"{_A_PAGE} drawings a page, the newest first."
    )
    return chosen[(page - 1) * _A_PAGE : page * _A_PAGE]


def _sprite(shown: Sequence[ClassDrawing]) -> bytes:
    images = np.full((len(shown), 56, 56), _GREY, dtype=np.uint8)
    for place, drawing in enumerate(shown):
        try:
            # Every two pixels become one: the pen is several pixels wide.
            images[place] = drawing.pixels[::2, ::2]
        except StoreError:
            continue
    return sprite(images, _COLUMNS)


def _caption(drawing: ClassDrawing, names: dict[str, str]) -> str:
    return f"{drawing.label} {names.get(drawing.owner or '', '')}".strip()


def _offer_deleting(store: Store, drawing: ClassDrawing | None, count: int, names: dict[str, str]) -> None:
    if drawing is None:
        st.caption("Choose a drawing to delete it.")
    with st.container(horizontal=True):
        if drawing is not None:
            _popover("Delete this drawing", "Delete it", partial(remove_drawings, ids=[drawing.id]))
        if drawing is not None and store.owner is None and drawing.owner is not None:
            name = in_markdown(names.get(drawing.owner) or "this person")
            of_person = partial(remove_drawings_of, owner=drawing.owner)
            _popover(f"Delete all by {name}", "Delete all of this person", of_person)
        if store.owner is None:
            _popover("Delete all drawings", "Delete all drawings of the class", remove_all_drawings)
        elif count > 1:
            of_student = partial(remove_drawings_of, owner=store.owner)
            _popover("Delete all of yours", "Delete all that you drew", of_student)


def _popover(label: str, confirm: str, remove: Callable[[Store], object]) -> None:
    with st.popover(label, help="Asks once more before it deletes."):
        st.markdown("This cannot be undone.")
        st.button(confirm, on_click=_remove, args=(remove,), help="Deletes it from this computer for good.")


def _remove(remove: Callable[[Store], object]) -> None:
    with errors_as_messages():
        remove(open_store())


def _offer_export(every: Sequence[ClassDrawing]) -> None:
    twice = [digit for digit in DRAWN_DIGITS if sum(drawing.label == digit for drawing in every) > 1]
    st.download_button(
        "Take all away (ZIP)",
        partial(export_drawings, open_store()),
        "our-handwriting.zip",
        "application/zip",
        key="export-drawings",
        on_click="ignore",
        icon=":material/download:",
        disabled=len(twice) < 2,
        help="PNG files with labels.csv, without names; unpacked it is an image folder for this app. It needs two "
        "digits with two drawings each.",
    )
