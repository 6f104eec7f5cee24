"""What a study is: a frozen value with its experiments, their networks, a question for the class and the lesson."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mnist_core.config import RunConfig

# What all published protocols share: all images are trained on, and the test images choose the epoch. Checkpoints are
# kept of the best and the last epoch.
PUBLISHED = RunConfig(choose_on="test", threads=1, checkpoint_every=100_000)


@dataclass(frozen=True)
class Variant:
    """One network of an experiment, trained as the study trained it."""

    # The `variant` of reported.csv, if it has this network.
    label: str
    # Published protocol, first seed.
    config: RunConfig
    # Swept values by name, such as {"width": 800.0}; empty if nothing is swept.
    values: Mapping[str, float] = field(compare=False)


@dataclass(frozen=True)
class Experiment:
    """Some networks that are compared with each other."""

    name: str
    title: str
    # One sentence.
    asks: str
    variants: tuple[Variant, ...]
    # Names of the swept values, as they stand in the labels.
    swept: tuple[str, ...]
    # Each run continues a run of this experiment of the same study, with the same seed and label; "": none.
    continues: str
    # Which epoch the study reported.
    measure: Literal["best", "last"]
    # Wall time in the study's text, for one run of one variant; 0 where it states none.
    reported_seconds: float
    # How often each network is trained by default; more where the seeds end far apart.
    seeds: int


@dataclass(frozen=True)
class QuizQuestion:
    """What a class answers before it sees the result."""

    text: str
    options: tuple[str, ...]
    # Index of the right option.
    answer: int
    # Shown after answering.
    why: str


@dataclass(frozen=True)
class Study:
    """A published study: what it asked, how it measured, and what there is to learn from it."""

    name: str
    title: str
    source: str
    asks: str
    # How the study measured, in words.
    protocol: str
    experiments: tuple[Experiment, ...]
    question: QuizQuestion
    # Markdown, a few sentences.
    lesson: str
    # (experiment, variant, metric): what explains the difference between the reported and the measured figure.
    because: Mapping[tuple[str, str, str], str]

    def experiment(self, name: str) -> Experiment:
        """The experiment of this name; raises KeyError."""
        return {experiment.name: experiment for experiment in self.experiments}[name]
