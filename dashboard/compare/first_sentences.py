"""The sentence with which each section of Compare begins: what the chosen runs show, computed from their results."""

from collections.abc import Callable, Sequence
from functools import wraps

import numpy as np

from dashboard.compare.workspace import baseline_of
from dashboard.controls import compared_runs
from mnist_core.analysis import Predictions, agreement, measures, plain_summary, spoken_names
from mnist_core.config import dataset
from mnist_core.store import Run
from mnist_core.text import share_text

_NOT_TESTED = "None of these runs has been tested yet: a run is tested when it ends."


def _of_predictions(sentence_of: Callable[[Predictions], str]) -> Callable[[Sequence[Run]], str]:
    """A sentence about what runs predicted, as one about runs: where none has been tested yet, it says that."""

    @wraps(sentence_of)
    def sentence(runs: Sequence[Run]) -> str:
        predictions = compared_runs.comparable_predictions(runs)
        return _NOT_TESTED if predictions is None else sentence_of(predictions)

    return sentence


def on_results(runs: Sequence[Run]) -> str:
    """Which run is better, or none by more than luck; one sentence for each data set."""
    return _for_each_data_set(runs, _verdict)


def on_curves(runs: Sequence[Run]) -> str:
    """Which run came highest after an epoch, and when."""
    return _for_each_data_set(runs, _highest)


@_of_predictions
def on_disagreements(predictions: Predictions) -> str:
    """On how many images all are right, none is, and some are."""
    count, images = len(predictions.runs), predictions.images
    every, nobody = (len(which(predictions.right)) for which in (agreement.right_by_all, agreement.right_by_none))
    if count == 1:
        return f"{_alone(predictions)} is right on {every:,} of {images:,} test images and wrong on {nobody:,}."
    return (
        f"On {every:,} of {images:,} test images all {count} are right, on {nobody:,} none is; only the other "
        f"{images - every - nobody:,} tell these runs apart."
    )


@_of_predictions
def on_classes(predictions: Predictions) -> str:
    """Which class is the hardest for these runs on average, and which the easiest."""
    names = compared_runs.class_names(predictions)
    means = agreement.class_accuracy(predictions).mean(axis=1).dropna()
    hardest, easiest = (names[int(means.index[place])] for place in (means.argmin(), means.argmax()))
    low, high = float(means.min()), float(means.max())
    average = " on average" if len(predictions.runs) > 1 else ""
    if low == high:
        return f"All classes are equally hard: {share_text(low)} of their images are called right{average}."
    return (
        f"Hardest is {hardest}: {share_text(low)} of its images are called right{average}. Easiest is {easiest}, with "
        f"{share_text(high)}."
    )


def on_cost(runs: Sequence[Run]) -> str:
    """Which tested run has the fewest parameters, and which the highest accuracy."""
    tested = [run for run in runs if run.test_accuracy is not None and run.parameters]
    if not tested:
        return _NOT_TESTED
    names = _names_by_id(runs)
    smallest = min(tested, key=lambda run: (run.parameters or 0, -(run.test_accuracy or 0)))
    best = max(tested, key=lambda run: (run.test_accuracy or 0, -(run.parameters or 0)))
    size = f"{smallest.parameters:,} parameters and {_accuracy(smallest)}"
    if len(tested) == 1 or smallest is best:
        beside = "" if len(tested) == 1 else ": none here is smaller, and none is more accurate"
        return f"{names[smallest.id]} has {size}{beside}."
    times = (best.parameters or 0) / (smallest.parameters or 1)
    return (
        f"Smallest is {names[smallest.id]}, with {size}. The highest test accuracy has {names[best.id]}: "
        f"{_accuracy(best)} with {best.parameters:,} parameters, {times:.3g} times as many."
    )


@_of_predictions
def on_calibration(predictions: Predictions) -> str:
    """How sure a run is on average and how often it is right: of many, that with the largest difference."""
    sure = np.array([predictions.probabilities[run.id].max(axis=1).mean(dtype=np.float64) for run in predictions.runs])
    right = predictions.right.mean(axis=1)
    widest = int(np.abs(sure - right).argmax())
    name = spoken_names(predictions.runs)[widest]
    many = "; of these runs, here the two are furthest apart" if len(predictions.runs) > 1 else ""
    return f"{name} is {sure[widest]:.2%} sure of its answers on average, and right on {right[widest]:.2%}{many}."


def on_robustness(runs: Sequence[Run]) -> str:
    """What the section is about; its figures are measured only when a person asks for them."""
    count = f"these {len(runs)} runs" if len(runs) > 1 else "this run"
    return f"How much of the accuracy of {count} is left when the images change? Measure it, and see."


@_of_predictions
def on_labels(predictions: Predictions) -> str:
    """How many images all of the runs call the same other class than their label."""
    called = predictions.predicted
    doubted = int(((called == called[0]).all(axis=0) & (called[0] != predictions.labels)).sum())
    who = f"All {len(called)} runs call" if len(called) > 1 else f"{_alone(predictions)} calls"
    same = "the same class, another than their label says" if len(called) > 1 else "another class than their label says"
    return f"{who} {doubted:,} of {predictions.images:,} test images {same}. That is a doubt, not a proof."


def on_files(runs: Sequence[Run]) -> str:
    """How many runs there are to take away."""
    return (
        "This run as a script, as weights, as curves, as a report, or as a whole."
        if len(runs) == 1
        else f"Each of these {len(runs)} runs as a script, as weights, as curves or as a whole; all in one report."
    )


def _for_each_data_set(runs: Sequence[Run], sentence_of: Callable[[Sequence[Run]], str]) -> str:
    by_data_set: dict[str, list[Run]] = {}
    for run in runs:
        by_data_set.setdefault(run.dataset, []).append(run)
    if len(by_data_set) == 1:
        return sentence_of(runs)
    return "\n".join(f"{dataset(name).label}: {sentence_of(group)}" for name, group in by_data_set.items())


@_of_predictions
def _verdict(predictions: Predictions) -> str:
    return plain_summary(compared_runs.load_verdict(predictions), baseline_of(predictions.runs))


def _highest(runs: Sequence[Run]) -> str:
    measured = [run for run in runs if run.validation_accuracy is not None and run.best_epoch is not None]
    # Accuracies of held-out images and of the test images themselves are not compared with one another.
    fair = [run for run in measured if not run.optimistic] or measured
    if not fair:
        return "None of these runs was measured on held-out images after an epoch."
    names = _names_by_id(runs)
    best = max(fair, key=lambda run: run.validation_accuracy or 0)
    of_images = measures.validation_heading([best], "accuracy")
    value = f"{of_images[0].lower()}{of_images[1:]}, {best.validation_accuracy:.2%}, after epoch {best.best_epoch}"
    if len(fair) == 1:
        return f"{names[best.id]} has its highest {value}."
    equal = sum(run.validation_accuracy == best.validation_accuracy for run in fair) > 1
    return f"{names[best.id]} reaches {'a' if equal else 'the'} highest {value}{', as others do' * equal}."


def _names_by_id(runs: Sequence[Run]) -> dict[str, str]:
    return dict(zip([run.id for run in runs], spoken_names(runs), strict=True))


def _alone(predictions: Predictions) -> str:
    return spoken_names(predictions.runs)[0]


def _accuracy(run: Run) -> str:
    return f"{run.test_accuracy:.2%} test accuracy" + (" (optimistic)" if run.optimistic else "")
