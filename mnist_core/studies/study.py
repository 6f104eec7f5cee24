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

    label: str  # the `variant` of reported.csv where there is one
    config: RunConfig  # published protocol, first seed

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
    asks: str  # one sentence
    variants: tuple[Variant, ...]
    swept: tuple[str, ...] = ()  # what varies by number, as in the labels
    continues: str = ""  # experiment of the same study from whose run (same seed and label) each run goes on
    measure: Literal["best", "last"] = "last"  # the epoch that the study reported
    reported_seconds: float = 0.0  # wall time in the study's text, for one run of one variant; 0: none is given there
    seeds: int = 1  # how often each network is trained unless asked otherwise: more where seeds end far apart


@dataclass(frozen=True)
class Question:
    """What a class answers before it sees the result."""

    text: str
    options: tuple[str, ...]
    answer: int  # index of the right option
    why: str  # shown after answering


@dataclass(frozen=True)
class Study:
    """A published study: what it asked, how it measured, and what there is to learn from it."""

    name: str
    title: str
    source: str
    asks: str
    protocol: str  # how it measured, in words
    experiments: tuple[Experiment, ...]
    question: Question
    lesson: str  # Markdown, a few sentences
    # (experiment, variant, metric) -> what is known of the difference between the reported and the measured figure
    because: Mapping[tuple[str, str, str], str] = field(default_factory=dict)

    def experiment(self, name: str) -> Experiment:
        """The experiment of this name; raises KeyError."""
        return {experiment.name: experiment for experiment in self.experiments}[name]
