"""Watching a network think: its answers for twenty images, its first layer and its layers, live or replayed."""

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import streamlit as st

from dashboard.components import LayerMeasures, ThinkingView, Tile, thinking, thinking_message
from dashboard.frame import open_store
from mnist_core.analysis import class_names_of
from mnist_core.errors import StoreError
from mnist_core.plots import run_label, run_style
from mnist_core.store import Recording, Run, Store, glimpse_files, read_recording
from mnist_core.text import clock_text, in_html, in_markdown
from mnist_core.training import Glimpse, Watched

# The most runs that are replayed side by side, and how many stand in a row.
_MOST_RUNS, _IN_A_ROW = 6, 3
# Of the scale of gradients: decades below the strongest.
_DECADES = 4
_MEASURED = (
    "Gradient: norm of the gradient of the last batch, after clipping. Dead: share of the units (in a convolution: "
    "channels) whose relu gives 0 for all images above. Saturated: share of the outputs of tanh or sigmoid at which "
    "the slope is below 5 % of the steepest. –: not measured."
)
_OF_SKLEARN = (
    "scikit-learn reports after whole iterations and gives no gradients; batches, first steps and gradients are "
    "therefore not shown."
)


def show_thinking(run: Run, moment_key: str | None = None) -> None:
    """The newest glimpse of a run that trains, in place; of one that has ended a slider over all of them.

    Cheap enough to be shown again and again: the file is read only when it has changed. The slider has the key
    `moment_key`, which is also its query parameter; by default one with the run's number, so that a page may show
    several runs.
    """
    recording, trouble = recording_of(open_store(), run)
    if trouble:
        st.warning(in_markdown(trouble))
        return
    key, label = thinking_key(run), _label(run)
    if recording is None:
        if run.active:
            thinking(key, None, label, live=True, waiting=_waiting_text(run))
        else:
            st.info(_nothing_text(run))
        return
    if run.active:
        thinking(key, _newest(open_store(), run, recording), label, live=True)
        return
    share = _choose_moment(moment_key or f"moment-{run.number}")
    thinking(key, _replayed(run, recording, share, _hardest_first([recording])), label)


def renewed_thinking(store: Store, run: Run, recording: Recording, held: str) -> str:
    """The message that brings what `show_thinking` shows of a run that trains up to date.

    `held`: what `held_images` of its `thinking_key` has said.
    """
    return thinking_message(thinking_key(run), _newest(store, run, recording), _label(run), held)


def recording_of(store: Store, run: Run) -> tuple[Recording | None, str]:
    """The glimpses of a run, None if there are none; and what is wrong with their file, "" if nothing is."""
    path = glimpse_files.recording_path(store.folder(run.id))
    if path is None:
        return None, ""
    try:
        about = path.stat()
        recording = _read(path, about.st_mtime_ns, about.st_size)
    except FileNotFoundError:
        # Training has just ended, and the file has got its other name.
        return None, ""
    except (StoreError, OSError) as error:
        reason = error if isinstance(error, StoreError) else error.strerror
        return None, (
            f"How run {run.number} learned cannot be shown: {reason} The run itself, its curves and its results are "
            "not affected."
        )
    return (recording if len(recording) else None), ""


def thinking_key(run: Run) -> str:
    """The key of the view of this run."""
    return f"thinking-{run.number}"


def show_replay(runs: Sequence[Run], moment_key: str = "moment") -> None:
    """What two or more runs answered at the same share of their training, side by side under one slider."""
    recordings = []
    for run in runs:
        recording, trouble = recording_of(open_store(), run)
        if trouble:
            st.warning(in_markdown(trouble))
        elif recording is None:
            st.caption(f"Run {run.number}: {_nothing_text(run)}")
        else:
            recordings.append((run, recording))
    if not recordings:
        return
    if len(recordings) > _MOST_RUNS:
        st.caption(f"The first {_MOST_RUNS} of these {len(recordings)} runs; choose fewer to see others.")
    shown = recordings[:_MOST_RUNS]
    share = _choose_moment(moment_key)
    for first in range(0, len(shown), _IN_A_ROW):
        row = shown[first : first + _IN_A_ROW]
        for column, (run, recording) in zip(st.columns(len(row), gap="large"), row, strict=True):
            with column:
                colour = run_style(run.number).colour
                st.html(f"<span style='color:{colour}'>●</span> <b>{in_html(run_label(run, 60))}</b>")
                # Runs that were asked about the same images show them in the same order.
                same = [other for _, other in shown if np.array_equal(other.watched.images, recording.watched.images)]
                thinking(thinking_key(run), _replayed(run, recording, share, _hardest_first(same)), _label(run))


def _choose_moment(key: str) -> int:
    """The share of the recorded training that is shown, in per cent; also in the address."""
    return st.slider(
        "Moment of the training",
        0,
        100,
        100,
        key=key,
        bind="query-params",
        format="%d %%",
        help="0 % is the first moment that was recorded (before the first step; with scikit-learn after the first "
        "iteration), 100 % the end. Drag it, or press the arrow keys.",
    )


def _replayed(run: Run, recording: Recording, percent: int, order: Sequence[int]) -> ThinkingView:
    """The last glimpse before this share of the steps that were recorded."""
    steps = recording.steps
    wanted = steps[0] + (steps[-1] - steps[0]) * percent / 100
    index = int(np.searchsorted(steps, wanted, side="right")) - 1
    return _view(open_store(), run, recording, index, order, _past_facts(run, recording.glimpse(index)))


