"""What a page of Train shows of the runs that it follows, and what of it is new since."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import streamlit as st

from dashboard.access import current_person
from dashboard.components import held_images, renewal
from dashboard.controls import LiveCurves, live_curves, recording_of, renewed_thinking, thinking_key
from dashboard.frame import open_store, pace
from dashboard.train import renewing
from dashboard.train.lanes import lanes_html
from dashboard.train.run_card import renewed_parts
from mnist_core.analysis import races
from mnist_core.store import Run, Store

_TICK_SECONDS = 0.5
# While nothing trains, the page still looks for runs that the command line has started.
_IDLE_SECONDS = 3.0
# Up to this many runs each has a card with its number; more are lanes above their chart.
_MOST_CARDS = 2
# Key of the lanes.
LANES = "lanes"
# Key of a session's view.
_VIEW = "followed-view"


def followed_view() -> "FollowedView":
    """The view of this session."""
    if _VIEW not in st.session_state:
        person = current_person()
        st.session_state[_VIEW] = FollowedView(open_store(), None if person is None else person.id, live_curves())
    return st.session_state[_VIEW]


def has_cards(runs: Sequence[Run]) -> bool:
    """Whether each of these runs has a card with its number. A race of two has lanes and a podium, too."""
    return len(runs) <= _MOST_CARDS and races.common_race(runs) is None


def watched_run(runs: Sequence[Run]) -> Run:
    """Of runs with cards the one whose thinking is shown: one that trains, or else the newest."""
    newest_first = sorted(runs, key=lambda run: -run.number)
    return next((run for run in newest_first if run.active), newest_first[0])


@dataclass(eq=False)
class FollowedView:
    """The runs that the page of one session follows, as they were when it was drawn, and as they are now."""

    store: Store
    person: str | None
    curves: LiveCurves
    _ids: Sequence[str] = ()
    _drawn: str = ""
    _draws: int = 0
    # Digest of the images that the browser holds of what the watched run is thinking.
    _held: str = ""

    def __post_init__(self) -> None:
        self._token = renewing.register(self)

    def keep_renewed(self, runs: Sequence[Run], queued: Sequence[str], busy: bool, *, again: bool) -> None:
        """Note what has just been drawn, and have the browser ask for what is new; `again` lets it draw all once more.

        `queued` holds the ids of the queued runs in the order of the queue; `busy` is what `is_busy` says.
        """
        self._ids = [run.id for run in runs]
        self._drawn = self._state(runs, queued, busy)
        self._draws += 1
        self._held = held_images(thinking_key(watched_run(runs))) if runs and has_cards(runs) else ""
        renewal(
            "followed-renewal",
            renewing.ADDRESS,
            self._token,
            _pause(busy),
            number=self._draws,
            again=again,
        )

    def renewed(self) -> dict[str, object]:
        """What is new, for the page's `renewal`."""
        runs, queued = self.store.runs(ids=self._ids), self.store.queued_ids()
        busy = is_busy(self.store, runs)
        if self._state(runs, queued, busy) != self._drawn:
            return {"run": True}
        html: dict[str, str] = {}
        messages: dict[str, object] = {}
        if any(run.active for run in runs):
            messages |= self.curves.renewed(self.store, runs)
            if has_cards(runs):
                messages |= self._thinking(watched_run(runs))
            else:
                html[LANES] = lanes_html(sorted(runs, key=lambda run: run.number), queued, self.curves)
            for run in runs:
                html |= renewed_parts(run, queued, self.curves, has_cards(runs)) if run.active else {}
        return {"html": html, "messages": messages, "pause": round(1000 * _pause(busy))}

    def _thinking(self, run: Run) -> dict[str, object]:
        recording, _ = recording_of(self.store, run)
        if recording is None:
            return {}
        return {thinking_key(run): renewed_thinking(self.store, run, recording, self._held)}

    def _state(self, runs: Sequence[Run], queued: Sequence[str], busy: bool) -> str:
        """All on which more depends than what is renewed in place; as text, because not every number equals itself."""
        states = [
            [run.id, run.state, run.request, run.note, run.owner, run.shared]
            if run.active
            else [getattr(run, column.name) for column in fields(run)]
            for run in sorted(runs, key=lambda run: run.number)
        ]
        trouble = recording_of(self.store, watched_run(runs))[1] if runs and has_cards(runs) else ""
        waiting = [(queued.index(run.id), run.name) for run in self.store.queue(queued)] if queued else []
        return repr([states, trouble, waiting, busy])


def is_busy(store: Store, runs: Sequence[Run]) -> bool:
    """Whether any run trains or waits that this store shows; `runs` are some of them."""
    return any(run.active for run in runs) or bool(store.runs(states=["queued", "running"]))


def _pause(busy: bool) -> float:
    """Seconds until the browser asks next."""
    return pace(_TICK_SECONDS if busy else _IDLE_SECONDS)
