"""How networks read what a class has drawn: a ranking on "our handwriting", where ties are ties.

All networks answer the same drawings, each with the image that its own data set would make of them. What follows is
about these drawings: those of one hand resemble each other, so that few people say little about others.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Lock

import numpy as np

from mnist_core.analysis import trained
from mnist_core.analysis.league import LeagueRow, league
from mnist_core.analysis.plainly import plain_summary
from mnist_core.analysis.predictions import Predictions
from mnist_core.analysis.verdict import judge
from mnist_core.config import DIGITS, FRAMED_LIKE_MNIST, Framing, dataset
from mnist_core.data import Ground, input_shape, place_drawing
from mnist_core.errors import MnistLabError, StoreError
from mnist_core.store import ClassDrawing, Run, Store, count_persons, drawings_stamp, labelled_drawings

# The most networks that are ranked: the newest.
MOST_RANKED = 30
# How many rankings are remembered: one for each set of runs that somebody sees.
_MOST_KEPT = 64
# Of how many networks the answers are remembered at least.
_MOST_NETWORKS = 200

_SHAPE = (1, 28, 28)
_NO_NUMBERS = "its weights are not numbers any more"
_DAMAGED = "a drawing is damaged"


@dataclass(frozen=True)
class Ranking:
    """How networks read the drawings of a class."""

    # The best place first.
    rows: tuple[LeagueRow, ...] = ()
    # How many drawings all of these networks have answered, and how many of them each has right, by run id.
    drawings: int = 0
    right: Mapping[str, int] | None = None
    # From how many people they are; None if that is not known, because some drew without a login.
    persons: int | None = 0
    # Which networks are better, in plain words.
    summary: str = ""
    # How many networks have not answered all drawings yet, and those that cannot, each with the reason.
    waiting: int = 0
    left_out: tuple[tuple[Run, str], ...] = ()

    @property
    def scope(self) -> str:
        """What the ranking holds for, in plain sentences."""
        if self.persons is None:
            hands = "these drawings; nobody noted how many people made them"
        else:
            hands = f"these drawings of {self.persons} {'person' if self.persons == 1 else 'people'}"
        return (
            f"This is about {hands}. The drawings of one hand resemble each other, so for other hands the figures are "
            "less sure than the intervals say. They count each drawing as if it were made by somebody else."
        )


class HandwritingAnswers:
    """What networks have answered to the drawings of a class, so that each is asked for each drawing only once.

    One for all sessions; it forgets drawings as soon as they are gone from the store.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._stamp = ""
        self._drawings: list[ClassDrawing] = []
        # Ids of drawings whose pictures have been read without an error.
        self._sound: set[str] = set()
        # By how images are made: the image of each drawing, uint8 (1, 28, 28), by id.
        self._placed: dict[tuple[Framing, Ground | None], dict[str, np.ndarray]] = {}
        # By `Run.version`: the probabilities of the classes, float32 (10,), by id of the drawing.
        self._answers: dict[tuple[object, ...], dict[str, np.ndarray]] = {}
        # By the versions of the runs, the last ranking of all drawings, and the stamp of these.
        self._rankings: dict[tuple[object, ...], tuple[str, Ranking]] = {}

    def rank(self, store: Store, runs: Sequence[Run], seconds: float = 1.0) -> Ranking:
        """Rank the newest of these runs that read digits; asks networks for about so many seconds, one at least.

        While some have not answered, it is the ranking from before the newest drawings, or of those that have.
        """
        ranked, stamp = ranked_runs(runs), drawings_stamp(store)
        key = tuple(run.version for run in ranked)
        held_stamp, held = self._rankings.get(key, ("", Ranking()))
        if held_stamp == stamp:
            return held
        if not self._lock.acquire(timeout=seconds):
            # Somebody else's page asks the networks at this moment.
            return replace(held, waiting=len(ranked))
        try:
            self._read(store, stamp)
            answered, left_out, waiting = self._ask(store, ranked, seconds)
            if waiting and held.rows:
                return replace(held, waiting=waiting)
            ranking = self._ranking(answered, count_persons(store), tuple(left_out), waiting)
            if not waiting:
                self._keep(key, stamp, ranking)
            return ranking
        finally:
            self._lock.release()

    def probabilities(self, store: Store, run: Run, drawing: ClassDrawing) -> tuple[np.ndarray, np.ndarray]:
        """What one network gets for a drawing, uint8 (1, 28, 28), and its probabilities (10,). Raises MnistLabError."""
        image = _placed(drawing, *placing_of(run))
        return image, trained.run_probabilities(store, run, image[None])[0]

    def _read(self, store: Store, stamp: str) -> None:
        if stamp == self._stamp:
            return
        self._drawings = [drawing for drawing in labelled_drawings(store) if self._is_sound(drawing)]
        self._stamp = stamp
        here = {drawing.id for drawing in self._drawings}
        for by_id in (*self._placed.values(), *self._answers.values()):
            for gone in by_id.keys() - here:
                del by_id[gone]
        self._sound &= here

    def _is_sound(self, drawing: ClassDrawing) -> bool:
        """Whether the picture can be read; a damaged one is not ranked on."""
        if drawing.id not in self._sound:
            with suppress(StoreError):
                drawing.pixels  # noqa: B018
                self._sound.add(drawing.id)
        return drawing.id in self._sound

    def _ask(self, store: Store, runs: Sequence[Run], seconds: float) -> tuple[list[Run], list[tuple[Run, str]], int]:
        """Ask networks for what they have not answered: those that have, those that cannot, and how many wait."""
        until = time.monotonic() + seconds
        answered: list[Run] = []
        left_out: list[tuple[Run, str]] = []
        waiting, has_asked = 0, False
        for run in runs:
            of_run = self._answers.setdefault(run.version, {})
            missing = [drawing for drawing in self._drawings if drawing.id not in of_run]
            if missing and has_asked and time.monotonic() > until:
                waiting += 1
                continue
            try:
                if missing:
                    has_asked = True
                    images = np.stack([self._image(drawing, run) for drawing in missing])
                    rows = trained.run_probabilities(store, run, images)
                    of_run.update(zip((drawing.id for drawing in missing), rows, strict=True))
            except MnistLabError as error:
                left_out.append((run, str(error)))
                continue
            if all(np.isfinite(row).all() for row in of_run.values()):
                answered.append(run)
            else:
                left_out.append((run, _NO_NUMBERS))
        return answered, left_out, waiting

    def _image(self, drawing: ClassDrawing, run: Run) -> np.ndarray:
        placing = placing_of(run)
        images = self._placed.setdefault(placing, {})
        if drawing.id not in images:
            images[drawing.id] = _placed(drawing, *placing)
        return images[drawing.id]

    def _ranking(
        self, runs: Sequence[Run], persons: int | None, left_out: tuple[tuple[Run, str], ...], waiting: int
    ) -> Ranking:
        if not runs or not self._drawings:
            return Ranking(waiting=waiting, left_out=left_out, persons=persons)
        labels = np.array([drawing.label for drawing in self._drawings], dtype=np.int64)
        probabilities = {
            run.id: np.stack([self._answers[run.version][drawing.id] for drawing in self._drawings]) for run in runs
        }
        verdict = judge(Predictions(tuple(runs), labels, probabilities))
        right = {run.id: verdict.count_right(index) for index, run in enumerate(runs)}
        # Of a single run it would speak of test images.
        summary = plain_summary(verdict) if len(runs) > 1 else ""
        return Ranking(tuple(league(verdict)), len(labels), right, persons, summary, waiting, left_out)

    def _keep(self, key: tuple[object, ...], stamp: str, ranking: Ranking) -> None:
        self._rankings.pop(key, None)
        self._rankings[key] = (stamp, ranking)
        while len(self._rankings) > _MOST_KEPT:
            del self._rankings[next(iter(self._rankings))]
        while len(self._answers) > _MOST_NETWORKS:
            del self._answers[next(iter(self._answers))]


