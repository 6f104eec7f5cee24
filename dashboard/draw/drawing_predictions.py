"""The part of the Draw page that takes a drawing or a picture and shows what the chosen networks read in it."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import streamlit as st

from dashboard.components import asking_pad, drawing_answers
from dashboard.controls import CLASS_BAR_STYLES
from dashboard.draw.prediction_cards import CARD_STYLES, DrawingPrediction, predictions_html
from dashboard.frame import (
    cached_by_run,
    choose_option,
    errors_as_messages,
    offered_runs,
    open_store,
    pace_of_strokes,
)
from mnist_core.analysis import handwriting, trained
from mnist_core.config import DIGITS, Framing, dataset
from mnist_core.data import Ground, PlacedDrawing, extract_strokes, place_drawing, read_picture
from mnist_core.errors import MnistLabError
from mnist_core.plots import png
from mnist_core.store import Artifact, Run, RunPage, Store, read_page
from mnist_core.text import in_markdown

# Relative widths of the pad's column and that of the answers.
COLUMNS = (2, 3)

# How many networks predict when the page opens.
_MAX_DEFAULT = 3
# Among how many of the most accurate runs of a large lab they are looked for, beside the newest.
_MOST_BEST = 100
_PAD = "pad"
_CHOOSE = "Choose the networks that are to answer in the list above."
# The largest picture that may be uploaded, in megabytes.
_MAX_MEGABYTES = 5
_NO_NETWORK = "This run is {state} and has kept no network. Choose another run, or train it again."
_DIVERGED = "This network cannot answer: its training diverged, so its weights are not numbers any more."


def runs_with_network(runs: Sequence[Run]) -> list[Run]:
    """The runs that have finished an epoch, so that they can predict."""
    return [run for run in runs if run.epoch > 0]


def offered_networks() -> RunPage:
    """The runs that may be chosen: the newest with the most accurate ones, in a lab that has more than a list holds."""
    offered = offered_runs("runs")
    if not offered.hidden:
        return offered
    best = read_page(open_store(), sort="test_accuracy", limit=_MOST_BEST).runs
    every = {run.number: run for run in [*offered.runs, *best]}
    return RunPage([every[number] for number in sorted(every, reverse=True)], offered.broken, offered.total)


def reads_digits(run: Run) -> bool:
    """Whether the classes of the run's data set are the digits from 0 to 9."""
    return dataset(run.dataset).classes == DIGITS


def most_accurate_numbers(runs: Sequence[Run]) -> list[int]:
    """Numbers of the most accurate runs that can predict, one for each network; of digits if there are any."""
    candidates = runs_with_network(runs)
    digits = [run for run in candidates if reads_digits(run)]
    best: dict[str, Run] = {}
    for run in sorted(digits or candidates, key=_accuracy, reverse=True):
        best.setdefault(run.config.architecture, run)
    return [run.number for run in list(best.values())[:_MAX_DEFAULT]]


def load_networks(runs: Sequence[Run]) -> None:
    """Load the networks before the first stroke; problems with one are shown later, in place of its prediction."""
    with st.spinner("Loading the networks …"):
        for run in runs:
            predict_drawing(open_store(), run, np.full((28, 28), 255, dtype=np.uint8))


def choose_source() -> str:
    """Let a person choose between "Draw", the pad, and "Upload", a picture."""
    return choose_option(
        "Source",
        ["Draw", "Upload"],
        default="Draw",
        key="source",
        label_visibility="collapsed",
        help="Draw here, or upload a photograph of a digit.",
    )


def show_styles() -> None:
    """The styles of the answers, to be shown once, outside of what is drawn again."""
    for styles in (CARD_STYLES, CLASS_BAR_STYLES):
        st.html(styles)


def draw_and_predict(runs: Sequence[Run], address: str) -> None:
    """The pad on the left; on the right what these runs answer, for which the browser asks at `address`."""
    left, right = st.columns(COLUMNS, gap="medium")
    with left:
        asking_pad(_PAD, pace_of_strokes())
    with right:
        if not runs:
            st.info(_CHOOSE)
            return
        before = predictions_html([predict_drawing(open_store(), run, None) for run in runs], 0, True)
        drawing_answers("answers", _PAD, address, [run.id for run in runs], before)


@st.fragment
@errors_as_messages()
def upload_and_predict(ids: Sequence[str]) -> None:
    """An upload on the left, on the right what the runs with these ids read in it."""
    left, right = st.columns(COLUMNS, gap="medium")
    with left:
        picture = _upload()
    store = open_store()
    # Read again each time: a run that trains has a newer network after every epoch.
    runs = store.runs(ids=ids)
    with right:
        if runs:
            st.html(predictions_html([predict_drawing(store, run, picture) for run in runs], 0, True))
        else:
            st.info(_CHOOSE)


