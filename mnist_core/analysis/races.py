"""Races: several networks that train under the same settings, and in which order they end.

A race is a tag that its runs share, so it is found again by the tag, travels in archives, and needs nothing else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count

from mnist_core.analysis.comparison import MOST_SEEDS, with_seeds
from mnist_core.analysis.stats.intervals import mean_interval
from mnist_core.analysis.stats.sentences import Claim, Sentence
from mnist_core.analysis.verdict import TrainedArchitecture, Verdict
from mnist_core.config import RunConfig
from mnist_core.errors import ConfigError
from mnist_core.store import Poll, Run, RunQuery, Store, read_page, read_poll, read_tags

# The most networks of one race: more cannot be told apart on a chart.
MOST_NETWORKS = 8
_TAG = "race: "
# The most letters of a race's name.
_NAME_LENGTH = 80


@dataclass(frozen=True)
class Standing:
    """What one network of a race came to. Accuracies are fractions."""

    name: str
    runs: tuple[Run, ...]
    # Mean over the seeds.
    accuracy: float
    # The 95 % interval: of the mean over the seeds (Student's t), of a single run over the choice of images (Wilson).
    low: float
    high: float

    @property
    def seeds(self) -> int:
        """Number of seeds."""
        return len(self.runs)


def race_tag(name: str) -> str:
    """The tag of the runs of the race with this name."""
    return f"{_TAG}{' '.join(name.split())[:_NAME_LENGTH]}"


def race_names(run: Run) -> list[str]:
    """Names of the races in which a run takes part."""
    return [tag.removeprefix(_TAG) for tag in run.tags if tag.startswith(_TAG)]


def common_race(runs: Sequence[Run]) -> str | None:
    """The race in which all of these runs, at least two, take part; None if there is none."""
    if len(runs) < 2:
        return None
    return next((name for name in race_names(runs[0]) if all(name in race_names(run) for run in runs)), None)


def list_races(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """The runs of every race by its name, in the order of `runs`."""
    by_name: dict[str, list[Run]] = {}
    for run in runs:
        for name in race_names(run):
            by_name.setdefault(name, []).append(run)
    return by_name


def read_race(store: Store, name: str) -> list[Run]:
    """The runs of one race, the newest first."""
    tag = race_tag(name)
    return [run for run in read_page(store, RunQuery(text=tag), limit=None).runs if tag in run.tags]


def runs_of_poll(store: Store, poll: Poll) -> list[Run]:
    """The runs on which the class has voted, the newest first; others that have the tag of this race do not count."""
    digests = {config.digest() for config, _ in race_entries(poll.configs, poll.seeds)}
    return [
        run
        for run in read_race(store, poll.name)
        if run.owner is None and not run.imported and run.config.digest() in digests
    ]


def newest_races(store: Store) -> dict[str, list[Run]]:
    """The races among the newest thousand runs that take part in one, by name."""
    return list_races(read_page(store, RunQuery(text=_TAG)).runs)


def taken_names(store: Store) -> list[str]:
    """The names of all races, and of the one that the class votes on now."""
    tags, poll = read_tags(store, RunQuery(text=_TAG)), read_poll(store)
    named = [race_tag(poll.name)] if poll else []
    return [tag.removeprefix(_TAG) for tag in [*tags, *named] if tag.startswith(_TAG)]


def new_name(networks: Sequence[str], taken: Iterable[str]) -> str:
    """A name for a race of these networks that is not taken yet: "lenet-5, mlp-300 and 2 more"."""
    shown = [name if len(name) <= 24 else f"{name[:21]}..." for name in dict.fromkeys(networks)]
    name = ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")
    names = set(taken)
    endings = ("" if number == 1 else f", {number}" for number in count(1))
    # The ending must not be cut off, or a long name would be the same for every number.
    return next(
        wanted for ending in endings if (wanted := f"{name[: _NAME_LENGTH - len(ending)]}{ending}") not in names
    )


def race_entries(configs: Sequence[RunConfig], seeds: int) -> list[tuple[RunConfig, str]]:
    """Configs with names for the queue: every network with its first seed, then every one with its second.

    Raises ConfigError if there are too many networks or the seeds run out.
    """
    if len(configs) > MOST_NETWORKS:
        raise ConfigError("architecture", f"{len(configs)} networks are too many for one race: at most {MOST_NETWORKS}")
    columns = [with_seeds(config, seeds) for config in configs]
    return [entry for row in zip(*columns, strict=True) for entry in row]


def entries_again(runs: Sequence[Run]) -> list[tuple[RunConfig, str]]:
    """The same networks with as many seeds again, all of them new. Raises ConfigError where the seeds run out."""
    first = max(run.config.seed for run in runs) + 1
    alike: dict[str, RunConfig] = {}
    seeds: dict[str, set[int]] = {}
    for run in runs:
        config = run.config.replace(seed=first)
        alike.setdefault(config.digest(), config)
        seeds.setdefault(config.digest(), set()).add(run.config.seed)
    often = min(MOST_SEEDS, max(map(len, seeds.values())))
    return race_entries(list(alike.values()), often)


def standings(verdict: Verdict) -> list[Standing]:
    """The networks of a race by their mean accuracy on the images that all were asked, the best first."""
    return [_standing(verdict, row) for row in verdict.architectures]


def order_sentence(verdict: Verdict) -> tuple[str, str]:
    """In a few words and in a sentence, whether the lead of the first network over the second is real or may be luck.

    With two seeds or more each it is judged over the seeds, else by the images that only one of the two best runs has
    right. Both are "" where there is only one network.
    """
    rows = verdict.architectures
    if len(rows) < 2:
        return "", ""
    sentence, is_over_seeds = _sentence_on_lead(verdict, 1)
    more = " This is about these trained networks; several seeds of each tell about the architectures."
    return _in_short(sentence.claim), sentence + ("" if is_over_seeds else more)


def winners(verdict: Verdict) -> list[str]:
    """Names of the networks that may have won: the first, and all over which its lead may be luck."""
    rows = verdict.architectures
    claims = [_sentence_on_lead(verdict, index)[0].claim for index in range(1, len(rows))]
    beaten = [claim.ahead < 0 and claim.evidence == "some" for claim in claims]
    return [rows[0].name, *(row.name for row, is_beaten in zip(rows[1:], beaten, strict=True) if not is_beaten)]


def _sentence_on_lead(verdict: Verdict, index: int) -> tuple[Sentence, bool]:
    """What the verdict says of the first network and the one at `index`; whether it is about the seeds."""
    first, other = verdict.architectures[0], verdict.architectures[index]
    pair = next((pair for pair in verdict.architecture_pairs if {pair.a, pair.b} == {0, index}), None)
    if pair is not None:
        return verdict.architecture_sentence(pair), True
    best = [max(_indices(verdict, row), key=verdict.count_right) for row in (first, other)]
    return verdict.sentence(verdict.pair(*best), first.name, other.name), False


def _in_short(claim: Claim) -> str:
    if not claim.ahead:
        return "A tie."
    if claim.ahead > 0:
        # The second network's mean is the lower one, but its best run is ahead.
        return "Not settled."
    return {"some": "The lead is hardly luck.", "none": "The lead may be luck."}.get(claim.evidence, "Not settled.")


def _indices(verdict: Verdict, row: TrainedArchitecture) -> list[int]:
    return [index for index, run in enumerate(verdict.predictions.runs) if run in row.group.runs]


def _standing(verdict: Verdict, row: TrainedArchitecture) -> Standing:
    runs, accuracies = row.group.one_per_seed, list(row.accuracies.values())
    if len(runs) == 1:
        index = verdict.predictions.runs.index(runs[0])
        return Standing(row.name, runs, accuracies[0], *verdict.interval(index))
    mean, low, high = mean_interval(accuracies)
    # An interval by Student's t may reach beyond what an accuracy can be.
    return Standing(row.name, runs, mean, max(0.0, low), min(1.0, high))
