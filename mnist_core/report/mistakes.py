"""The pictures of a report: images on which the runs disagree, and images that none of them gets right."""

import numpy as np

from mnist_core.plots import channels_last, png, run_styles
from mnist_core.report.content import ReportContent
from mnist_core.report.html_pieces import Html, as_html, html_image, html_paragraph, html_percent, html_section

_SHOWN = 24
# runs whose answers stand under an image; with more, only how many are right
_NAMED = 6


def mistakes_section(found: ReportContent) -> Html:
    """Both kinds of images, each with what the runs called it."""
    if found.answers is None:
        return Html("")
    if found.images is None:
        return html_section("Mistakes", html_paragraph(found.problem))
    right, count = found.answers.right, len(found.answers.runs)
    hits = right.sum(axis=0)
    split = np.flatnonzero((hits > 0) & (hits < count))
    none = np.flatnonzero(hits == 0)
    parts: list[str] = []
    if count > 1:
        parts += [
            html_paragraph(
                f"{_images(len(split))} that some runs get right and others wrong"
                f"{_first(len(split), ', the most divided first')}:"
            )
            if len(split)
            else html_paragraph("The runs are right on exactly the same images."),
            _gallery(found, _most_divided(found, split)),
        ]
    whom = "no run gets" if count > 1 else "the run does not get"
    parts += [
        html_paragraph(f"{_images(len(none))} that {whom} right{_first(len(none), ', the surest mistakes first')}:")
        if len(none)
        else html_paragraph(f"There is no image that {whom} right."),
        _gallery(found, _surest(found, none)),
    ]
    return html_section("Mistakes", *parts)


def _gallery(found: ReportContent, places: np.ndarray) -> Html:
    if found.images is None or not len(places):
        return Html("")
    tiles = channels_last(found.images[places])
    return Html(
        "<div class=gallery>"
        + "\n".join(_tile(found, int(place), tile) for place, tile in zip(places, tiles, strict=True))
        + "</div>"
    )


def _tile(found: ReportContent, place: int, tile: np.ndarray) -> str:
    """One image, its label, and what each run calls it with which probability."""
    assert found.answers is not None
    true = int(found.answers.labels[place])
    name = found.classes[true]
    runs = found.answers.runs
    if len(runs) > _NAMED:
        hits = int(found.answers.right[:, place].sum())
        said = f"<div>{hits} of {len(runs)} right</div>"
    else:
        said, styles = "", run_styles(found.runs)
        for row, run in enumerate(runs):
            given = int(found.answers.predicted[row, place])
            sure = float(found.answers.probabilities[run.id][place, given])
            kind = "right" if given == true else "wrong"
            said += (
                f'<div class={kind}><i style="background: {styles[run.number].colour}"></i>'
                f"{run.number}: <b>{as_html(found.classes[given])}</b> {html_percent(sure, 0)}</div>"
            )
    image = html_image(png(tile), f"test image {place}, a {name}")
    head = f"<strong>{as_html(name)}</strong> <small>{place}</small>"
    return f"<figure>{image}<figcaption>{head}{said}</figcaption></figure>"


def _most_divided(found: ReportContent, places: np.ndarray) -> np.ndarray:
    """Those whose true class the runs give the most different probabilities, at most as many as are shown."""
    assert found.answers is not None
    labels = found.answers.labels[places]
    given = np.stack([found.answers.probabilities[run.id][places, labels] for run in found.answers.runs])
    return places[np.argsort(-given.std(axis=0), kind="stable")[:_SHOWN]]


def _surest(found: ReportContent, places: np.ndarray) -> np.ndarray:
    """Those whose wrong answers are the most probable, at most as many as are shown."""
    assert found.answers is not None
    sure = np.mean([found.answers.probabilities[run.id][places].max(axis=1) for run in found.answers.runs], axis=0)
    return places[np.argsort(-sure, kind="stable")[:_SHOWN]]


def _first(count: int, order: str) -> str:
    return f"{order}, {_SHOWN} of them" if count > _SHOWN else order if count > 1 else ""


def _images(count: int) -> str:
    return f"{count:,} image{'s' * (count != 1)}"
