"""Which runs to compare where a person has not chosen any: the newest ones that answered the same images."""

from collections.abc import Sequence

from mnist_core.config import have_same_pictures
from mnist_core.store import Run

# A comparison of more runs is hard to read at first sight.
_MOST = 4


def newest_comparable(runs: Sequence[Run], most: int = _MOST) -> list[Run]:
    """The newest finished runs that were tested on the same images, at most `most`, the newest first.

    Of the data sets on which two or more runs were tested the one with the newest run counts; if there is none, the
    newest tested run is alone.
    """
    tested = [run for run in runs if run.state == "finished" and run.test_accuracy is not None]
    tested.sort(key=lambda run: -run.number)
    seen: set[str] = set()
    for first in tested:
        if first.dataset in seen:
            continue
        seen.add(first.dataset)
        group = [run for run in tested if _have_same_images(first, run)]
        if len(group) > 1:
            return group[:most]
    return tested[:1]


def _have_same_images(first: Run, other: Run) -> bool:
    """Whether two runs were tested on the same images, as far as they recorded it."""
    same = have_same_pictures(first.data, other.data, "test")
    return first.dataset == other.dataset and same is not False
