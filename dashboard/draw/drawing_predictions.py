"""The part of the Draw page that takes a drawing or a picture and asks the chosen networks."""

import hashlib
from collections.abc import Sequence

import numpy as np
import streamlit as st

from dashboard.components import pad
from dashboard.draw.prediction_cards import STYLES, DrawingPrediction, predictions_html
from dashboard.frame import choose_option, errors_as_messages, open_store
from mnist_core.analysis import trained
from mnist_core.data import (
    DIGITS,
    FRAMED_LIKE_MNIST,
    Framing,
    Ground,
    PlacedDrawing,
    dataset,
    extract_strokes,
    place_drawing,
    read_picture,
)
from mnist_core.errors import MnistLabError
from mnist_core.plots import png
from mnist_core.store import Run
from mnist_core.text import in_markdown

# networks that answer when the page opens
_BEST = 3
# of an uploaded picture
_MEGABYTES = 5
_NOTHING = "This run is {state} and kept no network to ask. Choose another run, or train it again."
_DIVERGED = "This network cannot answer: its training diverged, and its weights are no numbers any more."


def runs_with_network(runs: Sequence[Run]) -> list[Run]:
    """The runs that have learned for at least one epoch, so that they can answer."""
    return [run for run in runs if run.epoch > 0]


def reads_digits(run: Run) -> bool:
    """Whether the classes of the run's data set are the digits from 0 to 9."""
    return dataset(run.dataset).classes == DIGITS


def most_accurate_numbers(runs: Sequence[Run]) -> list[int]:
    """Numbers of the most accurate runs that can answer, one a network; on digits if there are any."""
    found = runs_with_network(runs)
    digits = [run for run in found if reads_digits(run)]
    best: dict[str, Run] = {}
    for run in sorted(digits or found, key=_accuracy, reverse=True):
        best.setdefault(run.config.architecture, run)
    return [run.number for run in list(best.values())[:_BEST]]


def load_networks(runs: Sequence[Run]) -> None:
    """Load the networks before the first stroke; what is wrong with one is said where its answer would be."""
    with st.spinner("Loading the networks …"):
        for run in runs:
            predict_drawing(run, np.full((28, 28), 255, dtype=np.uint8))


def draw_and_predict(runs: Sequence[Run]) -> None:
    """The drawing pad or an upload on the left, the answers of these runs on the right."""
    # once, and not with every stroke
    st.html(STYLES)
    _draw_and_predict([run.id for run in runs])


@st.fragment
@errors_as_messages()
def _draw_and_predict(ids: Sequence[str]) -> None:
    left, right = st.columns([2, 5], gap="medium")
    with left:
        source = choose_option(
            "Source",
            ["Draw", "Upload"],
            default="Draw",
            key="source",
            label_visibility="collapsed",
            help="Draw here, or upload a photograph of a digit.",
        )
        if source == "Upload":
            picture, seq, ended = _upload(), 0, True
        else:
            drawing = pad("pad")
            picture, seq, ended = drawing.pixels, drawing.seq, drawing.stroke_ended
    # anew each time: one that is training has a better network every epoch
    runs = open_store().runs(ids=ids)
    with right:
        if runs:
            st.html(predictions_html([predict_drawing(run, picture) for run in runs], seq, ended))
        else:
            st.info("Choose the networks that are to answer in the list above.")


def predict_drawing(run: Run, picture: np.ndarray | None) -> DrawingPrediction:
    """What a run makes of a drawing (H, W) or picture (H, W, 3); never raises what a person can mend."""
    store = open_store()
    framing = framing_of(run)
    ground = None if run.data is None else run.data.ground
    try:
        network = trained.load_network(store, run)
        placed = None if picture is None else place_drawing(picture, network.shape, framing, ground)
        if placed is None:
            empty = np.full(network.shape, 255 if ground == "bright" else 0, dtype=np.uint8)
            return DrawingPrediction(run, network.classes, empty, framing.description)
        # (classes,)
        values = trained.run_probabilities(store, run, placed.image[None])[0]
    except MnistLabError as error:
        over = not run.active and not trained.checkpoints(store, run)
        return DrawingPrediction(run, problem=_NOTHING.format(state=run.state) if over else str(error))
    if not np.isfinite(values).all():
        return DrawingPrediction(run, problem=_DIVERGED)
    note = "" if network.precision == run.config.precision else f"answers in {network.precision}"
    prepared = ", ".join([framing.description, *_changes(placed, ground), *_unknown(run)])
    return DrawingPrediction(run, network.classes, placed.image, prepared, values, note=note)


def framing_of(run: Run) -> Framing:
    """How a drawing is placed for this run's network: as its data set says, or as its folder's images were found."""
    if run.dataset == "folder" and run.data is not None and run.data.placed_like_mnist:
        return FRAMED_LIKE_MNIST
    return dataset(run.dataset).framing


def _changes(placed: PlacedDrawing, ground: Ground | None) -> list[str]:
    """What was done to a picture so that it looks like those that the network learned from."""
    learned = "dark on bright" if ground == "bright" else "bright on dark"
    changes = {
        "thin lines drawn thicker": placed.thickened,
        f"inverted to {learned}, as in training": placed.inverted,
    }
    return [change for change, made in changes.items() if made]


def _unknown(run: Run) -> list[str]:
    """What is said where nobody recorded whether a network learned bright on dark or dark on bright."""
    if run.data is not None or run.dataset != "folder":
        return []
    return ["not inverted: the ground of the training images was not recorded"]


def _upload() -> np.ndarray | None:
    file = st.file_uploader(
        "Picture of a digit",
        ["png", "jpg", "jpeg"],
        max_upload_size=_MEGABYTES,
        key="picture",
        help=f"PNG or JPEG, at most {_MEGABYTES} MB: a photograph of a digit on paper or a board, or a drawing. "
        "One digit, well apart from everything else. It is not kept.",
    )
    if file is None:
        st.caption("One digit on plain paper is read best. On a phone, the camera can take it at once.")
        return None
    content = file.getvalue()
    try:
        picture, strokes = _read(hashlib.sha256(content).hexdigest(), content)
    except MnistLabError as error:
        st.error(in_markdown(str(error)))
        return None
    if not strokes.any():
        st.warning("No strokes are found in this picture. Take one with more light and a darker pen.")
    before, after = st.columns(2, wrap=False)
    before.image(png(picture), caption="Your picture", width="stretch")
    after.image(png(strokes), caption="The strokes found in it", width="stretch")
    return picture


@st.cache_data(max_entries=4, show_spinner=False)
def _read(digest: str, _content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """The picture (H, W, 3) and the strokes in it (H, W)."""
    picture = read_picture(_content)
    return picture, extract_strokes(picture)


def _accuracy(run: Run) -> float:
    found = run.validation_accuracy if run.validation_accuracy is not None else run.test_accuracy
    return found if found is not None else -1.0
