"""What networks answer to a drawing, as HTML: what they see, whether they agree, and their probabilities."""

import base64
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnist_core.plots import RunStyle, channels_last, png, run_label, run_styles, tint
from mnist_core.store import Run
from mnist_core.text import in_html

# to be put on the page once, with st.html
STYLES = Path(__file__).with_name("prediction_cards.css")

# pixels on, off, ...
_DASHES = {"solid": (1, 0), "dash": (8, 5), "dot": (3, 4), "dashdot": (8, 4, 3, 4)}
# with more classes than this only the most probable are shown
_MOST_ROWS = 12
# a first answer below this probability is called unsure
_UNSURE = 0.6


@dataclass(frozen=True)
class DrawingPrediction:
    """One run's answer; either `problem` says why there is none, or the pad may be empty."""

    run: Run
    classes: tuple[str, ...] = ()
    # uint8 (C, H, W): what the network is given, its ground while there is nothing
    image: np.ndarray | None = None
    # how the drawing became that image
    prepared: str = ""
    # float32 (classes,)
    probabilities: np.ndarray | None = None
    problem: str = ""
    # what else there is to know of this answer
    note: str = ""

    @property
    def best(self) -> int | None:
        """The most probable class."""
        return None if self.probabilities is None else int(self.probabilities.argmax())


def predictions_html(answers: Sequence[DrawingPrediction], seq: int, ended: bool) -> str:
    """All answers to drawing number `seq`; `ended` says that the pen is up. For use with STYLES."""
    odd, styles = dissenting(answers), run_styles(answer.run for answer in answers)
    cards = "".join(_card(answer, styles[answer.run.number], answer.run.number in odd) for answer in answers)
    verdict = f"<div class='verdict{' differ' if odd else ''}'>{_verdict(answers)}</div>"
    return (
        f"<div class='answers' data-seq='{seq}' data-ended='{str(ended).lower()}'>"
        f"<div class='top'>{_seen(answers)}{verdict}</div><div class='cards'>{cards}</div></div>"
    )


def dissenting(answers: Iterable[DrawingPrediction]) -> set[int]:
    """Numbers of the runs that answer otherwise than most with the same classes; all of them where none is most."""
    found: set[int] = set()
    for group in _comparable(answers):
        votes = Counter(answer.best for answer in group).most_common()
        winner = votes[0][0] if len(votes) == 1 or votes[0][1] > votes[1][1] else None
        found |= {answer.run.number for answer in group if answer.best != winner}
    return found


def _comparable(answers: Iterable[DrawingPrediction]) -> list[list[DrawingPrediction]]:
    """The given answers in groups that choose between the same classes."""
    groups: dict[tuple[str, ...], list[DrawingPrediction]] = {}
    for answer in answers:
        if answer.best is not None:
            groups.setdefault(answer.classes, []).append(answer)
    return list(groups.values())


def _verdict(answers: Sequence[DrawingPrediction]) -> str:
    if all(answer.best is None for answer in answers):
        return "The answers appear here."
    said: list[str] = []
    for group in _comparable(answers):
        votes = Counter(answer.classes[answer.best or 0] for answer in group)
        if len(votes) > 1:
            sides = (f"<b>{in_html(name)}</b> ({_numbers(group, name)})" for name, _ in votes.most_common())
            said.append(f"They disagree: {' against '.join(sides)}")
        elif len(group) > 1:
            count = "Both" if len(group) == 2 else f"All {len(group)}"
            said.append(f"{count} networks read <b>{in_html(next(iter(votes)))}</b>")
    return "<br>".join(said)


def _numbers(group: Sequence[DrawingPrediction], name: str) -> str:
    numbers = [str(answer.run.number) for answer in group if answer.classes[answer.best or 0] == name]
    return f"run{'s' * (len(numbers) > 1)} {', '.join(numbers)}"


