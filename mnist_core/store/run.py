"""Run: the record of one training of a config, as a frozen value."""

import math
import os
import secrets
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal, get_args
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import BigInteger, Float, Integer

from mnist_core.config import (
    FIRST_READING_RULE,
    RECIPES,
    DataFacts,
    Device,
    LuckPart,
    RunConfig,
    TrainingRules,
    device_labels,
    version_labels,
)
from mnist_core.errors import ConfigError
from mnist_core.store import processes
from mnist_core.store.page_columns import page_columns
from mnist_core.store.schema import Text, runs
from mnist_core.text import cut_middle, is_text, one_line

RunState = Literal["queued", "running", "paused", "stopped", "finished", "diverged", "failed", "interrupted"]
ACTIVE_STATES: tuple[RunState, ...] = ("queued", "running")
# The most characters that a run's name may have.
NAME_LENGTH = 200
# The tag of runs that came in an archive.
IMPORTED = "imported"
# The most characters of what a person writes about a run.
COMMENT_LENGTH = 1000
RESUMABLE_STATES: tuple[RunState, ...] = ("paused", "stopped", "interrupted", "failed")


# Columns of a run's row before its first step.
NOT_BEGUN: Mapping[str, Any] = {
    "note": "",
    "epoch": 0,
    "step": 0,
    "seconds": 0.0,
    **dict.fromkeys(
        (
            "started",
            "images_per_second",
            "learning_rate",
            "train_loss",
            "train_accuracy",
            "best_epoch",
            "validation_loss",
            "validation_accuracy",
            "test_loss",
            "test_accuracy",
            "devices",
            "versions",
            "rules",
            "data",
        )
    ),
}


