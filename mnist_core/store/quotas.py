"""What each student of a class may use, so that one cannot take what thirty need; the teacher changes it.

Whoever uses the lab without logins, and the teacher, are bound by the limits of the machine alone (`limits`).
"""

from dataclasses import dataclass
from typing import Any

from mnist_core.config import MAX_EPOCHS

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
    # Whether it bounds what all students have together, not each of them.
    together: bool = False


# An entry here is a field of the form, and a check below or where `help` says.
QUOTAS = {
    quota.name: quota
    for quota in (
        Quota("running", "Runs at once", 1, 64, 1, "How many runs of one student train at the same time."),
        Quota("queued", "Runs that wait", 1, 1000, 20, "How many runs of one student may stand in the queue."),
        Quota("parameters", "Parameters of a network", 1000, 10**9, 2_000_000, "The largest network of a student."),
        Quota("epochs", "Epochs of a run", 1, MAX_EPOCHS, 50, "The longest run of a student."),
        Quota("minutes", "Minutes of a run", 1, 10_000, 10, "After this time a student's run is stopped and tested."),
        Quota("megabytes", "Megabytes of all runs", 1, 10**6, 500, "Room on the disk for all runs of a student."),
        Quota(
            "memory",
            "Megabytes of memory of a run",
            100,
            10**6,
            1000,
            "Estimated before a run waits: weights, gradients, the optimizer's numbers, and the outputs of all layers "
            "for one batch. Images and the bare process are not counted. On Linux, a run whose process grows by half "
            "more than this is stopped and tested.",
        ),
        Quota(
            "uploaded",
            "Megabytes uploaded in an hour",
            1,
            10**6,
            100,
            "Pictures and archives that one student may upload, whether they are kept or not. An archive counts as "
            "room on the disk, too.",
        ),
        Quota(
            "people",
            "Students",
            1,
            1000,
            100,
            "How many the link lets in; a second device counts, too. Who has chosen no name within an hour and is gone "
            "does not count.",
            together=True,
        ),
        Quota(
            "queued_together",
            "Runs that wait, of all students",
            1,
            10_000,
            500,
            "How many runs of all students together may stand in the queue.",
            together=True,
        ),
        Quota(
            "megabytes_together",
            "Megabytes of the runs of all students",
            1,
            10**7,
            10_000,
            "Room on the disk for the runs of all students together. Above it no student starts another one.",
            together=True,
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
    memory: int = QUOTAS["memory"].usual
    uploaded: int = QUOTAS["uploaded"].usual
    people: int = QUOTAS["people"].usual
    queued_together: int = QUOTAS["queued_together"].usual
    megabytes_together: int = QUOTAS["megabytes_together"].usual

    @classmethod
    def stored(cls, setting: object) -> "Quotas":
        """The bounds of a setting of the store; the usual one for each that it lacks, or that cannot be read."""
        values = setting.items() if isinstance(setting, dict) else ()
        return cls(**{name: value for name, value in values if is_valid(name, value)})


def is_valid(name: object, value: Any) -> bool:
    """Whether a bound may have this value."""
    quota = QUOTAS.get(str(name))
    return quota is not None and type(value) is int and quota.lowest <= value <= quota.highest
