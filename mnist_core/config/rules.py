"""Versions of the rules by which runs are trained and recorded: a run keeps those with which it began."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

# A rule's version is stored among the run's versions: {"patience rule": "2"}.
_SUFFIX = " rule"


@dataclass(frozen=True)
class TrainingRules:
    """The version of each rule that a run follows; the defaults are those of a run that begins now.

    patience: what early stopping counts. 1: epochs since the best epoch, which an equal accuracy with a lower loss
    moves on. 2: epochs since the accuracy last rose.

    training_loss: what is recorded of a run with label smoothing. 1: the smoothed loss, which training lowers. 2: the
    plain cross-entropy, which is recorded of the validation images too.
    """

    patience: int = 2
    training_loss: int = 2

    @classmethod
    def recorded(cls, versions: Mapping[str, str] | None) -> "TrainingRules":
        """The rules of a run with these `versions`; a run from before a rule has its first version.

        None, as of a run that has not begun: the rules of today.
        """
        if versions is None:
            return cls()
        today = cls()
        recorded_versions = {field.name: versions.get(_key(field.name), "1") for field in fields(cls)}
        # An archive may hold any text as a version; only versions that exist here are used.
        valid_versions = {
            name: {str(number) for number in range(1, getattr(today, name) + 1)} for name in recorded_versions
        }
        return cls(**{name: int(text) for name, text in recorded_versions.items() if text in valid_versions[name]})

    def as_versions(self) -> dict[str, str]:
        """The rules as entries of a run's `versions`."""
        return {_key(field.name): str(getattr(self, field.name)) for field in fields(self)}


def _key(name: str) -> str:
    return name.replace("_", " ") + _SUFFIX
