"""Images that a run had learned and forgot again, from the weights that it kept after each epoch."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.compare.image_browser import browse_images
from dashboard.components import data_table, table_rows
from dashboard.controls import compared_runs
from dashboard.frame import choose_option, choose_run, errors_as_messages, open_store, show_figure
from mnist_core.analysis import PredictionHistory, Predictions, forgetting
from mnist_core.plots import forgetting_course
from mnist_core.store import Run
from mnist_core.text import counted, in_html

# Seconds; a computation that takes longer starts only after a click.
_AT_ONCE = 3.0
# A history of 10,000 images and 100 epochs takes 2 MB of memory.
_REMEMBERED = 40
_KINDS = {
    "forgotten": "Right after some epoch and wrong after the next one, at least once.",
    "lost": "Learned, but wrong after the last epoch.",
    "never learned": "Wrong after every epoch.",
}


@st.fragment
def show_forgotten_images(predictions: Predictions) -> None:
    """How many images one run learned and forgot at each epoch, and one image's answers epoch by epoch."""
    with errors_as_messages():
        run = choose_run(
            "disagreements_run", "Run", "The run whose epochs are compared.", _most_epochs_first(predictions.runs)
        )
        assert run is not None
        epochs = forgetting.kept_epochs(open_store(), run)
        st.caption(_about_epochs(run, epochs))
        compared_runs.show_precision_notes([run])
        if len(epochs) < 2:
            st.info(
                "At least two epochs must have saved weights to show what was forgotten. Train with a smaller number "
                "in **Checkpoint every (epochs)**, or choose another run."
            )
            return
        history = _history_or_button(predictions, run, tuple(epochs))
        if history is None:
            return
        table = forgetting.forgetting_events(history, predictions.labels)
        st.markdown(_summary(table, run))
        course = forgetting.forgetting_course(history, predictions.labels)
        show_figure(forgetting_course(course), key="disagreements-course")
        _images(predictions.of([run]), history, table)


def _images(predictions: Predictions, history: PredictionHistory, table: pd.DataFrame) -> None:
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
    names = compared_runs.class_names(predictions)
    st.caption(f"{counted(len(rows), 'image')}. {_KINDS[kind]} Those forgotten most often come first.")
    strip = st.container()
    captions = [f"{names[row['label']]} · {row['forgotten']}×" for row in rows.to_dict("records")]
    index = browse_images("disagreements_forgotten", predictions, rows["index"].to_numpy(), captions, names)
    with strip:
        st.html(timeline_html(history, index, int(predictions.labels[index]), names))
    shown = rows.assign(label=[names[label] for label in rows["label"]])
    number = st.column_config.NumberColumn
    columns = {
        "index": number("Image", help="Its number in the test split, from 0."),
        "label": "Label",
        "forgotten": number("Times forgotten", help="How often right, then wrong."),
        "learned": number("First right", help="The first of these epochs after which it was right."),
        "last_right": number("Last right", help="The last of these epochs after which it was right."),
        "right_since": number("Always right since", help="A dash: wrong after the last epoch."),
    }
    rows = table_rows(shown, columns)
    data_table("forgotten-images", rows, "The images, and when each was right", height=300)


def timeline_html(history: PredictionHistory, index: int, label: int, names: tuple[str, ...]) -> str:
    """HTML of the answers to one image after each epoch; wrong answers stand out."""
    called_at = zip(history.epochs.tolist(), history.of(index).tolist(), strict=True)
    cells = "".join(
        f"<div class='{'' if called == label else 'missed'}' title='after epoch {epoch}: {in_html(names[called])}'>"
        f"{in_html(names[called])}<small>{epoch}</small></div>"
        for epoch, called in called_at
    )
    return (
        f"<p>Test image {index:,}, label <b>{in_html(names[label])}</b>: what the run called it after each epoch</p>"
        f"<div class='strip'>{cells}</div>"
    )


def _rows(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Rows of one of `_KINDS`, those forgotten most often first."""
    was_learned, at_end = table["learned"].notna(), table["right_since"].notna()
    chosen = {"forgotten": table["forgotten"] > 0, "lost": was_learned & ~at_end, "never learned": ~was_learned}[kind]
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
    epochs = f"{kept[0]} to {kept[-1]}" if list(kept) == list(range(1, run.epoch + 1)) else ", ".join(map(str, kept))
    share = "all epochs" if len(kept) == run.epoch else f"the {len(kept)} of {run.epoch} with saved weights"
    return (
        f"The network answers the test images again with its weights after epoch {epochs or '–'}: {share}. For the "
        "tested epoch, its stored answers count. What happened between two of these epochs cannot be seen."
    )


def _most_epochs_first(runs: Sequence[Run]) -> list[Run]:
    """The runs, those with the most saved epochs first."""
    store = open_store()
    return sorted(runs, key=lambda run: -len(forgetting.kept_epochs(store, run)))


def _history_or_button(predictions: Predictions, run: Run, epochs: tuple[int, ...]) -> PredictionHistory | None:
    """The history: at once if it is cached or quick to compute, else after a click; None before the click."""
    histories, key = _histories(), (run.version, epochs)
    if key in histories:
        return histories[key]
    expected = forgetting.history_seconds(run, predictions.images, len(epochs))
    if expected > _AT_ONCE:
        about = f"{expected:.0f} seconds" if expected < 100 else f"{expected / 60:.0f} minutes"
        if not st.button(
            f"Look at {len(epochs)} epochs (about {about})",
            key="disagreements-compute",
            type="primary",
            help="Loads the weights of each epoch and answers all test images with them, on this machine's processor.",
        ):
            return None
    images = compared_runs.load_images(predictions.of([run]), np.arange(predictions.images))
    bar = st.empty()

    def report(answered: int, of: int) -> None:
        bar.progress(
            answered / of, f"{answered:,} of {of:,} answers: {predictions.images:,} images after {len(epochs)} epochs"
        )

    files = open_store().artifacts(run.id, kind="predictions")
    # The epoch of which predictions are stored: these need not be computed.
    tested = files[-1].epoch if files else None
    stored = {} if tested is None else {tested: predictions.predicted[predictions.runs.index(run)]}
    histories[key] = forgetting.prediction_history(open_store(), run, images, report, epochs, stored)
    bar.empty()
    while len(histories) > _REMEMBERED:
        del histories[next(iter(histories))]
    return histories.get(key)


@st.cache_resource(show_spinner=False)
def _histories() -> dict[tuple[object, ...], PredictionHistory]:
    """Histories by version of the run and epochs, shared by all sessions: once computed they are shown without a click.

    A cached function could not move the progress bar.
    """
    return {}
