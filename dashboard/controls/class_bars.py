"""The probabilities of the classes as bars, for one image and one network."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mnist_core.plots import tint
from mnist_core.text import in_html, share_text

# A page that shows such bars puts this file on the page once, with st.html.
CLASS_BAR_STYLES = Path(__file__).with_name("class_bars.css")
# With more classes than this, only the most probable ones are shown.
MOST_BARS = 12


def class_bars_html(
    names: Sequence[str],
    probabilities: np.ndarray,
    shown: Sequence[int],
    colour: str,
    predicted: int | None,
    true: int | None = None,
    written_from: float = 0.0,
) -> str:
    """HTML of a bar for each of the classes `shown`, from probabilities (classes,).

    The bar of the `predicted` class is darker, the `true` one has a tick; None if there is none or it is not known.
    Probabilities below `written_from` are not written beside their bars.
    """
    bars = []
    for cls in shown:
        probability, name = float(probabilities[cls]), in_html(names[cls])
        fill = colour if cls == predicted else tint(colour, 0.5)
        strong = " strong" if cls in (predicted, true) else ""
        mark = "" if true is None else f"<i>{'✓' if cls == true else ''}</i>"
        bars.append(
            f"<span class='class{strong}' title='{name}'>{name}</span>{mark}"
            f"<div><b style='width:{100 * probability:.1f}%;background:{fill}'></b></div>"
            f"<span class='share{strong}'>{percent_text(probability) if probability >= written_from else ''}</span>"
        )
    return f"<div class='class-bars{'' if true is None else ' marked'}'>{''.join(bars)}</div>"


def classes_to_show(probabilities: np.ndarray, true: int | None = None) -> list[int]:
    """All classes in their order; of many only the most probable ones, and the true one among them."""
    if len(probabilities) <= MOST_BARS:
        return list(range(len(probabilities)))
    best = np.argsort(-probabilities, kind="stable")[:MOST_BARS].tolist()
    return best if true is None or true in best else [*best[:-1], true]


def percent_text(probability: float) -> str:
    """A probability in per cent; only exactly 1 reads as 100.0%."""
    return share_text(probability)
