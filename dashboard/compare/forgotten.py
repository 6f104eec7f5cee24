"""Images that a run had learned and forgot again, from the weights that it kept after each epoch."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.compare.image_browser import browse_images
from dashboard.components import data_table, table_rows
from dashboard.controls import compared_runs
from dashboard.frame import choose_option, choose_run, errors_as_messages, open_store
from mnist_core.analysis import PredictionHistory, Predictions, forgetting
from mnist_core.plots import forgetting_course
from mnist_core.store import Run
from mnist_core.text import in_html

# seconds: what takes longer waits for a click
_AT_ONCE = 3.0
# histories: at 10,000 images and 100 epochs each has 2 MB
_REMEMBERED = 40
_KINDS = {
    "forgotten": "Right after some epoch and wrong after the next one, at least once.",
    "lost": "Learned, but wrong after the last epoch.",
    "never learned": "Wrong after every epoch.",
}


@st.fragment
def show_forgotten_images(found: Predictions) -> None:
    """How many images one run learned and forgot at each epoch, and the timeline of one of them."""
    with errors_as_messages():
        run = choose_run("disagreements_run", "Run", "Whose epochs are looked at.", _most_epochs_first(found.runs))
        assert run is not None
        kept = forgetting.kept_epochs(open_store(), run)
        st.caption(_about_epochs(run, kept))
        compared_runs.show_precision_notes([run])
        if len(kept) < 2:
            st.info(
                "To see what was forgotten, the weights of two epochs are needed at least. Train with a smaller "
                "number in **Checkpoint every (epochs)**, or choose another run."
            )
            return
        history = _history_or_button(found, run, tuple(kept))
        if history is None:
            return
        table = forgetting.forgetting_events(history, found.labels)
        st.markdown(_summary(table, run))
        course = forgetting.forgetting_course(history, found.labels)
        st.plotly_chart(forgetting_course(course), key="disagreements-course", config=compared_runs.PLOTLY_CONFIG)
        _images(found.of([run]), history, table)


def _images(found: Predictions, history: PredictionHistory, table: pd.DataFrame) -> None:
    kind = choose_option(
        "Images that were",
        list(_KINDS),
        default="forgotten",
        key="disagreements_kind",
        help=" ".join(f"{name.capitalize()}: {about[:1].lower()}{about[1:]}" for name, about in _KINDS.items()),
    )
    rows = _rows(table, kind)
    if rows.empty:
        st.info(f"There is no such image. {_KINDS[kind]}")
        return
    names = compared_runs.class_names(found)
    st.caption(f"{len(rows):,} images. {_KINDS[kind]} Those forgotten most often come first.")
    strip = st.container()
    captions = [f"{names[row['label']]} · {row['forgotten']}×" for row in rows.to_dict("records")]
    place = browse_images("disagreements_forgotten", found, rows["index"].to_numpy(), captions, names)
    with strip:
        st.html(timeline_html(history, place, int(found.labels[place]), names))
    shown = rows.assign(label=[names[label] for label in rows["label"]])
    number = st.column_config.NumberColumn
    columns = {
        "index": number("Image", help="Its number in the test split, from 0."),
        "label": "Label",
        "forgotten": number("Times forgotten", help="How often right, then wrong."),
        "learned": number("First right", help="The first epoch looked at after which it was."),
        "last_right": number("Last right", help="The last such epoch."),
        "right_since": number("Always right since", help="A dash: wrong at the end."),
    }
    rows = table_rows(shown, columns)
    data_table("forgotten-images", rows, "The images, and when each was right", height=300)


def timeline_html(history: PredictionHistory, place: int, label: int, names: tuple[str, ...]) -> str:
    """HTML of what one image was called after each epoch; what is not its label stands out."""
    called_at = zip(history.epochs.tolist(), history.of(place).tolist(), strict=True)
    cells = "".join(
        f"<div class='{'' if called == label else 'missed'}' title='after epoch {epoch}: {in_html(names[called])}'>"
        f"{in_html(names[called])}<small>{epoch}</small></div>"
        for epoch, called in called_at
    )
    return (
        f"<p>Test image {place:,}, label <b>{in_html(names[label])}</b>: what the run called it after each epoch</p>"
        f"<div class='strip'>{cells}</div>"
    )


def _rows(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The images of one kind, those forgotten most often first."""
    known, at_end = table["learned"].notna(), table["right_since"].notna()
    chosen = {"forgotten": table["forgotten"] > 0, "lost": known & ~at_end, "never learned": ~known}[kind]
    rows = table.loc[chosen, :]
    return rows.sort_values(["forgotten", "index"], ascending=[False, True])


def _summary(table: pd.DataFrame, run: Run) -> str:
    forgot, never, lost = (len(_rows(table, kind)) for kind in ("forgotten", "never learned", "lost"))
    kept = len(table) - forgot - never
    return (
        f"Of {len(table):,} images run {run.number} never forgot **{kept:,}** once it had them right; it forgot "
        f"**{forgot:,}** at least once ({lost:,} of them are wrong at the end), and never learned **{never:,}**."
    )


def _about_epochs(run: Run, kept: Sequence[int]) -> str:
    said = f"{kept[0]} to {kept[-1]}" if list(kept) == list(range(1, run.epoch + 1)) else ", ".join(map(str, kept))
    all_of = "all of them" if len(kept) == run.epoch else f"the {len(kept)} of {run.epoch} whose weights were kept"
    return (
        f"The test images are answered anew with the weights after epoch {said or '–'}: {all_of}; of the epoch that "
        "was tested, the stored answers count. What happened between two of these epochs cannot be seen."
    )


def _most_epochs_first(runs: Sequence[Run]) -> list[Run]:
    """The runs, those with the most epochs to look at first."""
    store = open_store()
    return sorted(runs, key=lambda run: -len(forgetting.kept_epochs(store, run)))


def _history_or_button(found: Predictions, run: Run, kept: tuple[int, ...]) -> PredictionHistory | None:
    """The history, at once if it is there or comes quickly, else after a click; None before that."""
    seen, key = _seen(), (run.id, kept)
    if key in seen:
        return seen[key]
    expected = forgetting.history_seconds(run, found.images, len(kept))
    if expected > _AT_ONCE:
        about = f"{expected:.0f} seconds" if expected < 100 else f"{expected / 60:.0f} minutes"
        if not st.button(
            f"Look at {len(kept)} epochs (about {about})",
            key="disagreements-compute",
            type="primary",
            help="Loads the weights of each epoch and answers all test images with them, on this computer's processor.",
        ):
            return None
    images = compared_runs.load_images(found.of([run]), np.arange(found.images))
    bar = st.empty()

    def report(answered: int, of: int) -> None:
        bar.progress(answered / of, f"{answered:,} of {of:,} answers: {found.images:,} images after {len(kept)} epochs")

    files = open_store().artifacts(run.id, kind="predictions")
    # whose predictions are stored
    tested = files[-1].epoch if files else None
    stored = {} if tested is None else {tested: found.predicted[found.runs.index(run)]}
    seen[key] = forgetting.prediction_history(open_store(), run, images, report, kept, stored)
    bar.empty()
    while len(seen) > _REMEMBERED:
        del seen[next(iter(seen))]
    return seen.get(key)


@st.cache_resource(show_spinner=False)
def _seen() -> dict[tuple[str, tuple[int, ...]], PredictionHistory]:
    """Histories by run and epochs, for all sessions: once computed they are shown without a click.

    Not a cached function, because one cannot move a progress bar.
    """
    return {}