def _seen(answers: Sequence[DrawingPrediction]) -> str:
    """Each different image that the networks are given, how it was made, and the runs that get it where they differ."""
    groups: dict[tuple[tuple[int, ...], bytes, str], list[DrawingPrediction]] = {}
    for answer in answers:
        if answer.image is not None:
            groups.setdefault((answer.image.shape, answer.image.tobytes(), answer.prepared), []).append(answer)
    figures = []
    for group in groups.values():
        image = group[0].image
        assert image is not None
        height, width = image.shape[1:]
        who = f"Run{'s' * (len(group) > 1)} {', '.join(str(answer.run.number) for answer in group)}: "
        title = f"{who if len(groups) > 1 else ''}{width} × {height}{' colour' * (len(image) == 3)} pixels,"
        plural = "networks see" if len(group) > 1 else "network sees"
        source = base64.b64encode(png(channels_last(image[None])[0])).decode()
        figures.append(
            f"<figure><img src='data:image/png;base64,{source}' alt='What the {plural}'>"
            f"<figcaption><b>What the {plural}</b><br>{title} {group[0].prepared}</figcaption>"
            "</figure>"
        )
    return "".join(figures)


def _card(answer: DrawingPrediction, style: RunStyle, odd: bool) -> str:
    run, colour = answer.run, style.colour
    test = "test (optimistic)" if run.optimistic else "test"
    facts = [f"{test} {run.test_accuracy:.2%}"] if run.test_accuracy is not None else []
    if run.active:
        facts.append(f"still learning, epoch {run.epoch} of {run.config.epochs} is done")
    facts += [run.dataset] if run.dataset != "mnist" else []
    facts += [answer.note] if answer.note else []
    head = (
        f"<div class='head'><i style='background:{_swatch(colour, style.dash)}'></i>"
        f"<b>{in_html(run_label(run))}</b></div><div class='facts'>{in_html(' · '.join(facts))}</div>"
    )
    if answer.problem:
        return f"<div class='card' data-run='{run.number}'>{head}<p>{in_html(answer.problem)}</p></div>"
    best = answer.best
    name = "–" if best is None else answer.classes[best]
    said = f" data-answer='{in_html(name)}'" if best is not None else ""
    values = np.zeros(len(answer.classes)) if answer.probabilities is None else answer.probabilities
    rows = "".join(_row(answer.classes[place], float(values[place]), best == place, colour) for place in _shown(values))
    rest = len(values) - _MOST_ROWS
    more = f"<div class='facts'>and {rest} classes that are less probable</div>" if rest > 0 else ""
    sureness = _sureness(values) if best is not None else ""
    return (
        f"<div class='card{' differ' if odd else ''}' data-run='{run.number}'{said}>{head}"
        f"<div class='best'><span class='{'word' if len(name) > 2 else 'letter'}'>{in_html(name)}</span>"
        f"<span>{sureness}</span></div><div class='bars'>{rows}</div>{more}</div>"
    )


def _sureness(values: np.ndarray) -> str:
    top = float(values.max())
    return f"{_percent(top)}{', unsure' if top < _UNSURE else ''}"


def _shown(values: np.ndarray) -> Iterable[int]:
    """Places of the classes to show: all in their order, or of many the most probable first."""
    if len(values) <= _MOST_ROWS:
        return range(len(values))
    return np.argsort(-values, kind="stable")[:_MOST_ROWS].tolist()


def _row(name: str, value: float, best: bool, colour: str) -> str:
    fill = colour if best else tint(colour, 0.5)
    return (
        f"<div class='row{' first' if best else ''}'><span title='{in_html(name)}'>{in_html(name)}</span>"
        f"<div><i style='width:{100 * value:.1f}%;background:{fill}'></i></div>"
        f"<span>{_percent(value) if value >= 0.0005 else ''}</span></div>"
    )


def _percent(value: float) -> str:
    """A probability in per cent that reads as 100 only where it is."""
    return f"{min(100 * value, 99.9) if value < 1 else 100:.1f}%"


def _swatch(colour: str, dash: str) -> str:
    """The run's dash, as a CSS background; `st.html` lets no SVG through."""
    stops, place = [], 0
    for position, length in enumerate(_DASHES[dash]):
        stops.append(f"{colour if position % 2 == 0 else 'transparent'} {place}px {place + length}px")
        place += length
    return f"repeating-linear-gradient(90deg,{','.join(stops)})"
