"""Images in a report: those on which the runs disagree, and those that all runs get wrong."""

import numpy as np

from mnist_core.plots import channels_last, png, run_styles
from mnist_core.report.content import ReportContent
from mnist_core.report.html_pieces import Html, as_html, html_image, html_paragraph, html_percent, html_section

_SHOWN = 24
# With more runs than this, an image shows only how many of them are right.
_NAMED = 6


def mistakes_section(content: ReportContent) -> Html:
    """Both kinds of images, each with the predictions of the runs."""
    if content.answers is None:
        return Html("")
    if content.images is None:
        return html_section("Mistakes", html_paragraph(content.problem))
    right, count = content.answers.right, len(content.answers.runs)
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
            _gallery(content, _most_divided(content, split)),
        ]
    whom = "no run gets" if count > 1 else "the run does not get"
    parts += [
        html_paragraph(f"{_images(len(none))} that {whom} right{_first(len(none), ', the surest mistakes first')}:")
        if len(none)
        else html_paragraph(f"There is no image that {whom} right."),
        _gallery(content, _surest(content, none)),
    ]
    return html_section("Mistakes", *parts)


def _gallery(content: ReportContent, indices: np.ndarray) -> Html:
    if content.images is None or not len(indices):
        return Html("")
    tiles = channels_last(content.images[indices])
    return Html(
        "<div class=gallery>"
        + "\n".join(_tile(content, int(index), tile) for index, tile in zip(indices, tiles, strict=True))
        + "</div>"
    )


def _tile(content: ReportContent, index: int, tile: np.ndarray) -> str:
    """One image with its label, and each run's predicted class and probability."""
    assert content.answers is not None
    true = int(content.answers.labels[index])
    name = content.classes[true]
    runs = content.answers.runs
    if len(runs) > _NAMED:
        hits = int(content.answers.right[:, index].sum())
        answers = f"<div>{hits} of {len(runs)} right</div>"
    else:
        answers, styles = "", run_styles(content.runs)
        for row, run in enumerate(runs):
            predicted = int(content.answers.predicted[row, index])
            sure = float(content.answers.probabilities[run.id][index, predicted])
            kind = "right" if predicted == true else "wrong"
            answers += (
                f'<div class={kind}><i style="background: {styles[run.number].colour}"></i>'
                f"{run.number}: <b>{as_html(content.classes[predicted])}</b> {html_percent(sure, 0)}</div>"
            )
    image = html_image(png(tile), f"test image {index}, a {name}")
    head = f"<strong>{as_html(name)}</strong> <small>{index}</small>"
    return f"<figure>{image}<figcaption>{head}{answers}</figcaption></figure>"


def _most_divided(content: ReportContent, indices: np.ndarray) -> np.ndarray:
    """Images for whose true class the runs' probabilities differ most, at most as many as are shown."""
    assert content.answers is not None
    labels = content.answers.labels[indices]
    probabilities = np.stack([content.answers.probabilities[run.id][indices, labels] for run in content.answers.runs])
    return indices[np.argsort(-probabilities.std(axis=0), kind="stable")[:_SHOWN]]


def _surest(content: ReportContent, indices: np.ndarray) -> np.ndarray:
    """Images whose wrong predictions have the highest probabilities, at most as many as are shown."""
    assert content.answers is not None
    sure = np.mean([content.answers.probabilities[run.id][indices].max(axis=1) for run in content.answers.runs], axis=0)
    return indices[np.argsort(-sure, kind="stable")[:_SHOWN]]


def _first(count: int, order: str) -> str:
    return f"{order}, {_SHOWN} of them" if count > _SHOWN else order if count > 1 else ""


def _images(count: int) -> str:
    return f"{count:,} image{'s' * (count != 1)}"