def predict_drawing(store: Store, run: Run, picture: np.ndarray | None) -> DrawingPrediction:
    """What a run's network reads in a drawing (H, W) or picture (H, W, 3); a MnistLabError becomes its `problem`."""
    framing, ground = handwriting.placing_of(run)
    try:
        network = trained.network_of(store, run, _checkpoint(store, run))
        placed = None if picture is None else _placed(picture, network.shape, framing, ground)
        if placed is None:
            empty = np.full(network.shape, 255 if ground == "bright" else 0, dtype=np.uint8)
            return DrawingPrediction(run, network.classes, empty, framing.description)
        # (classes,)
        values = network.probabilities(placed.image[None])[0]
    except MnistLabError as error:
        has_no_network = not run.active and not trained.checkpoints(store, run)
        return DrawingPrediction(run, problem=_NO_NETWORK.format(state=run.state) if has_no_network else str(error))
    if not np.isfinite(values).all():
        return DrawingPrediction(run, problem=_DIVERGED)
    note = "" if network.precision == run.config.precision else f"answers in {network.precision}"
    prepared = ", ".join([framing.description, *_changes(placed, ground), *_unknown_ground(run)])
    return DrawingPrediction(run, network.classes, placed.image, prepared, values, note=note)


def _placed(
    picture: np.ndarray, shape: tuple[int, int, int], framing: Framing, ground: Ground | None
) -> PlacedDrawing | None:
    """`place_drawing`; a drawing of the pad only once for all networks that see it in the same way."""
    if picture.ndim == 2:
        return _placed_strokes(picture.tobytes(), picture.shape, shape, framing, ground)
    return place_drawing(picture, shape, framing, ground)


@lru_cache(maxsize=32)
def _placed_strokes(
    pixels: bytes, size: tuple[int, ...], shape: tuple[int, int, int], framing: Framing, ground: Ground | None
) -> PlacedDrawing | None:
    return place_drawing(np.frombuffer(pixels, dtype=np.uint8).reshape(size), shape, framing, ground)


@cached_by_run(max_entries=1000)
def _checkpoint(_store: Store, run: Run) -> Artifact:
    """The checkpoint of the run's network as it is now, for all sessions: a stroke asks for it ten times a second."""
    return trained.chosen_checkpoint(_store, run)


def _changes(placed: PlacedDrawing, ground: Ground | None) -> list[str]:
    """What was changed in a picture so that it looks like the images that the network learned from."""
    learned = "dark on bright" if ground == "bright" else "bright on dark"
    changes = {
        "thin lines drawn thicker": placed.thickened,
        f"inverted to {learned}, as in training": placed.inverted,
    }
    return [change for change, made in changes.items() if made]


def _unknown_ground(run: Run) -> list[str]:
    """A remark if it was not recorded whether a network learned bright strokes on dark ground or the opposite."""
    if run.data is not None or run.dataset != "folder":
        return []
    return ["not inverted, because the background of the training images was not recorded"]


def _upload() -> np.ndarray | None:
    file = st.file_uploader(
        "Picture of a digit",
        ["png", "jpg", "jpeg"],
        max_upload_size=_MAX_MEGABYTES,
        key="picture",
        help=f"PNG or JPEG, at most {_MAX_MEGABYTES} MB: a photograph of a digit on paper or a board, or a drawing. "
        "One digit, with space around it. The picture is not kept.",
    )
    if file is None:
        st.caption("One digit on plain paper is read best. On a phone you can take a photograph right here.")
        return None
    content = file.getvalue()
    try:
        picture, strokes = _read(hashlib.sha256(content).hexdigest(), content)
    except MnistLabError as error:
        st.error(in_markdown(str(error)))
        return None
    if not strokes.any():
        st.warning("There are no strokes in this picture. Use more light and a darker pen.")
    before, after = st.columns(2, wrap=False)
    before.image(png(picture), caption="Your picture", width="stretch")
    after.image(png(strokes), caption="Its strokes", width="stretch")
    return picture


@st.cache_data(max_entries=4, show_spinner=False)
def _read(digest: str, _content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """The picture (H, W, 3) and the strokes in it (H, W)."""
    picture = read_picture(_content)
    return picture, extract_strokes(picture)


def _accuracy(run: Run) -> float:
    accuracy = run.validation_accuracy if run.validation_accuracy is not None else run.test_accuracy
    return accuracy if accuracy is not None else -1.0
