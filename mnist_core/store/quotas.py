"""What each student of a class may use, so that one cannot take what thirty need; the teacher changes it.

Whoever uses the lab without logins, and the teacher, are bound by the limits of the machine alone (`limits`).
"""

from dataclasses import dataclass
from typing import Any

# Name of the setting of the store that holds them.
SETTING = "quotas"


@dataclass(frozen=True)
class Quota:
    """One bound: its name in `Quotas`, and what a form says of it."""

    name: str
    label: str
    lowest: int
    highest: int
    usual: int
    help: str


# An entry here is a field of the form, and a check below or where `help` says.
QUOTAS = {
    quota.name: quota
    for quota in (
        Quota("running", "Runs at once", 1, 64, 1, "How many runs of one student train at the same time."),
        Quota("queued", "Runs that wait", 1, 1000, 20, "How many runs of one student may stand in the queue."),
        Quota("parameters", "Parameters of a network", 1000, 10**9, 2_000_000, "The largest network of a student."),
        Quota("epochs", "Epochs of a run", 1, 10_000, 50, "The longest run of a student."),
        Quota("minutes", "Minutes of a run", 1, 10_000, 10, "After this time a student's run is stopped and tested."),
        Quota("megabytes", "Megabytes of all runs", 1, 10**6, 500, "Room on the disk for all runs of a student."),
        Quota(
            "people",
            "Students",
            1,
            1000,
            100,
            "How many the link lets in; a second device counts, too.",
        ),
    )
}


@dataclass(frozen=True)
class Quotas:
    """The bounds of one class; see `QUOTAS` for what they mean."""

    running: int = QUOTAS["running"].usual
    queued: int = QUOTAS["queued"].usual
    parameters: int = QUOTAS["parameters"].usual
    epochs: int = QUOTAS["epochs"].usual
    minutes: int = QUOTAS["minutes"].usual
    megabytes: int = QUOTAS["megabytes"].usual
    people: int = QUOTAS["people"].usual

    @classmethod
    def stored(cls, setting: object) -> "Quotas":
        """The bounds of a setting of the store; the usual one for each that it lacks, or that cannot be read."""
        values = setting.items() if isinstance(setting, dict) else ()
        return cls(**{name: value for name, value in values if is_valid(name, value)})


def is_valid(name: object, value: Any) -> bool:
    """Whether a bound may have this value."""
    quota = QUOTAS.get(str(name))
    return quota is not None and type(value) is int and quota.lowest <= value <= quota.highest
