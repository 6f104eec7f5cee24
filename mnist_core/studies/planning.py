"""The runs of a study: planning them, finding them in the store, and starting the missing ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

from mnist_core.config import RunConfig
from mnist_core.data import dataset_status, folder_class_names
from mnist_core.environment import full_path
from mnist_core.errors import ConfigError, DataError
from mnist_core.store import ACTIVE_STATES, Run, RunQuery, Store, queueing, read_page
from mnist_core.studies.catalogue import select_experiments
from mnist_core.studies.study import Experiment, Study, Variant
from mnist_core.sweeps import longest_first

# The honest protocol chooses the epoch on held-out training images instead of on the test images.
PROTOCOLS = ("published", "honest")
_ENDED = ("finished", "diverged")
# `start_runs` puts runs in these states back into the queue.
_AGAIN = ("interrupted", "stopped", "failed")


@dataclass(frozen=True)
class PlannedRun:
    """One run of a study, trained or not."""

    study: str
    experiment: Experiment
    variant: Variant
    seed: int
    # One of PROTOCOLS.
    protocol: str
    # For a continuation: without the run to continue from, which `parent` leads to.
    config: RunConfig
    parent: "PlannedRun | None" = None


def plan_runs(
    study: str | Study,
    experiment: str = "",
    seeds: int | None = None,
    epochs_scale: float = 1.0,
    protocols: Sequence[str] = PROTOCOLS,
    folder: str = "",
) -> list[PlannedRun]:
    """All runs of a study, or of one of its experiments, in the study's order.

    Each variant gets `seeds` seeds, counted from the study's own; by default as many as its experiment says. Epochs
    are multiplied by `epochs_scale`, to at least 1. There is no honest run where there is nothing to choose:
    scikit-learn, or a single epoch from which nothing continues. `folder`: read CIFAR-10 from this image folder
    (train/<class>/*, test/<class>/*).
    Raises ConfigError if there is no such study or experiment.
    """
    if not 0 < epochs_scale < inf:
        raise ConfigError("epochs_scale", f"{epochs_scale} is not a number above 0; 0.1 trains a tenth of the epochs")
    study, experiments = select_experiments(study, experiment)
    return [
        _planned(study, current, variant, seed_offset, protocol, epochs_scale, folder)
        for current in experiments
        for protocol in protocols
        if protocol == PROTOCOLS[0] or _has_honest(study, current)
        for seed_offset in range(current.seeds if seeds is None else seeds)
        for variant in current.variants
    ]


def study_runs(
    store: Store,
    study: str | Study,
    experiment: str = "",
    seeds: int | None = None,
    epochs_scale: float = 1.0,
    protocols: Sequence[str] = PROTOCOLS,
) -> list[tuple[PlannedRun, Run]]:
    """The planned runs that the store holds, one run each: the newest ended one, else an active one, else any.

    CIFAR-10 counts as well where it was read from an image folder of 32x32 colour images.
    """
    return find_runs(store, plan_runs(study, experiment, seeds, epochs_scale, protocols))


def find_runs(store: Store, planned: Sequence[PlannedRun]) -> list[tuple[PlannedRun, Run]]:
    """The planned runs that the store holds, as `study_runs` does for a whole plan."""
    matches = _matches(store, planned)
    return [(entry, runs[0]) for entry, runs in zip(planned, matches, strict=True) if runs]


def missing_runs(store: Store, planned: Sequence[PlannedRun]) -> list[PlannedRun]:
    """The planned runs that the store does not hold yet."""
    matches = _matches(store, planned)
    return [entry for entry, runs in zip(planned, matches, strict=True) if not runs]


def start_runs(store: Store, planned: Sequence[PlannedRun]) -> list[Run]:
    """Queue the planned runs that the store lacks, the longest first; returns all runs of the plan.

    What is queued, running, paused, finished or diverged is left alone; what was stopped, interrupted or failed goes
    on, or with scikit-learn begins again. Runs that continue others bring these along, and wait until they have
    finished: call `start_runs` again then. All of a class may see the runs. Raises ConfigError, and queues nothing, if
    all of them need too much.
    """
    wanted = [entry.parent for entry in planned if entry.parent is not None] + list(planned)
    fresh: dict[str, tuple[RunConfig, str]] = {}
    # By id: experiments of one study share runs.
    again: dict[str, Run] = {}
    for entry, runs in zip(wanted, _matches(store, wanted), strict=True):
        if runs and runs[0].state in _AGAIN and store.may_change(runs[0]):
            again[runs[0].id] = runs[0]
        elif not runs:
            for config in _configs(store, entry):
                fresh.setdefault(config.digest(), (config, run_name(entry)))
    entries = list(fresh.values())
    queueing.check_queueable(
        None, [*(run.config for run in again.values()), *(config for config, _ in entries)], "epochs_scale"
    )
    queueing.check_queueable(store, [config for config, _ in entries], "epochs_scale")
    queueing.requeue_all(store, list(again.values()))
    in_order = [entries[position] for position in longest_first(store, [config for config, _ in entries])]
    started = queueing.enqueue_all(store, in_order, tags=("study",), field="epochs_scale")
    # A study is trained once for a whole class.
    if started:
        store.share([run.id for run in started])
    return list({run.id: run for _, run in find_runs(store, wanted)}.values())


def unavailable_data(planned: Iterable[PlannedRun], root: Path) -> dict[str, str]:
    """Why data sets of the plan cannot be read now, by the name of the data set; `root` is the data folder.

    MNIST is not replaced by its smaller stand-in here, as a reproduction on other images would be none.
    """
    reasons = {}
    for name, folder in sorted({(entry.config.dataset, entry.config.folder) for entry in planned}):
        if name == "folder":
            try:
                folder_class_names(folder)
            except DataError as error:
                reasons[name] = str(error)
        elif (now := dataset_status(name, root)).state != "ready":
            remedy = f" Get it with: python -m mnist_core data download {name}" if now.state == "missing" else ""
            reasons[name] = now.message + remedy
    return reasons


def run_name(planned: PlannedRun) -> str:
    """What the run is called: "ffnn-tuning lr-coarse: learning_rate=0.01, seed 1, honest"."""
    parts = [f"{planned.study} {planned.experiment.name}: {planned.variant.label}"]
    parts += [f"seed {planned.seed}"] if planned.seed != planned.variant.config.seed else []
    parts += [planned.protocol] if planned.protocol != PROTOCOLS[0] else []
    return ", ".join(parts)


def canonical_config(config: RunConfig) -> RunConfig:
    """The config as the study defines it: without the folder of its images and the run that it continues."""
    if config.continue_from:
        config = config.replace(continue_from="", continue_epoch=None)
    if config.dataset == "folder" and config.folder_colour and config.folder_size == 32:
        return config.replace(dataset="cifar10", folder="", folder_size=28, folder_colour=False)
    return config


def _has_honest(study: Study, experiment: Experiment) -> bool:
    continued = any(other.continues == experiment.name for other in study.experiments)
    return all(
        variant.config.library == "torch" and (variant.config.epochs > 1 or continued)
        for variant in experiment.variants
    )


def _planned(
    study: Study, experiment: Experiment, variant: Variant, seed_offset: int, protocol: str, scale: float, folder: str
) -> PlannedRun:
    config, parent = variant.config, None
    epochs = _scaled(config.epochs, scale)
    if experiment.continues:
        before = study.experiment(experiment.continues)
        origin = next(other for other in before.variants if other.label == variant.label)
        parent = _planned(study, before, origin, seed_offset, protocol, scale, folder)
        epochs = parent.config.epochs + _scaled(config.epochs - origin.config.epochs, scale)
    chosen_on = config.choose_on if protocol == PROTOCOLS[0] else "validation"
    config = config.replace(seed=config.seed + seed_offset, epochs=epochs, choose_on=chosen_on)
    if folder and config.dataset == "cifar10":
        where = str(full_path(folder, "folder"))
        config = config.replace(dataset="folder", folder=where, folder_size=32, folder_colour=True)
    return PlannedRun(study.name, experiment, variant, config.seed, protocol, config, parent)


def _scaled(epochs: int, scale: float) -> int:
    return max(1, round(epochs * scale))


def _matches(store: Store, planned: Sequence[PlannedRun]) -> list[list[Run]]:
    """For each planned run those of the store with its config, the best match first."""
    first = [entry for entry in planned if entry.parent is None] + [
        entry.parent for entry in planned if entry.parent is not None
    ]
    by_digest = _by_digest(store, [entry.config for entry in first])
    children = {index: _continued(entry, by_digest) for index, entry in enumerate(planned) if entry.parent is not None}
    by_digest |= _by_digest(store, [config for configs in children.values() for config in configs])
    matches = []
    for index, entry in enumerate(planned):
        configs = children.get(index, [entry.config])
        matches.append(sorted((run for config in configs for run in by_digest[config.digest()]), key=_rank))
    return matches


def _by_digest(store: Store, configs: Sequence[RunConfig]) -> dict[str, list[Run]]:
    """Runs by digest; those of an image folder also by that of CIFAR-10, of which it may be a copy."""
    runs: dict[str, list[Run]] = {config.digest(): [] for config in configs}
    if not runs:
        return runs
    for run in store.runs(digests=list(runs)):
        runs[run.digest].append(run)
    if any(config.dataset == "cifar10" for config in configs):
        for run in read_page(store, RunQuery(dataset="folder"), limit=None).runs:
            if (digest := canonical_config(run.config).digest()) in runs:
                runs[digest].append(run)
    return runs


def _continued(child: PlannedRun, by_digest: dict[str, list[Run]]) -> list[RunConfig]:
    """The child's config after each of its parent's runs that has finished."""
    assert child.parent is not None
    parents = [run for run in by_digest[child.parent.config.digest()] if run.state == "finished"]
    return [child.config.replace(continue_from=run.id, continue_epoch=run.epoch) for run in parents]


def _configs(store: Store, planned: PlannedRun) -> list[RunConfig]:
    """The config that can be enqueued now; none for a continuation whose parent has not finished."""
    if planned.parent is None:
        return [planned.config]
    return _continued(planned, _by_digest(store, [planned.parent.config]))[:1]


def _rank(run: Run) -> tuple[int, int]:
    order = (_ENDED, ACTIVE_STATES)
    return next((rank for rank, states in enumerate(order) if run.state in states), len(order)), -run.number
