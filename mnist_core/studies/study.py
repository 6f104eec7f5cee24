"""What a study is: a frozen value with its experiments, their networks, a question for the class and the lesson."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mnist_core.config import RunConfig

# What all published protocols share: everything is trained on and the test images choose. Checkpoints: best and last.
PUBLISHED = RunConfig(choose_on="test", threads=1, checkpoint_every=100_000)


@dataclass(frozen=True)
class Variant:
    """One network of an experiment, trained as the study trained it."""

    # the `variant` of reported.csv where there is one
    label: str
    # published protocol, first seed
    config: RunConfig

    @property
    def values(self) -> dict[str, float]:
        """The swept values by name, read from the label: {"width": 800.0}; empty if nothing is swept."""
        pairs = (part.partition("=") for part in self.label.split())
        return {name: float(value) for name, sign, value in pairs if sign}


@dataclass(frozen=True)
class Experiment:
    """Some networks that are compared with each other."""

    name: str
    title: str
    # one sentence
    asks: str
    variants: tuple[Variant, ...]
    # what varies by number, as in the labels
    swept: tuple[str, ...] = ()
    # experiment of the same study from whose run (same seed and label) each run goes on
    continues: str = ""
    # the epoch that the study reported
    measure: Literal["best", "last"] = "last"
    # wall time in the study's text, for one run of one variant; 0: none is given there
    reported_seconds: float = 0.0
    # how often each network is trained unless asked otherwise: more where seeds end far apart
    seeds: int = 1


@dataclass(frozen=True)
class QuizQuestion:
    """What a class answers before it sees the result."""

    text: str
    options: tuple[str, ...]
    # index of the right option
    answer: int
    # shown after answering
    why: str


@dataclass(frozen=True)
class Study:
    """A published study: what it asked, how it measured, and what there is to learn from it."""

    name: str
    title: str
    source: str
    asks: str
    # how it measured, in words
    protocol: str
    experiments: tuple[Experiment, ...]
    question: QuizQuestion
    # Markdown, a few sentences
    lesson: str
    # (experiment, variant, metric) -> what is known of the difference between the reported and the measured figure
    because: Mapping[tuple[str, str, str], str] = field(default_factory=dict)

    def experiment(self, name: str) -> Experiment:
        """The experiment of this name; raises KeyError."""
        return {experiment.name: experiment for experiment in self.experiments}[name]
