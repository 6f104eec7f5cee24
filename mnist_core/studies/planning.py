"""From a study to its runs: what is to be trained, what of it the store holds, and starting the rest."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

from mnist_core.config import RunConfig
from mnist_core.data import dataset_status, folder_class_names
from mnist_core.environment import full_path
from mnist_core.errors import ConfigError, DataError
from mnist_core.store import ACTIVE_STATES, Run, Store, queueing
from mnist_core.studies.catalogue import find_experiment, find_study
from mnist_core.studies.study import Experiment, Study, Variant
from mnist_core.sweeps import run_seconds

# honest: the epoch is chosen on held-out training images instead of on the test images.
PROTOCOLS = ("published", "honest")
_ENDED = ("finished", "diverged")
# what `start_runs` puts back into the queue
_AGAIN = ("interrupted", "stopped", "failed")


@dataclass(frozen=True)
class PlannedRun:
    """One run of a study, trained or not."""

    study: str
    experiment: Experiment
    variant: Variant
    seed: int
    # one of PROTOCOLS
    protocol: str
    # of a continuation: without the run to continue from, which `parent` leads to
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
        raise ConfigError("epochs_scale", f"{epochs_scale} is no number above 0; 0.1 trains a tenth of the epochs")
    found = find_study(study) if isinstance(study, str) else study
    chosen = [find_experiment(found, experiment)] if experiment else found.experiments
    return [
        _planned(found, one, variant, place, protocol, epochs_scale, folder)
        for one in chosen
        for protocol in protocols
        if protocol == PROTOCOLS[0] or _has_honest(found, one)
        for place in range(one.seeds if seeds is None else seeds)
        for variant in one.variants
    ]


def study_runs(
    store: Store,
    study: str | Study,
    experiment: str = "",
    seeds: int | None = None,
    epochs_scale: float = 1.0,
    protocols: Sequence[str] = PROTOCOLS,
) -> list[tuple[PlannedRun, Run]]:
    """What the store holds of `plan_runs`, one run each: the newest that has ended, else that is active, else any.

    CIFAR-10 counts as well where it was read from an image folder of 32x32 colour images.
    """
    return find_runs(store, plan_runs(study, experiment, seeds, epochs_scale, protocols))


def find_runs(store: Store, planned: Sequence[PlannedRun]) -> list[tuple[PlannedRun, Run]]:
    """The planned runs that the store holds, as `study_runs` does for a whole plan."""
    matches = _matches(store, planned)
    return [(one, found[0]) for one, found in zip(planned, matches, strict=True) if found]


def missing_runs(store: Store, planned: Sequence[PlannedRun]) -> list[PlannedRun]:
    """What the store does not hold yet."""
    matches = _matches(store, planned)
    return [one for one, found in zip(planned, matches, strict=True) if not found]


def start_runs(store: Store, planned: Sequence[PlannedRun]) -> list[Run]:
    """Put what is not in the store yet into the queue, the longest first; returns the plan's runs that exist then.

    What is queued, running, paused, finished or diverged is left alone; what was stopped, interrupted or failed goes
    on, or with scikit-learn begins again. Runs that continue others bring these along, and wait until they have
    finished: call `start_runs` again then. Raises ConfigError, and queues nothing, if all of them need too much.
    """
    wanted = [one.parent for one in planned if one.parent is not None] + list(planned)
    fresh: dict[str, tuple[RunConfig, str]] = {}
    again: list[Run] = []
    for one, found in zip(wanted, _matches(store, wanted), strict=True):
        if found and found[0].state in _AGAIN:
            again.append(found[0])
        elif not found:
            for config in _configs(store, one):
                fresh.setdefault(config.digest(), (config, run_name(one)))
    entries = list(fresh.values())
    queueing.check_queueable(None, [*(run.config for run in again), *(config for config, _ in entries)], "epochs_scale")
    queueing.check_queueable(store, [config for config, _ in entries], "epochs_scale")
    for run in again:
        queueing.requeue(store, run, from_scratch=run.config.library == "sklearn")
    seconds = run_seconds(store, [config for config, _ in entries])
    longest_first = sorted(range(len(entries)), key=lambda place: -seconds[place])
    queueing.enqueue_all(store, [entries[place] for place in longest_first], tags=("study",), field="epochs_scale")
    return list({run.id: run for _, run in find_runs(store, wanted)}.values())


def unavailable_data(planned: Iterable[PlannedRun], root: Path) -> dict[str, str]:
    """Why data sets of the plan cannot be read now, by the name of the data set; `root` is the data folder.

    MNIST is not replaced by its smaller stand-in here, as a reproduction on other images would be none.
    """
    found = {}
    for name, folder in sorted({(one.config.dataset, one.config.folder) for one in planned}):
        if name == "folder":
            try:
                folder_class_names(folder)
            except DataError as error:
                found[name] = str(error)
        elif (now := dataset_status(name, root)).state != "ready":
            remedy = f" Get it with: python -m mnist_core data download {name}" if now.state == "missing" else ""
            found[name] = now.message + remedy
    return found


def run_name(planned: PlannedRun) -> str:
    """What the run is called: "ffnn-tuning lr-coarse: learning_rate=0.01, seed 1, honest"."""
    parts = [f"{planned.study} {planned.experiment.name}: {planned.variant.label}"]
    parts += [f"seed {planned.seed}"] if planned.seed != planned.variant.config.seed else []
    parts += [planned.protocol] if planned.protocol != PROTOCOLS[0] else []
    return ", ".join(parts)


def canonical_config(config: RunConfig) -> RunConfig:
    """The config as the study has it: without the place of a copy of its images and the run that it continues."""
    if config.continue_from:
        config = config.replace(continue_from="", continue_epoch=None)
    if config.dataset == "folder" and config.folder_colour and config.folder_size == 32:
        return config.replace(dataset="cifar10", folder="", folder_size=28, folder_colour=False)
    return config


def _has_honest(study: Study, experiment: Experiment) -> bool:
    continued = any(other.continues == experiment.name for other in study.experiments)
    return all(one.config.library == "torch" and (one.config.epochs > 1 or continued) for one in experiment.variants)


def _planned(
    study: Study, experiment: Experiment, variant: Variant, place: int, protocol: str, scale: float, folder: str
) -> PlannedRun:
    config, parent = variant.config, None
    epochs = _scaled(config.epochs, scale)
    if experiment.continues:
        before = study.experiment(experiment.continues)
        origin = next(other for other in before.variants if other.label == variant.label)
        parent = _planned(study, before, origin, place, protocol, scale, folder)
        epochs = parent.config.epochs + _scaled(config.epochs - origin.config.epochs, scale)
    config = config.replace(seed=config.seed + place, epochs=epochs)
    if protocol != PROTOCOLS[0]:
        config = config.replace(choose_on="validation")
    if folder and config.dataset == "cifar10":
        where = str(full_path(folder, "folder"))
        config = config.replace(dataset="folder", folder=where, folder_size=32, folder_colour=True)
    return PlannedRun(study.name, experiment, variant, config.seed, protocol, config, parent)


def _scaled(epochs: int, scale: float) -> int:
    return max(1, round(epochs * scale))


def _matches(store: Store, planned: Sequence[PlannedRun]) -> list[list[Run]]:
    """For each planned run those of the store with its config, the best match first."""
    first = [one for one in planned if one.parent is None] + [one.parent for one in planned if one.parent is not None]
    by_digest = _by_digest(store, [one.config for one in first])
    children = {place: _continued(one, by_digest) for place, one in enumerate(planned) if one.parent is not None}
    by_digest |= _by_digest(store, [config for configs in children.values() for config in configs])
    found = []
    for place, one in enumerate(planned):
        configs = children.get(place, [one.config])
        found.append(sorted((run for config in configs for run in by_digest[config.digest()]), key=_rank))
    return found


def _by_digest(store: Store, configs: Sequence[RunConfig]) -> dict[str, list[Run]]:
    """Runs by digest; those of an image folder also by that of CIFAR-10, of which it may be a copy."""
    found: dict[str, list[Run]] = {config.digest(): [] for config in configs}
    if not found:
        return found
    for run in store.runs(digests=list(found)):
        found[run.digest].append(run)
    if any(config.dataset == "cifar10" for config in configs):
        for run in store.runs():
            if run.dataset == "folder" and (digest := canonical_config(run.config).digest()) in found:
                found[digest].append(run)
    return found


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
    return next((place for place, states in enumerate(order) if run.state in states), len(order)), -run.number
