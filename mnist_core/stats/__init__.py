"""Whether a difference is real: tests of trained models on the same images, and of architectures over seeds.

Two questions, two sources of chance. *These trained models*: other test images might turn the difference round
(`paired`, `all_pairs`, `indistinguishable`, `wilson`). *These architectures*: other seeds might (`group_test`,
`spread`). All accuracies are fractions; numpy and scipy.special only.
"""

from mnist_core.stats.pairs import Paired, mcnemar, paired, wilson
from mnist_core.stats.power import (
    detectable_by_seeds,
    detectable_difference,
    mcnemar_power,
    seeds_needed,
    welch_power,
)
from mnist_core.stats.seeds import BANDS, Band, GroupTest, group_test, pooled_deviation, smallest_p, spread
from mnist_core.stats.sentences import floor_text, group_verdict, p_text, verdict
from mnist_core.stats.several import Pair, all_pairs, holm, indistinguishable

__all__ = [
    "BANDS",
    "Band",
    "GroupTest",
    "Pair",
    "Paired",
    "all_pairs",
    "detectable_by_seeds",
    "detectable_difference",
    "floor_text",
    "group_test",
    "group_verdict",
    "holm",
    "indistinguishable",
    "mcnemar",
    "mcnemar_power",
    "p_text",
    "paired",
    "pooled_deviation",
    "seeds_needed",
    "smallest_p",
    "spread",
    "verdict",
    "welch_power",
    "wilson",
]
