"""Whether a difference is real: tests of trained models on the same images, and of architectures over seeds.

Two questions, two sources of chance. *These trained models*: other test images might turn the difference round
(`paired_test`, `all_pairs`, `indistinguishable`, `wilson`). *These architectures*: other seeds might (`group_test`,
`mean_and_band`). All accuracies are fractions; numpy and scipy.special only.
"""

from mnist_core.analysis.stats.pairs import ALPHA, PairedTest, clopper_pearson, mcnemar, paired_test, wilson
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
    SPREAD_BANDS,
    GroupTest,
    SpreadBand,
    group_test,
    mean_and_band,
    pooled_deviation,
    seeds_to_show,
    smallest_p,
)
from mnist_core.analysis.stats.selection import SelectionBias, image_noise, selection_bias
from mnist_core.analysis.stats.sentences import (
    Claim,
    Sentence,
    floor_text,
    group_verdict,
    p_digits,
    p_text,
    pair_verdict,
    points_text,
    seeds_text,
    selection_bias_text,
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
    "SPREAD_BANDS",
    "Claim",
    "GroupPair",
    "GroupTest",
    "Pair",
    "PairedTest",
    "SelectionBias",
    "Sentence",
    "SpreadBand",
    "all_pairs",
    "clopper_pearson",
    "close_to_best",
    "detectable_by_seeds",
    "detectable_by_seeds_range",
    "detectable_difference",
    "detectable_range",
    "floor_text",
    "group_pairs",
    "group_test",
    "group_verdict",
    "holm",
    "image_noise",
    "indistinguishable",
    "mcnemar",
    "mcnemar_power",
    "mean_and_band",
    "p_digits",
    "p_text",
    "pair_verdict",
    "paired_test",
    "points_text",
    "pooled_deviation",
    "seeds_needed",
    "seeds_needed_range",
    "seeds_text",
    "seeds_to_show",
    "selection_bias",
    "selection_bias_text",
    "smallest_p",
    "welch_false_alarms",
    "welch_power",
    "wilson",
]
