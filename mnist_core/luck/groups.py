"""Groups: one question "how much of this is luck?", split into parts that the queue trains side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from mnist_core.analysis import Luck
from mnist_core.config import FIGURE_NAME_LENGTH, MOST_LUCK_SEEDS, LuckPart, RunConfig, SeedScore
from mnist_core.errors import ConfigError, StoreError
from mnist_core.luck.scores import read_scores
from mnist_core.store import RESUMABLE_STATES, Run, RunState, Store, default_name, new_id, places, queueing
from mnist_core.text import one_line
from mnist_core.training import SEEDS_AT_ONCE, check_trainable

# The state of a group is the first of these that one of its parts has.
_STATES = ("running", "queued", "failed", "interrupted", "diverged", "paused", "stopped", "finished")


@dataclass(frozen=True)
class LuckGroup:
    """The parts of one question, in the order of their seeds, and what was found so far."""

    id: str
    parts: tuple[Run, ...]
    scores: tuple[SeedScore, ...]
    # How many test images there are; 0 until the first seeds are done.
    test_images: int
    # What is wrong with the files of the parts; "" as a rule.
    damage: str

    @property
    def config(self) -> RunConfig:
        """The settings that all seeds share; `seed` is the first of them."""
        return self.parts[0].config

    @property
    def name(self) -> str:
        """The name that was given, or that of the network."""
        return self.parts[0].name

    @property
    def seeds(self) -> int:
        """How many seeds are to be trained."""
        return sum(part.luck.seeds for part in self.parts if part.luck)

    @property
    def figure(self) -> float | None:
        """The accuracy to find among those of the seeds, as a fraction."""
        return self.parts[0].luck.figure if self.parts[0].luck else None

    @property
    def figure_name(self) -> str:
        """Where that accuracy comes from."""
        return self.parts[0].luck.figure_name if self.parts[0].luck else ""

    @property
    def state(self) -> RunState:
        """One state for all parts: what still trains or waits decides, then what did not end well."""
        states: list[RunState] = [part.state for part in self.parts]
        return min(states, key=_STATES.index)

    @property
    def active(self) -> bool:
        """Whether a part trains or waits."""
        return any(part.active for part in self.parts)

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        done = sum(part.progress * part.luck.seeds for part in self.parts if part.luck)
        return done / self.seeds

    @property
    def seconds(self) -> float:
        """Seconds of computing, of all parts together."""
        return sum(part.seconds for part in self.parts)

    @property
    def accuracies(self) -> list[float]:
        """Test accuracies of the seeds that did not diverge, as fractions, in the order of the seeds."""
        return [score.test_accuracy for score in self.scores if score.test_accuracy is not None]

    @property
    def diverged(self) -> int:
        """How many seeds diverged."""
        return len(self.scores) - len(self.accuracies)

    @property
    def facts(self) -> Luck:
        """What the accuracies tell."""
        optimistic = self.config.choose_on == "test"
        return Luck(tuple(self.accuracies), self.diverged, max(1, self.test_images), self.figure, optimistic)

    def sentences(self, difference: float | None = None) -> list[str]:
        """What the accuracies tell, the answer first.

        `difference`: one that is to be told from luck, as a fraction; by default that of the figure and the mean, and
        without a figure one that only one pair of seeds in twenty exceeds.
        """
        facts = self.facts
        if difference is None and self.figure is None:
            difference = facts.large_gap
        return facts.sentences(difference)

    @property
    def notes(self) -> list[str]:
        """What a person should know about the parts, each sentence once."""
        return list(dict.fromkeys(part.note for part in self.parts if part.note))


def start_group(
    store: Store, config: RunConfig, seeds: int, figure: float | None = None, figure_name: str = "", name: str = ""
) -> str:
    """Queue a question and return its id: this many seeds of the config, from its own seed on.

    `figure`: an accuracy as a fraction to find among those of the seeds. Raises ConfigError, ArchitectureError or
    DataError before anything is queued.
    """
    if not 2 <= seeds <= MOST_LUCK_SEEDS:
        raise ConfigError("seeds", f"is {seeds:,}; choose 2 to {MOST_LUCK_SEEDS}")
    if figure is not None and not 0 <= figure <= 1:
        raise ConfigError("figure", "must be an accuracy between 0 and 100 %")
    if config.library != "torch" or config.continue_from:
        raise ConfigError(
            "library" if config.library != "torch" else "continue_from",
            "only fresh networks of torch are trained with many seeds; choose torch, and no run to continue",
        )
    check_trainable(config)
    # The last seed must be one that a run may have.
    config.replace(seed=config.seed + seeds - 1)
    group, title = new_id(), one_line(name).strip() or _title(config, seeds)
    parts = [
        LuckPart(
            group=group,
            first_seed=first,
            seeds=count,
            figure=figure,
            figure_name=one_line(figure_name)[:FIGURE_NAME_LENGTH],
        )
        for first, count in _shares(config.seed, seeds, max(1, places(store)))
    ]
    queueing.enqueue_parts(store, config, title, parts)
    return group


def groups(store: Store) -> list[LuckGroup]:
    """All questions, the newest first."""
    by_group: dict[str, list[Run]] = {}
    for part in store.runs(luck=True):
        if part.luck:
            by_group.setdefault(part.luck.group, []).append(part)
    return [_group(store, parts) for parts in by_group.values()]


def load_group(store: Store, group: str) -> LuckGroup:
    """One question by its id. Raises StoreError if there is none."""
    parts = [part for part in store.runs(luck=True) if part.luck and part.luck.group == group]
    if not parts:
        raise StoreError(f"there is no question of luck {group!r}; `python -m mnist_core luck list` shows them")
    return _group(store, parts)


def find_group(store: Store, text: str) -> LuckGroup:
    """One question by its id, the beginning of its id, or its name. Raises StoreError."""
    every = groups(store) if text else []
    matches = [group for group in every if group.id.startswith(text)] or [
        group for group in every if group.name == text
    ]
    if len(matches) != 1:
        raise StoreError(
            f"{text!r} names {'no question' if not matches else f'{len(matches)} questions'} of luck; "
            "`python -m mnist_core luck list` shows names and ids"
        )
    return matches[0]


def stop_group(store: Store, group: LuckGroup) -> None:
    """Stop all parts together; what was found stays."""
    store.stop_all([part.id for part in group.parts])


def resume_group(store: Store, group: LuckGroup) -> int:
    """Queue the parts that have ended without having trained all their seeds; returns how many."""
    return queueing.requeue_all(store, [part for part in group.parts if part.state in RESUMABLE_STATES])


def delete_group(store: Store, group: LuckGroup) -> None:
    """Delete a question with all that was found; running parts are stopped."""
    store.delete([part.id for part in group.parts])


def _group(store: Store, parts: Sequence[Run]) -> LuckGroup:
    ordered = tuple(sorted(parts, key=lambda part: part.luck.first_seed if part.luck else 0))
    scores: list[SeedScore] = []
    images, damage = 0, ""
    for part in ordered:
        try:
            of_part = read_scores(store, part)
        except StoreError as error:
            damage = str(error)
            continue
        scores += of_part.scores
        images = max(images, of_part.test_images)
    return LuckGroup(ordered[0].luck.group if ordered[0].luck else "", ordered, tuple(scores), images, damage)


def _shares(first: int, seeds: int, places: int) -> list[tuple[int, int]]:
    """First seed and number of seeds of each part: one a place, of whole groups of seeds that train at once."""
    share = ceil(seeds / places / SEEDS_AT_ONCE) * SEEDS_AT_ONCE
    return [(first + start, min(share, seeds - start)) for start in range(0, seeds, share)]


def _title(config: RunConfig, seeds: int) -> str:
    return f"Luck of {default_name(config.replace(seed=RunConfig().seed))}, {seeds} seeds"
