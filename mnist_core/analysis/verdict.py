"""Is it real? Whether runs that answered the same images, and architectures over their seeds, differ beyond chance.

The API, the pages and the report all ask `judge`, so that they say the same of the same runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

import numpy as np

from mnist_core.analysis.comparison import SeedGroup, seed_group_names, seed_groups
from mnist_core.analysis.predictions import Predictions
from mnist_core.analysis.stats.pairs import from_counts, wilson
from mnist_core.analysis.stats.selection import SelectionBias, image_noise, selection_bias
from mnist_core.analysis.stats.sentences import Sentence, group_verdict, pair_verdict
from mnist_core.analysis.stats.several import GroupPair, Pair, all_pairs, group_pairs, indistinguishable
from mnist_core.store import Run


@dataclass(frozen=True)
class TrainedArchitecture:
    """Runs that differ only in the seed, and what they achieved on the images that all were asked."""

    name: str
    group: SeedGroup
    # By seed, the accuracy (a fraction) of its first run.
    accuracies: Mapping[int, float]

    @property
    def mean(self) -> float:
        """Mean accuracy over the seeds, a fraction."""
        return fmean(self.accuracies.values())


@dataclass(frozen=True)
class Verdict:
    """What can be said of runs by their predictions for the same images; runs are indices into `predictions.runs`."""

    predictions: Predictions
    # The runs, the one with the most images right first; of equals the earlier.
    order: tuple[int, ...]
    # Every two runs, with p corrected for their number.
    pairs: tuple[Pair, ...]

    @property
    def best(self) -> int:
        """The run with the most images right."""
        return self.order[0]

    def count_right(self, run: int) -> int:
        """How many images a run has right."""
        return int(self.predictions.right[run].sum())

    def interval(self, run: int) -> tuple[float, float]:
        """The 95 % interval (Wilson) of a run's accuracy, fractions."""
        return wilson(self.count_right(run), self.predictions.images)

    def pair(self, a: int, b: int) -> Pair:
        """The comparison of run `a` with run `b`."""
        pair = next(pair for pair in self.pairs if {pair.a, pair.b} == {a, b})
        if pair.a == a:
            return pair
        test = pair.paired
        return Pair(a, b, from_counts(test.images, test.only_b, test.only_a), pair.adjusted)

    def sentence(self, pair: Pair, name_a: str, name_b: str) -> Sentence:
        """Whether two runs differ, judged by p as it is corrected for the number of pairs."""
        return pair_verdict(name_a, name_b, pair.paired, pair.adjusted if len(self.pairs) > 1 else None)

    @cached_property
    def alike(self) -> tuple[tuple[int, ...], ...]:
        """Groups of runs that cannot be told apart, the best run and the best group first."""
        return tuple(indistinguishable(self.predictions.right, self.pairs))

    @property
    def like_the_best(self) -> list[int]:
        """The runs that cannot be told apart from the best one, without itself, rising."""
        return sorted({run for group in self.alike if self.best in group for run in group} - {self.best})

    @cached_property
    def architectures(self) -> tuple[TrainedArchitecture, ...]:
        """The runs as architectures over their seeds, the best mean first."""
        accuracies = {run.id: value for run, value in zip(self.predictions.runs, self._accuracies, strict=True)}
        groups = seed_groups(self.predictions.runs)
        rows = [
            TrainedArchitecture(name, group, {run.config.seed: accuracies[run.id] for run in group.one_per_seed})
            for group, name in zip(groups, seed_group_names(groups), strict=True)
        ]
        return tuple(sorted(rows, key=lambda row: -row.mean))

    def architecture_of(self, run: Run) -> TrainedArchitecture:
        """The architecture that a run belongs to."""
        return next(row for row in self.architectures if run in row.group.runs)

    @cached_property
    def architecture_pairs(self) -> tuple[GroupPair, ...]:
        """Every two architectures with two seeds or more; `a` and `b` are indices into `architectures`."""
        return tuple(group_pairs([list(row.accuracies.values()) for row in self.architectures]))

    def architecture_sentence(self, pair: GroupPair) -> Sentence:
        """Whether two architectures differ, judged by p as it is corrected for the number of pairs."""
        a, b = self.architectures[pair.a], self.architectures[pair.b]
        values = list(a.accuracies.values()), list(b.accuracies.values())
        if pair.tested == 1:
            return group_verdict(a.name, b.name, *values, pair.test)
        return group_verdict(
            a.name, b.name, *values, pair.test, pair.welch, permutation=pair.permutation, least=pair.least
        )

    @cached_property
    def selection_bias(self) -> SelectionBias | None:
        """How much the accuracy of the best run owes to its having been chosen as the best.

        The choice of images scatters an accuracy around what its settings give, for which the mean over the best run's
        seeds stands: the best run's own accuracy is the one that chance has raised.
        """
        noise = image_noise(self.architecture_of(self.predictions.runs[self.best]).mean, self.predictions.images)
        return selection_bias([list(row.accuracies.values()) for row in self.architectures], noise)

    @property
    def _accuracies(self) -> list[float]:
        return self.predictions.right.mean(axis=1).tolist()


def judge(predictions: Predictions) -> Verdict:
    """Whether runs differ by more than chance: every two by McNemar's exact test, corrected by Holm's method.

    What takes longer, groups of runs alike and the tests over seeds, is computed when it is first asked for.
    """
    order = np.argsort(-predictions.right.sum(axis=1), kind="stable").tolist()
    return Verdict(predictions, tuple(order), tuple(all_pairs(predictions.right)))
