"""Versions of the rules by which runs are trained and recorded: a run keeps those with which it began."""

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class TrainingRules:
    """The version of each rule that a run follows; the defaults are those of a run that begins now.

    patience: what early stopping counts. 1: epochs since the best epoch, which an equal accuracy with a lower loss
    moves on. 2: epochs since the accuracy last rose.

    training_loss: what is recorded of a run with label smoothing. 1: the smoothed loss, which training lowers. 2: the
    plain cross-entropy, which is recorded of the validation images too.

    kernels: how a processor computes the steps. 1: as torch chooses. 2: large matrices are multiplied by oneDNN where
    it is faster, and with one thread numbers below 1e-38 count as zero (`training.kernels`). Last digits differ.
    """

    patience: int = 2
    training_loss: int = 2
    kernels: int = 2

    @classmethod
    def recorded(cls, versions: Mapping[str, object]) -> "TrainingRules":
        """The rules of a run that recorded these versions by name; a run from before a rule has its first version.

        A version that does not exist here is that of today.
        """
        today = cls()
        return cls(
            **{
                field.name: version
                for field in fields(cls)
                if isinstance(version := versions.get(field.name, 1), int)
                and 1 <= version <= getattr(today, field.name)
            }
        )

    def labelled(self) -> dict[str, str]:
        """The versions by what they are called in a table: {"patience rule": "2"}."""
        return {_label(field.name): str(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_texts(cls, versions: Mapping[str, str]) -> "TrainingRules":
        """The rules among the versions of schema 7 or archive 2, where they were texts: {"patience rule": "2"}."""
        texts = {field.name: versions.get(_label(field.name), "1") for field in fields(cls)}
        numbers = {str(number): number for number in range(1, 10)}
        return cls.recorded({name: numbers.get(text, 0) for name, text in texts.items()})


def without_rules(versions: Mapping[str, str]) -> dict[str, str]:
    """The versions of schema 7 or archive 2 without those of rules."""
    keys = {_label(field.name) for field in fields(TrainingRules)}
    return {name: text for name, text in versions.items() if name not in keys}


def _label(name: str) -> str:
    return f"{name.replace('_', ' ')} rule"
