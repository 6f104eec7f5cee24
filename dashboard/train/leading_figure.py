"""The one number of a run, in type that is read from the back row: how accurate it is, and how many it gets wrong."""

from dataclasses import dataclass

import numpy as np

from dashboard.controls import LiveCurves, load_predictions
from dashboard.frame import cached_by_run
from mnist_core.config import dataset
from mnist_core.data import count_held_out
from mnist_core.errors import StoreError
from mnist_core.store import Run
from mnist_core.text import in_html


@dataclass(frozen=True)
class LeadingFigure:
    """An accuracy (a fraction), what it was measured on, and the count of wrong answers where that is known."""

    accuracy: float | None
    # The images behind the accuracy: "test", "test (optimistic)", "validation" or "training".
    label: str
    # What else must be said of them.
    remark: str = ""
    wrong: int | None = None
    images: int | None = None


def leading_figure(run: Run, curves: LiveCurves) -> LeadingFigure:
    """The figure that says most now: of test images once there is one, else of held-out images, else of training."""
    if run.tested_accuracy is not None:
        remark = " (optimistic: they chose the epoch)" * run.optimistic
        wrong, images = _tested(run) if run.test_accuracy is not None else (None, None)
        label = "test (optimistic)" if run.optimistic else "test"
        return LeadingFigure(run.tested_accuracy, label, remark, wrong, images)
    if run.held_out_accuracy is not None:
        images = _held_out(run)
        wrong = None if images is None else round((1 - run.held_out_accuracy) * images)
        return LeadingFigure(run.held_out_accuracy, "validation", ", in the best epoch so far", wrong, images)
    return LeadingFigure(curves.training_accuracy(run.id), "training", " seen last")


def figure_html(run: Run, curves: LiveCurves) -> str:
    """The number as HTML, with a line below it that says of what."""
    figure = leading_figure(run, curves)
    if figure.accuracy is None:
        return "<div class='figure'><p class='number'>–</p><p class='of'>The first figure comes in a moment.</p></div>"
    caption = in_html(_caption(figure))
    return f"<div class='figure'><p class='number'>{figure.accuracy:.2%}</p><p class='of'>{caption}</p></div>"


def _caption(figure: LeadingFigure) -> str:
    images = f"{figure.label.removesuffix(' (optimistic)')} images"
    if figure.wrong is None or figure.images is None:
        return f"of the {images}{figure.remark} are right"
    return f"{figure.wrong:,} of {figure.images:,} {images} wrong{figure.remark}"


def _held_out(run: Run) -> int | None:
    """How many images the run holds out; None for a folder of pictures, whose size only the run itself knows."""
    return None if run.dataset == "folder" else count_held_out(run.config, dataset(run.dataset).train_images)


@cached_by_run(max_entries=500)
def _tested(run: Run) -> tuple[int | None, int | None]:
    """Numbers of wrong and of all test images; None where the predictions are missing or damaged."""
    try:
        table = load_predictions(run, "test")
    except StoreError as error:
        if error.passes:
            raise
        return None, None
    if table.empty:
        return None, None
    return int(np.count_nonzero(table["label"].to_numpy() != table["predicted"].to_numpy())), len(table)