@dataclass(frozen=True, repr=False)
class Run:
    """A row of the store. Times are unix seconds, durations seconds, accuracies fractions."""

    # 1, 2, 3 ...; it decides the colour and dash of the run's lines everywhere.
    number: int
    # A UUIDv7.
    id: str
    name: str
    tags: tuple[str, ...]
    state: RunState
    config: RunConfig
    digest: str
    # What a person should know about the run: a replaced data set, a hint, an error.
    note: str
    created: float
    queued: float | None
    # When the first step began.
    started: float | None
    finished: float | None
    deleted: float | None
    request: str | None
    worker: str | None
    host: str | None
    pid: int | None
    # The start of that process, which tells it from others that ever had its number.
    pid_start: str | None
    # What holds the run up while it trains, such as a full disk.
    trouble: str | None
    heartbeat: float | None
    # Number of completed epochs.
    epoch: int
    step: int
    steps_per_epoch: int | None
    parameters: int | None
    # Multiply-accumulates for one image.
    macs: int | None
    train_images: int | None
    # Duration of training without pauses.
    seconds: float
    # Training speed in the latest report.
    images_per_second: float | None
    learning_rate: float | None
    # Loss and accuracy of the last epoch.
    train_loss: float | None
    train_accuracy: float | None
    best_epoch: int | None
    # Loss and accuracy of the best epoch.
    validation_loss: float | None
    validation_accuracy: float | None
    # Test loss and accuracy, with the weights of the best epoch if images were held out, else of the last.
    test_loss: float | None
    test_accuracy: float | None
    # What it was trained on, one entry more where it went on elsewhere; () until it has begun.
    devices: tuple[Device, ...]
    # Versions of Python, the packages and the system, by name, each in the order of use; None until it has begun.
    versions: Mapping[str, tuple[str, ...]] | None
    # The rules by which it is trained; None until it has begun.
    rules: TrainingRules | None
    # Id of the run's sweep.
    sweep: str | None
    # The images of the run; None if it has not begun, or began before this was recorded.
    data: DataFacts | None
    # The seeds that this row trains together; None for an ordinary run.
    luck: LuckPart | None
    # What a person has written about the run, on one line; "" for nothing.
    comment: str
    # Id of the `Person` who started or imported it; None for the teacher's, or for whoever uses the lab without logins.
    owner: str | None
    # Whether all of a class may see it.
    shared: bool

    @property
    def imported(self) -> bool:
        """Whether it came in an archive, so that nobody here knows whether its answers are its own."""
        return IMPORTED in self.tags

    @property
    def version(self) -> tuple[str, str, int, int, float | None, float | None]:
        """What tells the run from itself at another time: as long as it is the same, so is all that is stored of it.

        Name, tags and note, which a person may change at any time, are not part of it.
        """
        return self.id, self.state, self.epoch, self.step, self.started, self.finished

    @property
    def dataset(self) -> str:
        """The data set that was really used; if another one replaced the wanted one, the config names it, too."""
        return self.config.dataset

    @property
    def rule(self) -> int:
        """Version of the rule for reading pictures and ordering classes with which the run began."""
        return FIRST_READING_RULE if self.data is None else self.data.rule

    @property
    def optimistic(self) -> bool:
        """Whether the test images choose the run's best epoch, which makes its test accuracy too good."""
        return self.config.choose_on == "test"

    @property
    def validation_label(self) -> str:
        """A label for the images behind `validation_accuracy`: "validation" or "test (optimistic)"."""
        return self.config.validation_label

    @property
    def held_out_accuracy(self) -> float | None:
        """`validation_accuracy` if it was measured on held-out images, else None."""
        return None if self.optimistic else self.validation_accuracy

    @property
    def tested_accuracy(self) -> float | None:
        """`test_accuracy`, or that of the best epoch so far where the test images choose it."""
        return self.validation_accuracy if self.test_accuracy is None and self.optimistic else self.test_accuracy

    @property
    def training_loss_label(self) -> str:
        """What the recorded training loss contains beyond the validation loss; "" if both are the same loss."""
        if self.config.library == "sklearn":
            return "with the weight penalty" if self.config.weight_decay else ""
        smoothed = self.config.label_smoothing > 0 and self.rules is not None and self.rules.training_loss == 1
        return "with label smoothing" if smoothed else ""

    @property
    def device(self) -> str:
        """What it was trained on, in words: "AMD EPYC 9B45, AVX-512, 1 thread"; "" until it has begun."""
        return device_labels(self.devices)

    def version_of(self, name: str) -> str:
        """Versions of one package, in words: "2.12.0, then 2.13.0"; "" where none was recorded."""
        return version_labels((self.versions or {}).get(name, ()))

    @property
    def version_texts(self) -> dict[str, str]:
        """Versions of packages and rules by name, in words, for a table."""
        texts = {name: self.version_of(name) for name in self.versions or {}}
        return texts if self.rules is None else texts | self.rules.labelled()

    @property
    def total_steps(self) -> int | None:
        return None if self.steps_per_epoch is None else self.steps_per_epoch * self.config.epochs

    @property
    def progress(self) -> float:
        """Share of the planned steps that is done, 0 to 1."""
        return min(1.0, self.step / self.total_steps) if self.total_steps else 0.0

    @property
    def remaining_seconds(self) -> float | None:
        """Seconds of training left, estimated from the pace so far; None before the first step."""
        if not self.total_steps or self._own_steps <= 0 or not self.seconds:
            return None
        return self.seconds * (self.total_steps - self.step) / self._own_steps

    @property
    def mean_images_per_second(self) -> float | None:
        """Training images per second of training, including the time for validation; None before the first step."""
        if not self.steps_per_epoch or not self.train_images or self._own_steps <= 0 or not self.seconds:
            return None
        return self._own_steps * self.train_images / self.steps_per_epoch / self.seconds

    @property
    def _own_steps(self) -> int:
        """Number of steps that the run took itself, without those of a run that it continues."""
        return self.step - (self.config.continue_epoch or 0) * (self.steps_per_epoch or 0)

    @property
    def active(self) -> bool:
        return self.state in ACTIVE_STATES

    def __repr__(self) -> str:
        """The run at a glance, as a notebook shows it; `dataclasses.asdict` has every value."""
        parts = [f"{self.state}, epoch {self.epoch} of {self.config.epochs}"]
        if self.held_out_accuracy is not None:
            parts.append(f"validation accuracy {self.held_out_accuracy:.2%}")
        if self.tested_accuracy is not None:
            parts.append(f"test accuracy{' (optimistic)' if self.optimistic else ''} {self.tested_accuracy:.2%}")
        return f"<Run {self.number} {self.name!r}: {', '.join(parts)}>"


