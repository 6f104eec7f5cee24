"""Comparing runs: groups of seeds, differences between configs, and a table of what each run achieved."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import takewhile
from typing import Any, Literal

import pandas as pd

from mnist_core.config import (
    AUGMENTATIONS,
    NO_INFLUENCE,
    NOT_STUDIED,
    ROUNDING,
    Device,
    FieldInfo,
    RunConfig,
    SplitName,
    device_labels,
    format_value,
    have_same_pictures,
    list_config_fields,
)
from mnist_core.store import NAME_LENGTH, Run, default_name

FACTOR, CONFOUND, CHANCE = "factor under study", "confound", "chance"
START, FOLLOWS = "same start", "follows from the factor"
LAST_DIGITS, IDLE = "may change the last digits", "no influence"
ROLES = (FACTOR, CONFOUND, CHANCE, FOLLOWS, START, LAST_DIGITS, IDLE)

# Upper limit of seeds in one experiment: more runs cannot be told apart on a chart, and a link cannot hold them.
MOST_SEEDS = 20

_UNKNOWN = "not known"
# A run's name is cut so that this many letters remain for its seed.
_ROOM = 20
# The ending that `train --seeds`, sweeps and studies give to a run's name.
_SEED = re.compile(r",? seed \d+(?=,|$)")


# Besides switches and augmentations, these fields have a command as their label.
_QUOTED_FIELDS = ("choose_on", "step_epochs", "step_factor", "clip_norm", "continue_from", "continue_epoch")


@dataclass(frozen=True)
class SeedGroup:
    """Runs of one experiment: they differ at most in the seed and in settings that only change rounding."""

    name: str
    runs: tuple[Run, ...]

    @property
    def one_per_seed(self) -> tuple[Run, ...]:
        """The first run of each seed; a repetition of a seed has the same start and batches and adds nothing new."""
        first_of_seed: dict[int, Run] = {}
        for run in self.runs:
            first_of_seed.setdefault(run.config.seed, run)
        return tuple(first_of_seed.values())


def with_seeds(config: RunConfig, count: int, name: str = "") -> list[tuple[RunConfig, str]]:
    """Configs with consecutive seeds, from the config's own on, each with a name that includes its seed.

    A single config keeps its name, and "" stands for no name. Raises ConfigError where the seeds run out.
    """
    if count == 1:
        return [(config, name)]
    configs = [config.replace(seed=config.seed + offset) for offset in range(count)]
    base = name.strip()[: NAME_LENGTH - _ROOM] or _SEED.sub("", default_name(config))
    return [(config, f"{base}, seed {config.seed}") for config in configs]


def seed_groups(runs: Sequence[Run]) -> list[SeedGroup]:
    """Group runs that differ only in the seed, in order of first appearance.

    Runs of which it is known that their images differ, because files were exchanged, are apart.
    """
    by_digest: dict[str, list[list[Run]]] = {}
    members: list[list[Run]] = []
    for run in runs:
        alike = by_digest.setdefault(run.config.model_copy(update={"seed": 0}).digest(), [])
        fitting = next((group for group in alike if not any(_other_images(run, other) for other in group)), None)
        if fitting is None:
            fitting = []
            alike.append(fitting)
            members.append(fitting)
        fitting.append(run)
    return [SeedGroup(_common_name(group), tuple(group)) for group in members]


def _other_images(run: Run, other: Run) -> bool:
    """Whether two runs are known to have been given other images in any split."""
    if run.data is None or other.data is None:
        return False
    return run.data.images != other.data.images


def seed_group_names(groups: Sequence[SeedGroup]) -> list[str]:
    """Labels of the groups: the name, with the number of the first run where several groups share a name."""
    often = Counter(group.name for group in groups)
    names = []
    for group in groups:
        number = f"run {group.runs[0].number}"
        if group.name and often[group.name] == 1:
            names.append(group.name)
        else:
            names.append(f"{group.name} ({number})" if group.name else number)
    return names


def config_differences(runs: Sequence[Run], factor: str = "") -> pd.DataFrame:
    """Table of what differs: a row a field or recorded fact with its role, then a column a run ("3 · name").

    All cells are text. A field that has no effect in a run, such as the momentum of Adam, counts as a dash. The factor
    (a field's name; by default that of `factors` that comes first) stands on top and is what is under study. Every
    other field is a confound, unless it only follows from the factor (the momentum of the other optimizer), makes both
    start alike, is the seed, may change the last digits, or has no influence on what is learned. What the runs
    recorded, such as the device that they were computed on, is there where it differs.
    """
    differing = _differing(runs)
    studied = factor or next((field.name for field in _factors(differing, runs)), "")
    rows = [
        (field.label, _role(field, values, studied, runs), *("–" if v is _NO_EFFECT else value_text(v) for v in values))
        for field, values in differing
    ]
    rows += [(fact.label, fact.role, *values) for fact, values in _differing_facts(runs)]
    return pd.DataFrame.from_dict(
        {label: row for label, *row in sorted(rows, key=lambda row: ROLES.index(row[1]))},
        orient="index",
        columns=["Role", *(f"{run.number} · {run.name}" for run in runs)],
        dtype="str",
    ).rename_axis("Hyperparameter")


def factors(runs: Sequence[Run]) -> list[FieldInfo]:
    """The fields that differ between the runs and may be what is studied: the architecture first."""
    return _factors(_differing(runs), runs)


FairnessKind = Literal[
    "single run",
    "fair",
    "fair by seeds",
    "partly chance",
    "optimistic",
    "confounded",
    "only seed",
    "only rounding",
    "same experiment",
    "other data",
    "data unknown",
]


@dataclass(frozen=True)
class Fairness:
    """Whether a difference between some runs can be put down to the factor under study."""

    kind: FairnessKind
    # A sentence or two for people; "" for less than two runs.
    text: str
    # The factor's field name; "" where nothing is studied.
    factor: str = ""
    # Names of fields and recorded facts that differ as well.
    confounds: tuple[str, ...] = ()
    # Names of fields and recorded facts that differ and may change the last digits only.
    last_digits: tuple[str, ...] = ()
    # Numbers of runs that began before it was recorded which images they were given.
    unknown_images: tuple[int, ...] = ()


def fairness(runs: Sequence[Run], factor: str = "") -> str:
    """`judge_fairness` as a sentence or two; "" for less than two runs."""
    return judge_fairness(runs, factor).text


def judge_fairness(runs: Sequence[Run], factor: str = "") -> Fairness:
    """Judge whether a difference between these runs can be put down to the factor.

    `factor` is a field's name, as in `config_differences`.
    """
    if len(runs) < 2:
        return Fairness("single run", "")
    judged = _data_apart(runs) or _verdict(runs, factor)
    unknown = tuple(run.number for run in runs if run.started is not None and run.data is None)
    if judged.kind in ("other data", "data unknown") or not unknown:
        return judged
    return replace(judged, text=f"{judged.text} {_unknown_images(unknown)}", unknown_images=unknown)


def _verdict(runs: Sequence[Run], factor: str) -> Fairness:
    """`judge_fairness` of runs whose test images are not known to differ."""
    differing, facts = _differing(runs), _differing_facts(runs)
    factor = factor or next((field.name for field in _factors(differing, runs)), "")
    roles = [(field.name, name_in_sentence(field), _role(field, values, factor, runs)) for field, values in differing]
    roles += [(fact.name, fact.name, fact.role) for fact, _ in facts]
    studied = next((phrase for _, phrase, role in roles if role == FACTOR), "")
    (confounds, other_phrases), (digits, digit_phrases) = (_named(roles, role) for role in (CONFOUND, LAST_DIGITS))
    chance = any(role == CHANCE for *_, role in roles)
    aside = f" (apart from the {_listed(digit_phrases)}, which may change the last digits)" if digits else ""
    subject = studied if _is_quoted(factor) else f"the {studied}"
    if confounds:
        return Fairness("confounded", _confounded(other_phrases, subject if studied else "chance"), factor, confounds)
    if not studied:
        kind: FairnessKind = "only seed" if chance else "only rounding" if digits else "same experiment"
        return Fairness(kind, _nothing_studied(kind, digit_phrases, aside), "", (), digits)
    if len({run.config.choose_on for run in runs}) > 1:
        kind, text = "optimistic", f"What differs: {subject}{aside}. Where the test images chose the epoch, a test "
        text += "accuracy is too good (optimistic), so this comparison is not fair."
    elif not chance:
        kind, text = "fair", f"Only one thing differs: {subject}{aside}. This is a fair comparison, with one seed of "
        text += "each: whether a difference is more than luck, more seeds tell."
    elif _same_seeds(runs, factor):
        kind, text = "fair by seeds", f"Only one thing differs: {subject}{aside}. Each value was trained with the same "
        text += "seeds. This is a fair comparison; the section Is it real? says whether a difference is more than luck."
    else:
        kind, text = "partly chance", f"What differs: {subject}, and the seed{aside}. There is no confound, but a "
        text += "difference in accuracy is partly chance. Train each value with the same seeds to see how large that "
        text += "part is."
    return Fairness(kind, text, factor, (), digits)


def _confounded(confounds: Sequence[str], subject: str) -> str:
    count, also = (
        ("1 confound", "This differs") if len(confounds) == 1 else (f"{len(confounds)} confounds", "These differ")
    )
    return (
        f"{count}: {_listed(confounds)}. {also} as well, so nobody can tell whether {subject} is the reason for a "
        "difference in accuracy."
    )


def _data_apart(runs: Sequence[Run]) -> Fairness | None:
    """The judgement where runs were tested on different images, or that cannot be ruled out; else None."""
    same = _same_split(runs, "test")
    otherwise = "These accuracies are of different test images, so no setting explains how far they lie apart."
    if same:
        return None
    if len({run.dataset for run in runs}) > 1:
        return Fairness("other data", f"The data sets differ. {otherwise}")
    if len({run.config.folder for run in runs if run.dataset == "folder"}) > 1:
        if same is None:
            return Fairness(
                "data unknown",
                "The image folders differ, and it is not known whether they hold the same images. So no setting can be "
                "named as the reason for a difference in accuracy.",
            )
        return Fairness("other data", f"The image folders differ. {otherwise}")
    if same is False and len({run.rule for run in runs}) == 1:
        return Fairness("other data", f"The files of the data set were exchanged between these runs. {otherwise}")
    return None


def _unknown_images(numbers: Sequence[int]) -> str:
    """A sentence on runs that began before it was recorded which images they were given."""
    several = len(numbers) > 1
    return (
        f"It is not known whether all had the same images: {'runs' if several else 'run'} "
        f"{_listed([str(number) for number in numbers])} began with an earlier version, which did not record it."
    )


def _same_split(runs: Sequence[Run], split: SplitName) -> bool | None:
    """Whether all had the same pictures in a split; None if that is not known of some and no difference is known."""
    answers = [have_same_pictures(run.data, other.data, split) for at, run in enumerate(runs) for other in runs[:at]]
    if False in answers:
        return False
    return None if None in answers else True


def _nothing_studied(kind: FairnessKind, digits: Sequence[str], aside: str) -> str:
    """The sentence where no factor and no confound differs."""
    if kind == "only seed":
        return f"Only the seed differs{aside}. It is the same experiment again: its results differ by chance."
    if kind == "only rounding":
        return (
            f"Only this differs: {_listed(digits)}. It may change the last digits of every step, and then the runs "
            "drift apart: their results differ by chance."
        )
    return "No setting that matters differs. It is the same experiment again."


def value_text(value: Any) -> str:
    """A value of a field as a person reads it: yes and no, and "not set" for what is empty."""
    return "not set" if value is None or value == "" else format_value(value)


def name_in_sentence(field: FieldInfo) -> str:
    """A field as it reads within a sentence: learning rate, “Normalise”."""
    name = field.title
    if _is_quoted(field.name):
        return f"“{name}”"
    return name if name[1:2] in ("", name[1:2].upper()) else name[:1].lower() + name[1:]


@cache
def _is_quoted(name: str) -> bool:
    """Whether a field's label is a command or an adjective, which is quoted because it is no noun in a sentence."""
    info = next((field for field in list_config_fields() if field.name == name), None)
    return info is not None and (info.kind == "bool" or name in AUGMENTATIONS or name in _QUOTED_FIELDS)


def runs_table(runs: Sequence[Run]) -> pd.DataFrame:
    """One row a run, indexed by its id, in the given order; accuracies in per cent, durations in seconds.

    What a run does not know yet is missing (NA); `Created` is in UTC. A run that chooses its best epoch on the test
    images has no validation accuracy but a test accuracy from its first epoch on; `Epoch chosen on` says which it is.
    """
    columns: dict[str, tuple[str, list[Any]]] = {
        "Run": ("int64", [run.number for run in runs]),
        "Name": ("str", [run.name for run in runs]),
        "Tags": ("object", [list(run.tags) for run in runs]),
        "State": ("str", [run.state for run in runs]),
        "Data set": ("str", [run.dataset for run in runs]),
        "Architecture": ("str", [run.config.architecture for run in runs]),
        "Parameters": ("Int64", [run.parameters for run in runs]),
        "MACs": ("Int64", [run.macs for run in runs]),
        "Epochs": ("int64", [run.epoch for run in runs]),
        "Optimizer": ("str", [run.config.optimizer for run in runs]),
        "Learning rate": ("float64", [run.config.learning_rate for run in runs]),
        "Best validation accuracy (%)": ("float64", [_percent(run.held_out_accuracy) for run in runs]),
        "Best epoch": ("Int64", [run.best_epoch for run in runs]),
        "Epoch chosen on": ("str", [run.config.chosen_on for run in runs]),
        "Training accuracy (%)": ("float64", [_percent(run.train_accuracy) for run in runs]),
        "Test accuracy (%)": ("float64", [_percent(run.tested_accuracy) for run in runs]),
        "Test loss": ("float64", [run.test_loss for run in runs]),
        "Time (s)": ("float64", [run.seconds for run in runs]),
        "Images/s": ("float64", [run.mean_images_per_second for run in runs]),
    }
    index = pd.Index([run.id for run in runs], name="id", dtype="str")
    table = pd.DataFrame(
        {name: pd.Series(values, index=index, dtype=kind) for name, (kind, values) in columns.items()}, index=index
    )
    created = pd.to_datetime([run.created for run in runs], unit="s", utc=True)
    return table.assign(Created=pd.Series(created, index=index, dtype="datetime64[ms, UTC]"))


def _common_name(runs: Sequence[Run]) -> str:
    names = [_SEED.sub("", run.name) for run in runs]
    common = "".join(
        letters[0] for letters in takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    )
    if any(name != common for name in names):
        # Cut the common beginning at a word's end.
        common = common[: len(common) - len(re.split(r"[\s,:]", common)[-1])]
    return common.rstrip(" ,.:;-·(#=") or names[0]


# Stands for the value of a field that has no effect in a run.
_NO_EFFECT = object()


def _differing(runs: Sequence[Run]) -> list[tuple[FieldInfo, list[Any]]]:
    """The fields that are not the same in all runs, with their values, or `_NO_EFFECT`."""
    configs = [run.config.model_dump() for run in runs]
    columns = [
        (field, [config[field.name] if field.matters(config) else _NO_EFFECT for config in configs])
        for field in list_config_fields()
    ]
    return [(field, values) for field, values in columns if len(set(values)) > 1]


def _factors(differing: Sequence[tuple[FieldInfo, Sequence[Any]]], runs: Sequence[Run]) -> list[FieldInfo]:
    aside = ["seed", "initial_weights", *NOT_STUDIED]
    if _same_folder(runs):
        aside.append("folder")
    candidates = [field for field, _ in differing if field.name not in aside]
    return sorted(candidates, key=lambda field: field.name != "architecture")


def _role(field: FieldInfo, values: Sequence[Any], factor: str, runs: Sequence[Run]) -> str:
    if field.name == factor:
        return FACTOR
    if field.name == "seed":
        return CHANCE
    if field.name in ROUNDING:
        devices = {run.devices for run in runs}
        # "auto" chose the same device in all runs.
        return IDLE if len(devices) == 1 and _are_named(devices.pop()) else LAST_DIGITS
    if field.name in NO_INFLUENCE or (field.name == "folder" and _same_folder(runs)):
        return IDLE
    if field.name == "initial_weights" and factor == "architecture":
        return START
    if factor in field.when and len(set(values) - {_NO_EFFECT}) == 1:
        return FOLLOWS
    return CONFOUND


@dataclass(frozen=True)
class _Fact:
    """A fact that a run recorded when it was trained and that its config does not contain."""

    label: str
    # Its name within a sentence, after "the".
    name: str
    role: str
    # Reads the fact from a run; "" where it was not recorded or has no effect.
    read: Callable[[Run], str]


def _are_named(devices: Sequence[Device]) -> bool:
    """Whether every device is known by its name; earlier versions recorded "cpu" only."""
    return bool(devices) and all(device.name for device in devices)


def _version(name: str) -> Callable[[Run], str]:
    return lambda run: run.version_of(name)


def _same_folder(runs: Sequence[Run]) -> bool:
    """Whether all runs learned from image folders with the same pictures, whatever their paths."""
    folders = all(run.dataset == "folder" for run in runs)
    return folders and bool(_same_split(runs, "train")) and bool(_same_split(runs, "test"))


def _rule(run: Run) -> str:
    """The rule by which a run's pictures are read; only of folders, and once it has begun."""
    if run.dataset != "folder" or (run.data is None and run.started is None):
        return ""
    return f"rule {run.rule}"


def _scikit_learn(run: Run) -> str:
    return _version("scikit-learn")(run) if run.config.library == "sklearn" else ""


def _computed_on(run: Run) -> str:
    return device_labels(device.without_threads for device in run.devices)


def _host(run: Run) -> str:
    return (run.host or "") if run.devices else ""


def _patience(run: Run) -> str:
    if not run.config.early_stopping or run.rules is None:
        return ""
    equal = ", or an equal one with a lower loss"
    return f"a higher accuracy{equal if run.rules.patience == 1 else ''}"


def _kernels(run: Run) -> str:
    on_processor = run.config.library == "torch" and any(device.kind == "cpu" for device in run.devices)
    if run.rules is None or not on_processor:
        return ""
    return _KERNELS[run.rules.kernels]


# By version of the rule.
_KERNELS = {1: "as torch chooses", 2: "oneDNN for large products on AMD, zero below 1e-38"}

# A new fact needs one entry here.
_FACTS = (
    _Fact("Early stopping waits for", "rule of early stopping", CONFOUND, _patience),
    _Fact("Pictures read by", "rule by which pictures are read", CONFOUND, _rule),
    _Fact("Computed on", "machine", LAST_DIGITS, _computed_on),
    _Fact("Trained at", "host", IDLE, _host),
    _Fact("Products computed", "rule by which products are computed", LAST_DIGITS, _kernels),
    _Fact("System", "system", LAST_DIGITS, _version("machine")),
    _Fact("Version of torch", "version of torch", LAST_DIGITS, _version("torch")),
    _Fact("Version of scikit-learn", "version of scikit-learn", LAST_DIGITS, _scikit_learn),
)


# These fields decide which images are learned from: where one differs, the images may differ because of it.
_OF_TRAINING = {"dataset", "folder", "train_images", "validation_images", "choose_on", "split_seed"}
_TRAINING = _Fact("Training images", "training images", CONFOUND, lambda run: _training(run)[:12])


def _training(run: Run) -> str:
    """Hash of the pictures that a run learned from, whatever their size became."""
    if run.data is None:
        return ""
    return run.data.files.get("train", run.data.images.get("train", ""))


def _differing_facts(runs: Sequence[Run]) -> list[tuple[_Fact, list[str]]]:
    """The recorded facts that differ between the runs that recorded them, with each run's value."""
    facts = list(_FACTS)
    if not any(field.name in _OF_TRAINING for field, _ in _differing(runs)) and len({run.rule for run in runs}) == 1:
        # No setting explains different training images, so the files were exchanged.
        facts.append(_TRAINING)
    recorded = [(fact, [fact.read(run) for run in runs]) for fact in facts]
    return [(fact, [value or _UNKNOWN for value in values]) for fact, values in recorded if len(set(values) - {""}) > 1]


def _named(roles: Sequence[tuple[str, str, str]], wanted: str) -> tuple[tuple[str, ...], list[str]]:
    """Names of what has this role, and how they read in a sentence; without the machine beside the device's field."""
    named = [(name, phrase) for name, phrase, role in roles if role == wanted]
    if any(name == "device" for name, _ in named):
        named = [(name, phrase) for name, phrase in named if name != "machine"]
    return tuple(name for name, _ in named), [phrase for _, phrase in named]


def _same_seeds(runs: Sequence[Run], factor: str) -> bool:
    """Whether each value of the factor was tried with the same seeds."""
    seeds: dict[Any, set[int]] = {}
    for run in runs:
        seeds.setdefault(getattr(run.config, factor), set()).add(run.config.seed)
    return len({frozenset(values) for values in seeds.values()}) == 1


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else 100 * fraction
