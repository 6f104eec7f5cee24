"""The only way into the queue: what a run needs is checked before its row is written."""

import contextlib
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace

from mnist_core.config import LuckPart, RunConfig, dataset, limit_variable, read_limit
from mnist_core.data import count_folder_images, input_shape_and_classes, split_sizes
from mnist_core.errors import ConfigError, RunStateError
from mnist_core.store.allowed_folders import check_folder
from mnist_core.store.artifacts import Artifact
from mnist_core.store.quota_checks import check_quotas, check_time_left
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from mnist_core.training import (
    RunNeeds,
    check_batches,
    check_needs,
    check_needs_together,
    check_network,
    estimate_needs,
    memory_bytes,
    network_sizes,
)


def enqueue(store: Store, config: RunConfig, name: str = "", tags: Iterable[str] = (), *, claimed: bool = False) -> Run:
    """`Store.enqueue` for a run that has been checked. Raises ArchitectureError, ConfigError or DataError before."""
    # A claimed run is trained at once, so it does not count as waiting.
    check_queueable(store, [config], "epochs", waiting=not claimed)
    return store.enqueue(config, name, tags, claimed=claimed)


def enqueue_all(
    store: Store,
    entries: Sequence[tuple[RunConfig, str]],
    tags: Iterable[str] = (),
    sweep: str | None = None,
    field: str = "seeds",
) -> list[Run]:
    """`Store.enqueue_all` for runs that have been checked, each by itself and all together.

    `field` is what a ConfigError names where all together need too much. Raises as `enqueue`, then none is queued.
    """
    check_queueable(store, [config for config, _ in entries], field)
    return store.enqueue_all(entries, tags, sweep)


def enqueue_parts(store: Store, config: RunConfig, name: str, parts: Sequence[LuckPart]) -> list[Run]:
    """Put parts of a question of luck about this config at the end of the queue, after the checks of `enqueue_all`.

    All their seeds count as steps, but only the parts wait, and none keeps checkpoints. Raises as `enqueue` before
    anything is queued.
    """
    (needs_of_seed,) = needs([config])
    check_needs_together([replace(needs_of_seed, disk=0)] * sum(part.seeds for part in parts), "seeds")
    _check_student(store, [config], len(parts), "seeds")
    _check_length(store, len(parts), "seeds")
    return store.enqueue_all([(config.replace(seed=part.first_seed), name) for part in parts], luck=parts)


def requeue(store: Store, run: Run, *, from_scratch: bool = False, back_to: Artifact | None = None) -> Run:
    """`Store.requeue` for a run that has been checked: it may be from a larger machine, or from other limits.

    Raises as `enqueue`, and RunStateError if the run is not in a state to be resumed.
    """
    _check_resumed(store, [run], from_scratch)
    return store.requeue(run.id, from_scratch=from_scratch, back_to=back_to)


def requeue_all(store: Store, runs: Sequence[Run]) -> int:
    """Let these runs go on, the first one first; those of scikit-learn, which cannot, are trained again.

    Returns how many were queued: those that somebody else has resumed meanwhile are left. Raises as `enqueue` before
    anything is queued.
    """
    _check_resumed(store, runs, from_scratch=False)
    count = 0
    # Each is put in front of all others.
    for run in reversed(runs):
        with contextlib.suppress(RunStateError):
            store.requeue(run.id, from_scratch=_starts_over(run))
            count += 1
    return count


def _starts_over(run: Run) -> bool:
    return run.config.library == "sklearn"


def _check_resumed(store: Store, runs: Sequence[Run], from_scratch: bool) -> None:
    configs = [run.config for run in runs]
    _check_student(store, configs, len(runs), "queue")
    if store.owner is not None:
        for run in runs:
            if not from_scratch and not _starts_over(run):
                check_time_left(store, run)
    _check_length(store, len(runs), "queue")
    # The runs' checkpoints are on the disk already, so the free space is not checked.
    check_queueable(None, configs, "epochs")


def check_queueable(store: Store | None, configs: Sequence[RunConfig], field: str, *, waiting: bool = True) -> None:
    """Raise ArchitectureError, ConfigError or DataError unless each of these can be trained, and all of them together.

    Without a `store` it is not asked how much room its disk has, nor how many runs wait already; the latter neither
    where these are not `waiting`.
    """
    if store is not None:
        _check_student(store, configs, len(configs), field)
    if waiting:
        _check_length(store, len(configs), field)
    if configs:
        check_needs_together(needs(configs), field, None if store is None else shutil.disk_usage(store.root).free)


def _check_student(store: Store, configs: Sequence[RunConfig], count: int, field: str) -> None:
    """Raise ConfigError if a student may not queue so many runs with these settings; all others may."""
    if store.owner is None or not configs:
        return
    # Seeds and most axes of a sweep change neither the folder nor the network, and both are read from the disk.
    folders = {config.folder: config for config in configs if config.dataset == "folder"}
    for config in folders.values():
        check_folder(store, config)
    networks: dict[tuple[object, ...], list[RunConfig]] = {}
    for config in configs:
        kind = config.architecture, config.dataset, config.folder, config.folder_size, config.folder_colour
        networks.setdefault(kind, []).append(config)
    parameters = memory = 0
    for alike in networks.values():
        shape, classes = input_shape_and_classes(alike[0])
        parameters = max(parameters, network_sizes(alike[0].architecture, shape, classes).parameters)
        memory = max(memory, *(memory_bytes(config, shape, classes) for config in alike))
    check_quotas(store, count, max(config.epochs for config in configs), parameters, memory, field)


def _check_length(store: Store | None, count: int, field: str) -> None:
    queued, most = 0 if store is None else store.count_queued(), read_limit("MAX_QUEUED")
    if queued + count > most:
        raise ConfigError(
            field,
            f"{queued:,} runs wait in the queue and {count:,} more would be too many: at most {most:,} may wait. "
            f"Choose fewer, or wait until some are trained (on a larger machine set {limit_variable('MAX_QUEUED')})",
        )


def needs(configs: Sequence[RunConfig]) -> list[RunNeeds]:
    """Check that each of these runs can be trained, and estimate what it needs; each image folder is listed once.

    Raises ArchitectureError, ConfigError or DataError.
    """
    shapes: dict[tuple[object, ...], tuple[tuple[int, int, int], int]] = {}
    counted: dict[str, int] = {}
    needs_of_runs: list[RunNeeds] = []
    for config in configs:
        kind = config.dataset, config.folder, config.folder_size, config.folder_colour
        if kind not in shapes:
            shapes[kind] = input_shape_and_classes(config)
        shape, classes = shapes[kind]
        images = _images(config, counted)
        check_network(config.architecture, config.initial_weights, shape, classes)
        check_batches(config, shape, classes, images)
        check_needs(config, shape, classes, images)
        needs_of_runs.append(estimate_needs(config, shape, classes, images))
    return needs_of_runs


def _images(config: RunConfig, counted: dict[str, int]) -> int:
    """Number of a run's training images; for a folder it is counted by file names. Raises ConfigError or DataError."""
    total = dataset(config.dataset).train_images or counted.get(config.folder)
    if total is None:
        total = counted[config.folder] = count_folder_images(config.folder, "train")
    return split_sizes(config, total)[0]
