"""Whether a difference is real: tests of trained models on the same images, and of architectures over seeds.

Two questions, two sources of chance. *These trained models*: other test images might turn the difference round
(`paired`, `all_pairs`, `indistinguishable`, `wilson`). *These architectures*: other seeds might (`group_test`,
`spread`). All accuracies are fractions; numpy and scipy.special only.
"""

from mnist_core.analysis.stats.pairs import ALPHA, Paired, clopper_pearson, mcnemar, paired, wilson
from mnist_core.analysis.stats.power import (
    detectable_by_seeds,
    detectable_by_seeds_range,
    detectable_difference,
    detectable_range,
    mcnemar_power,
    seeds_needed,
    seeds_needed_range,
    welch_false_alarms,
    welch_power,
)
from mnist_core.analysis.stats.seeds import (
    BANDS,
    Band,
    GroupTest,
    group_test,
    pooled_deviation,
    seeds_to_show,
    smallest_p,
    spread,
)
from mnist_core.analysis.stats.selection import Flattery, flattery, image_noise
from mnist_core.analysis.stats.sentences import (
    Claim,
    Sentence,
    flattery_text,
    floor_text,
    group_verdict,
    p_text,
    points_text,
    seeds_text,
    verdict,
)
from mnist_core.analysis.stats.several import (
    GroupPair,
    Pair,
    all_pairs,
    close_to_best,
    group_pairs,
    holm,
    indistinguishable,
)

__all__ = [
    "ALPHA",
    "BANDS",
    "Band",
    "Claim",
    "Flattery",
    "GroupPair",
    "GroupTest",
    "Pair",
    "Paired",
    "Sentence",
    "all_pairs",
    "clopper_pearson",
    "close_to_best",
    "detectable_by_seeds",
    "detectable_by_seeds_range",
    "detectable_difference",
    "detectable_range",
    "flattery",
    "flattery_text",
    "floor_text",
    "group_pairs",
    "group_test",
    "group_verdict",
    "holm",
    "image_noise",
    "indistinguishable",
    "mcnemar",
    "mcnemar_power",
    "p_text",
    "paired",
    "points_text",
    "pooled_deviation",
    "seeds_needed",
    "seeds_needed_range",
    "seeds_text",
    "seeds_to_show",
    "smallest_p",
    "spread",
    "verdict",
    "welch_false_alarms",
    "welch_power",
    "wilson",
]