@dataclass(frozen=True)
class BrokenRun:
    """A row of the store that cannot be read as a run, with what is still known of it."""

    number: int
    id: str
    name: str
    # The column that cannot be read, and what is wrong with it.
    reason: str
    # Whether the row can be deleted, which is impossible on a damaged page of the database.
    removable: bool = True

    @property
    def described(self) -> str:
        """A sentence that names the run and says why it cannot be read."""
        named = f" ({one_line(self.name)[:60]})" if self.name else ""
        return f"Run #{self.number}{named} cannot be read: {one_line(self.reason).rstrip('.')}."

    @property
    def remedy(self) -> str:
        """A sentence that says what can be done about the broken row."""
        if self.removable:
            return f"`python -m mnist_core delete {self.number}` removes it."
        return (
            "It cannot be deleted either, because the database's file is damaged at its place; other runs go on. "
            "`python -m mnist_core doctor` names the backup to bring back."
        )


@dataclass(frozen=True)
class Holder:
    """The process that trains a run, as far as the run's row can be read."""

    number: int
    host: str | None
    pid: int | None
    pid_start: str | None
    heartbeat: float | None


_COLUMNS = tuple(field.name for field in fields(Run))
_STATES = get_args(RunState)
_TIMES = ("created", "started", "finished", "deleted", "heartbeat")
_FRACTIONS = ("train_accuracy", "validation_accuracy", "test_accuracy")
# The last moment that a page can show: the end of the year 2199, in unix seconds.
LATEST_TIME = 7_258_118_399.0


def run_from_row(row: Mapping[Any, Any]) -> Run:
    """A Run from a row of the table of runs. Raises ValueError that names the column which cannot be read."""
    _check_row(row)
    values: dict[str, Any] = {name: row[name] for name in _COLUMNS} | {"shared": bool(row["shared"])}
    try:
        values |= {"config": RunConfig.parse(row["config"]), "tags": tuple(row["tags"])}
    except ConfigError as error:
        raise ValueError(f"config: {error}") from None
    for column, stored in (("data", DataFacts.stored), ("devices", Device.stored), ("luck", LuckPart.stored)):
        try:
            values[column] = stored(row[column])
        except ValidationError as error:
            field = ".".join(map(str, error.errors()[0]["loc"])) or "the value"
            raise ValueError(f"{column}: {field} is not one that a run records") from None
    if row["versions"] is not None:
        values["versions"] = {name: tuple(texts) for name, texts in row["versions"].items()}
    if row["rules"] is not None:
        values["rules"] = TrainingRules.recorded(row["rules"])
    return Run(**values)


def _check_row(row: Mapping[Any, Any]) -> None:
    for name, nullable, kinds, words in _CHECKED:
        value = row[name]
        if value is None and nullable:
            continue
        if not isinstance(value, kinds) or (isinstance(value, float) and not math.isfinite(value)):
            raise ValueError(f"{name}: {str(value)[:40]!r} is not {words}")
    if row["state"] not in _STATES:
        raise ValueError(f"state: {row['state'][:40]!r} is not one that a run has")
    for names, most in ((_TIMES, LATEST_TIME), (_FRACTIONS, 1.0)):
        if wrong := [name for name in names if row[name] is not None and not 0 <= row[name] <= most]:
            raise ValueError(f"{wrong[0]}: {row[wrong[0]]:g} is out of range")
    if row["epoch"] < 0 or row["step"] < 0:
        raise ValueError("epoch, step: below 0")
    tags, devices, versions, rules, data = (row[name] for name in ("tags", "devices", "versions", "rules", "data"))
    if not _is_texts(tags):
        raise ValueError("tags: no list of texts")
    if devices is not None and not isinstance(devices, list):
        raise ValueError("devices: no list")
    if versions is not None and not (isinstance(versions, dict) and all(map(_is_texts, versions.values()))):
        raise ValueError("versions: no lists of texts by name")
    if rules is not None and not (isinstance(rules, dict) and all(type(rule) is int for rule in rules.values())):
        raise ValueError("rules: no whole numbers by name")
    for name, value in (("config", row["config"]), ("data", data), ("luck", row["luck"])):
        if not isinstance(value, dict) and (name == "config" or value is not None):
            raise ValueError(f"{name}: no object")
    for name, value in (("tags", tags), ("devices", devices), ("versions", versions), ("data", data)):
        if not is_text(value):
            raise ValueError(f"{name}: holds a character that is not valid text")


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