def _newest(store: Store, run: Run, recording: Recording) -> ThinkingView:
    """The last glimpse."""
    # Their order is renewed ever more rarely, so that tiles seldom move.
    seen = 2 ** int(math.log2(len(recording)))
    order = _hardest_first([recording], seen)
    return _view(store, run, recording, len(recording) - 1, order, _live_facts(run, recording))


def _view(
    store: Store,
    run: Run,
    recording: Recording,
    index: int,
    order: Sequence[int],
    facts: Sequence[tuple[str, str]],
) -> ThinkingView:
    glimpse, watched = recording.glimpse(index), recording.watched
    look = glimpse.look
    names = class_names_of(store, run, watched.classes)
    tiles = [_tile(names, label, answers) for label, answers in zip(watched.labels, look.probabilities, strict=True)]
    right = sum(tile.answer == tile.label and not math.isnan(tile.confidence) for tile in tiles)
    measures = zip(watched.layers, look.gradient_norms, look.dead, look.saturated, strict=True)
    return ThinkingView(
        step=glimpse.step,
        images=watched.images,
        tiles=tiles,
        order=order,
        weights=look.weights,
        layers=[LayerMeasures(name, *map(float, values)) for name, *values in measures],
        gradient_range=_gradient_range(recording),
        facts=facts,
        title=_title(watched, right),
        weights_title=_weights_title(watched, look.limit),
        note=f"{_OF_SKLEARN} {_MEASURED}" if run.config.library == "sklearn" else _MEASURED,
    )


def _tile(names: Sequence[str], label: int, probabilities: np.ndarray) -> Tile:
    if not np.isfinite(probabilities).all():
        return Tile(names[label], "–", math.nan, 0.0)
    answer = int(probabilities.argmax())
    return Tile(names[label], names[answer], float(probabilities[answer]), float(probabilities[label]))


def _hardest_first(recordings: Sequence[Recording], seen: int | None = None) -> list[int]:
    """Indices of the images, the one first whose true class got the least probability, on average over the runs.

    `seen`: only that many glimpses of each count.
    """
    means = [recording.true_probabilities[:seen].mean(0) for recording in recordings]
    return np.argsort(np.mean(means, axis=0), kind="stable").tolist()


def _gradient_range(recording: Recording) -> tuple[float, float]:
    norms = recording.records["gradient_norms"]
    finite = norms[np.isfinite(norms) & (norms > 0)]
    high = float(finite.max()) if finite.size else 1.0
    return high / 10**_DECADES, high


def _title(watched: Watched, right: int) -> str:
    count = len(watched.labels)
    if watched.split == "training":
        return f"{right} of {count} training images right (this run has no validation images); hardest first"
    return f"{right} of {count} validation images right; hardest first"


def _weights_title(watched: Watched, limit: float) -> str:
    if watched.picture == "none":
        return "First layer: its weights make no small pictures"
    shown, noun = watched.weights_shape[0], "filters" if watched.picture == "filters" else "units"
    some = f"{shown} of {watched.units:,} {noun}" if shown < watched.units else f"{shown} {noun}"
    if watched.weights_shape[1] == 3:
        return f"First layer: {some}; mid-grey is 0, the ends ±{limit:.2g}"
    return f"First layer: {some}; blue −{limit:.2g}, pale 0, red +{limit:.2g}"


def _live_facts(run: Run, recording: Recording) -> list[tuple[str, str]]:
    glimpse = recording.glimpse(-1)
    left = run.remaining_seconds
    return [
        ("Epoch", f"{glimpse.epoch:.2f} of {run.config.epochs}"),
        ("Images a second", "–" if not run.images_per_second else f"{run.images_per_second:,.0f}"),
        ("Time left", "–" if left is None else clock_text(left)),
        ("Learning rate", _number(run.learning_rate or math.nan)),
        *_machine_facts(glimpse),
    ]


def _past_facts(run: Run, glimpse: Glimpse) -> list[tuple[str, str]]:
    rate = glimpse.images_per_second
    return [
        ("Epoch", f"{glimpse.epoch:.2f} of {run.config.epochs}"),
        ("Step", f"{glimpse.step:,}"),
        ("Images a second", "–" if math.isnan(rate) else f"{rate:,.0f}"),
        ("Learning rate", _number(glimpse.learning_rate or math.nan)),
        *_machine_facts(glimpse),
    ]


def _machine_facts(glimpse: Glimpse) -> list[tuple[str, str]]:
    """What the process that trains takes of the machine; the GPU only where it was measured."""
    facts = [
        ("Processor", "–" if math.isnan(glimpse.cores) else f"{100 * glimpse.cores:.0f} % of a core"),
        ("Memory", "–" if math.isnan(glimpse.memory) else f"{glimpse.memory / 1e6:,.0f} MB"),
    ]
    return facts if math.isnan(glimpse.gpu) else [*facts, ("GPU", f"{100 * glimpse.gpu:.0f} %")]


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3g}"


def _waiting_text(run: Run) -> str:
    if run.state == "queued":
        return "This run waits in the queue. Its answers appear here with its first step."
    return "Waiting for the first answers of the network …"


def _nothing_text(run: Run) -> str:
    if run.step:
        return (
            "Nothing was recorded of how this run learned: it was trained before this was recorded, or its images are "
            "too large."
        )
    return "This run has not learned a step, so there is nothing to replay."


def _label(run: Run) -> str:
    return f"What run {run.number} answers while it learns"


@lru_cache(maxsize=16)
def _read(path: Path, changed: int, size: int) -> Recording:
    """The file as it was changed last; read once for all sessions."""
    return read_recording(path)
