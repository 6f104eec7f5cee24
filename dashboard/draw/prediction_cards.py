"""Predictions for a drawing as HTML: what the networks see, whether they agree, and all probabilities."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dashboard.controls import class_bars_html, classes_to_show, percent_text
from mnist_core.plots import RunStyle, channels_last, dash_background, png, png_address, run_label, run_styles
from mnist_core.store import Run
from mnist_core.text import in_html

# The page puts this file on itself once, with st.html.
CARD_STYLES = Path(__file__).with_name("prediction_cards.css")

# Below this probability a prediction is called unsure.
_UNSURE = 0.6
# Smaller probabilities are not written beside their bars.
_MIN_WRITTEN = 0.0005


@dataclass(frozen=True)
class DrawingPrediction:
    """What one run's network reads in a drawing.

    Without `probabilities`, either `problem` says why there are none, or nothing is drawn yet.
    """

    run: Run
    classes: tuple[str, ...] = ()
    # uint8 (C, H, W): the input of the network, an empty image while nothing is drawn.
    image: np.ndarray | None = None
    # How the drawing became that image.
    prepared: str = ""
    # float32 (classes,)
    probabilities: np.ndarray | None = None
    problem: str = ""
    # A remark on this prediction.
    note: str = ""

    @property
    def predicted(self) -> int | None:
        """The most probable class."""
        return None if self.probabilities is None else int(self.probabilities.argmax())


def predictions_html(predictions: Sequence[DrawingPrediction], seq: int, ended: bool) -> str:
    """All predictions for drawing number `seq`; `ended` says that the pen is up. For use with CARD_STYLES."""
    odd, styles = dissenting(predictions), run_styles(prediction.run for prediction in predictions)
    cards = "".join(
        _card_html(prediction, styles[prediction.run.number], prediction.run.number in odd)
        for prediction in predictions
    )
    verdict = f"<div class='verdict{' differ' if odd else ''}'>{_verdict(predictions)}</div>"
    return (
        f"<div class='answers' data-seq='{seq}' data-ended='{str(ended).lower()}'>"
        f"<div class='top'>{_inputs_html(predictions)}{verdict}</div><div class='cards'>{cards}</div></div>"
    )


def dissenting(predictions: Iterable[DrawingPrediction]) -> set[int]:
    """Numbers of the runs that differ from the majority of those with the same classes; all of them in a tie."""
    numbers: set[int] = set()
    for group in _comparable(predictions):
        votes = Counter(prediction.predicted for prediction in group).most_common()
        winner = votes[0][0] if len(votes) == 1 or votes[0][1] > votes[1][1] else None
        numbers |= {prediction.run.number for prediction in group if prediction.predicted != winner}
    return numbers


def _comparable(predictions: Iterable[DrawingPrediction]) -> list[list[DrawingPrediction]]:
    """The predictions in groups of networks that choose between the same classes."""
    groups: dict[tuple[str, ...], list[DrawingPrediction]] = {}
    for prediction in predictions:
        if prediction.predicted is not None:
            groups.setdefault(prediction.classes, []).append(prediction)
    return list(groups.values())


def _verdict(predictions: Sequence[DrawingPrediction]) -> str:
    if all(prediction.predicted is None for prediction in predictions):
        return "The answers appear here."
    sentences: list[str] = []
    for group in _comparable(predictions):
        votes = Counter(prediction.classes[prediction.predicted or 0] for prediction in group)
        if len(votes) > 1:
            options = (f"<b>{in_html(name)}</b> ({_numbers(group, name)})" for name, _ in votes.most_common())
            sentences.append(f"They disagree: {' against '.join(options)}")
        elif len(group) > 1:
            count = "Both" if len(group) == 2 else f"All {len(group)}"
            sentences.append(f"{count} networks read <b>{in_html(next(iter(votes)))}</b>")
    return "<br>".join(sentences)


def _numbers(group: Sequence[DrawingPrediction], name: str) -> str:
    numbers = [
        str(prediction.run.number) for prediction in group if prediction.classes[prediction.predicted or 0] == name
    ]
    return f"run{'s' * (len(numbers) > 1)} {', '.join(numbers)}"


def _inputs_html(predictions: Sequence[DrawingPrediction]) -> str:
    """Each different input image, how it was made, and which runs get it if the inputs differ."""
    groups: dict[tuple[tuple[int, ...], bytes, str], list[DrawingPrediction]] = {}
    for prediction in predictions:
        if prediction.image is not None:
            image = prediction.image
            groups.setdefault((image.shape, image.tobytes(), prediction.prepared), []).append(prediction)
    figures = []
    for group in groups.values():
        image = group[0].image
        assert image is not None
        height, width = image.shape[1:]
        numbers = ", ".join(str(prediction.run.number) for prediction in group)
        runs = f"Run{'s' * (len(group) > 1)} {numbers}: "
        title = f"{runs if len(groups) > 1 else ''}{width} × {height}{' colour' * (len(image) == 3)} pixels,"
        plural = "networks see" if len(group) > 1 else "network sees"
        address = png_address(png(channels_last(image[None])[0]))
        figures.append(
            f"<figure><img src='{address}' alt='What the {plural}'>"
            f"<figcaption><b>What the {plural}</b><br>{title} {group[0].prepared}</figcaption>"
            "</figure>"
        )
    return "".join(figures)


def _card_html(prediction: DrawingPrediction, style: RunStyle, odd: bool) -> str:
    run, colour = prediction.run, style.colour
    head = (
        f"<div class='head'><i style='background:{dash_background(colour, style.dash)}'></i>"
        f"<b>{in_html(run_label(run))}</b></div><div class='facts'>{in_html(' · '.join(_facts(prediction)))}</div>"
    )
    if prediction.problem:
        return f"<div class='card' data-run='{run.number}'>{head}<p>{in_html(prediction.problem)}</p></div>"
    predicted = prediction.predicted
    name = "–" if predicted is None else prediction.classes[predicted]
    data = f" data-answer='{in_html(name)}'" if predicted is not None else ""
    probabilities = prediction.probabilities
    values = np.zeros(len(prediction.classes)) if probabilities is None else probabilities
    shown = classes_to_show(values)
    bars = class_bars_html(prediction.classes, values, shown, colour, predicted, written_from=_MIN_WRITTEN)
    hidden = len(values) - len(shown)
    more = f"<div class='facts'>and {hidden} classes that are less probable</div>" if hidden > 0 else ""
    confidence = _confidence_text(values) if predicted is not None else ""
    return (
        f"<div class='card{' differ' if odd else ''}' data-run='{run.number}'{data}>{head}"
        f"<div class='best'><span class='{'word' if len(name) > 2 else 'letter'}'>{in_html(name)}</span>"
        f"<span>{confidence}</span></div>{bars}{more}</div>"
    )


def _facts(prediction: DrawingPrediction) -> list[str]:
    """Under the run's name: its accuracy, and what is unusual about it."""
    run = prediction.run
    test = "test (optimistic)" if run.optimistic else "test"
    facts = [f"{test} {run.test_accuracy:.2%}"] if run.test_accuracy is not None else []
    if run.active:
        facts.append(f"still learning, epoch {run.epoch} of {run.config.epochs} is done")
    facts += [run.dataset] if run.dataset != "mnist" else []
    return facts + ([prediction.note] if prediction.note else [])


def _confidence_text(probabilities: np.ndarray) -> str:
    confidence = float(probabilities.max())
    return f"{percent_text(confidence)}{', unsure' if confidence < _UNSURE else ''}"