_KINDS: dict[type, tuple[type, ...]] = {Integer: (int,), BigInteger: (int,), Float: (int, float), Text: (str,)}
_WORDS: dict[type, str] = {Integer: "a whole number", BigInteger: "a whole number", Float: "a number", Text: "a text"}
# Name, whether it may be empty, types and their word, for each column of a plain type: worked out once for all rows.
_CHECKED = tuple(
    (column.name, column.nullable, _KINDS[type(column.type)], _WORDS[type(column.type)])
    for column in runs.c
    if type(column.type) in _KINDS
)


def new_id(now: float | None = None) -> str:
    """A UUIDv7 (RFC 9562): 48 bits of milliseconds, then random, so that ids sort by creation."""
    milliseconds = int((time.time() if now is None else now) * 1000)
    value = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return str(UUID(int=value))


def new_row(
    config: RunConfig,
    name: str,
    tags: Iterable[str],
    now: float,
    position: float,
    sweep: str | None = None,
    luck: LuckPart | None = None,
) -> dict[str, Any]:
    """The row of a run that is queued at `now`, in this place of the queue."""
    named, tagged = one_line(name).strip()[:NAME_LENGTH] or default_name(config), clean_tags(tags)
    return {
        "id": new_id(now),
        "name": named,
        "tags": tagged,
        "state": "queued",
        "config": config.model_dump(mode="json"),
        "digest": config.digest(),
        "created": now,
        "queued": position,
        "sweep": sweep,
        "luck": luck and luck.model_dump(mode="json"),
        **page_columns(named, tagged, config.dataset, config.architecture),
    }


def clean_comment(text: str) -> str:
    """What a person writes about a run: on one line, in at most `COMMENT_LENGTH` characters."""
    return one_line(text).strip()[:COMMENT_LENGTH]


def clean_tags(tags: Iterable[str]) -> list[str]:
    """Tags in alphabetical order, each once and on one line."""
    return sorted({one_line(tag).strip() for tag in tags} - {""})


def claim(now: float, pid: int | None, token: str | None = None) -> dict[str, Any]:
    """Columns that a claim writes into a run's row. From then on only the holder of the new token may record.

    `pid` is the process that trains the run, if it is known already; `token` the holder's own.
    """
    return {
        "state": "running",
        "queued": None,
        "request": None,
        "worker": token or secrets.token_hex(8),
        "host": socket.gethostname(),
        "pid": pid,
        "pid_start": None if pid is None else _start_of(pid),
        "trouble": None,
        "heartbeat": now,
    }


def this_process() -> dict[str, Any]:
    """Columns of a run's row that identify this process: its number and its start."""
    pid = os.getpid()
    return {"pid": pid, "pid_start": _start_of(pid)}


@cache
def _start_of(pid: int) -> str | None:
    return processes.start_of(pid)


def default_name(config: RunConfig) -> str:
    """A default name for a run: its architecture and the settings that are not default; a recipe has its own name."""
    seed = [f"seed {config.seed}"] if "seed" in config.changed() else []
    if recipe := _recipe_of(config):
        return ", ".join([recipe, *seed])
    parts = [cut_middle(one_line(config.architecture), 40)]
    changed = config.changed()
    if config.dataset != "mnist":
        parts.append(config.dataset)
    if "optimizer" in changed:
        parts.append(config.optimizer)
    if "learning_rate" in changed or "optimizer" in changed:
        parts.append(f"lr {config.learning_rate:g}")
    return ", ".join([*parts, *seed])


def _recipe_of(config: RunConfig) -> str:
    """Name of the recipe that has exactly these settings, whatever the seed; "" if there is none."""
    for recipe in RECIPES.values():
        if config.architecture == recipe.config.architecture:
            alike = config.model_copy(update={"seed": recipe.config.seed})
            if alike.digest() == recipe.config.digest():
                return recipe.name
    return ""
