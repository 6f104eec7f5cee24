"""Starting, finding, stopping and extending sweeps in the store."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mnist_core.config import RunConfig
from mnist_core.errors import ConfigError, StoreError
from mnist_core.store import ACTIVE_STATES, Run, Store, SweepRow, new_id, queueing
from mnist_core.sweeps.axes import axis_label
from mnist_core.sweeps.estimate import longest_first
from mnist_core.sweeps.sweep import Sweep, merged_sweep, point_text

# Longest name of a sweep, in letters.
SWEEP_NAME_LENGTH = 60


def launch_sweep(store: Store, sweep: Sweep) -> str:
    """Queue every run of the sweep, the longest first, and return the sweep's id; raises ConfigError before any is."""
    planned = sweep.planned()
    sweep = replace(sweep, name=sweep.name.strip()[:SWEEP_NAME_LENGTH] or default_sweep_name(sweep))
    sweep_id = new_id()
    queueing.check_queueable(store, [config for _, config in planned], "axes")
    store.save_sweep(sweep_id, sweep.name, sweep.to_json())
    _enqueue(store, sweep_id, sweep, planned)
    return sweep_id


def load_sweep(store: Store, sweep_id: str) -> Sweep:
    """A sweep by its id. Raises StoreError if there is none."""
    return Sweep.from_json(load_row(store, sweep_id).spec)


def load_row(store: Store, sweep_id: str) -> SweepRow:
    """A sweep's row by its id. Raises StoreError if there is none."""
    row = store.sweep(sweep_id)
    if row is None:
        raise StoreError(f"there is no sweep {sweep_id!r}; `python -m mnist_core sweep list` shows the ids")
    return row


def find_sweep(store: Store, text: str) -> SweepRow:
    """One sweep by its id, the beginning of its id, or its name. Raises StoreError."""
    rows = store.sweeps() if text else []
    matches = [row for row in rows if row.id == text] or [row for row in rows if row.id.startswith(text)]
    matches = matches or [row for row in rows if row.name == text]
    if len(matches) != 1:
        raise StoreError(
            f"{text!r} names {'no sweep' if not matches else f'{len(matches)} sweeps'}; "
            "`python -m mnist_core sweep list` shows names and ids"
        )
    return matches[0]


def stop_sweep(store: Store, sweep_id: str) -> int:
    """Stop all running and queued runs; returns their number."""
    return store.stop_all([run.id for run in store.runs(sweep=sweep_id, states=ACTIVE_STATES)])


def retry_failed_runs(store: Store, sweep_id: str) -> int:
    """Queue failed and interrupted runs again, before all others; returns how many. Diverged ones are left.

    They go on from their last checkpoint; those of scikit-learn, which cannot, are trained again.
    """
    # The store lists the newest first, and the oldest is trained next.
    failed = store.runs(sweep=sweep_id, states=["failed", "interrupted"])[::-1]
    return queueing.requeue_all(store, failed)


def missing_configs(store: Store, sweep_id: str, sweep: Sweep) -> list[RunConfig]:
    """What `extend_sweep` would add; raises ConfigError."""
    return [config for _, config in _missing(store, sweep_id, merged_sweep(load_sweep(store, sweep_id), sweep))]


def extend_sweep(store: Store, sweep_id: str, sweep: Sweep) -> int:
    """Add the values, seeds or samples of `sweep` that a sweep lacks; returns the number of new runs.

    The sweep becomes the union of both (`merged_sweep`), so a new value meets every value of the other axes. Any run
    that is there counts, also a stopped or failed one. Raises ConfigError.
    """
    whole = merged_sweep(load_sweep(store, sweep_id), sweep)
    planned = _missing(store, sweep_id, whole)
    queueing.check_queueable(store, [config for _, config in planned], "axes")
    store.save_sweep(sweep_id, whole.name, whole.to_json())
    _enqueue(store, sweep_id, whole, planned)
    return len(planned)


def default_sweep_name(sweep: Sweep) -> str:
    """A name that says what varies: "Learning rate × Width"."""
    return " × ".join(axis_label(axis.field) for axis in sweep.axes)[:SWEEP_NAME_LENGTH] or f"{sweep.seeds} seeds"


def _enqueue(
    store: Store, sweep_id: str, sweep: Sweep, planned: Sequence[tuple[dict[str, Any], RunConfig]]
) -> list[Run]:
    if not planned:
        return []
    order = longest_first(store, [config for _, config in planned])
    entries = [(planned[position][1], _run_name(sweep, *planned[position])) for position in order]
    return queueing.enqueue_all(store, entries, tags=[sweep.name], sweep=sweep_id, field="axes")


def _run_name(sweep: Sweep, point: dict[str, Any], config: RunConfig) -> str:
    parts = [point_text(point)] if point else []
    return ", ".join(parts + ([f"seed {config.seed}"] if sweep.seeds > 1 else []))


def _missing(store: Store, sweep_id: str, sweep: Sweep) -> list[tuple[dict[str, Any], RunConfig]]:
    lines = sweep.templates()
    present = {
        (tuple(sweep.point_of(run.config, lines).values()), run.config.seed) for run in store.runs(sweep=sweep_id)
    }
    absent = [
        (point, config) for point, config in sweep.planned() if (tuple(point.values()), config.seed) not in present
    ]
    if not absent:
        raise ConfigError("axes", "every run of this is in the sweep already; add values, seeds or samples")
    return absent