def ranked_runs(runs: Sequence[Run]) -> list[Run]:
    """Of these runs the newest finished ones that tell digits in grey images of 28 x 28, in the order of numbers."""
    return sorted(filter(_reads_drawings, runs), key=lambda run: run.number)[-MOST_RANKED:]


def placing_of(run: Run) -> tuple[Framing, Ground | None]:
    """How a drawing is made an image for this run's network: by its data set, or by its folder's images.

    The framing says how it is centred and scaled, the ground whether strokes are bright; None if that is not known.
    """
    ground = None if run.data is None else run.data.ground
    if run.dataset == "folder" and run.data is not None and run.data.placed_like_mnist:
        return FRAMED_LIKE_MNIST, ground
    return dataset(run.dataset).framing, ground


def _reads_drawings(run: Run) -> bool:
    classes = dataset(run.dataset).classes if run.data is None else run.data.classes
    return run.state == "finished" and tuple(classes) == DIGITS and input_shape(run.config) == _SHAPE


def _placed(drawing: ClassDrawing, framing: Framing, ground: Ground | None) -> np.ndarray:
    """The image of a drawing for a network, uint8 (1, 28, 28). Raises MnistLabError if the drawing is damaged."""
    placed = place_drawing(drawing.pixels, _SHAPE, framing, ground)
    if placed is None:
        raise MnistLabError(_DAMAGED)
    return placed.image
