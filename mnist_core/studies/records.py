"""Measurements as small JSON files, one a study: what comes with this version, and what `study report` writes."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from mnist_core.errors import StoreError
from mnist_core.store import write_text_atomically
from mnist_core.studies.measurements import SEEDS_LOOKED_FOR, Measurement, config_identity
from mnist_core.studies.planning import PROTOCOLS, plan_runs
from mnist_core.studies.study import Study

# The root of the repository.
ROOT = Path(__file__).resolve().parents[2]
# Path below the root.
FOLDER = Path("results") / "studies"


def committed_measurements(study: str) -> list[Measurement]:
    """What was measured when this version was made; empty if nothing came with it."""
    return read_measurements(ROOT, study)


def read_measurements(root: Path, study: str) -> list[Measurement]:
    """The measurements of a study in the files below `root`; none if there is no file. Raises StoreError."""
    path = path_of(root, study)
    if not path.is_file():
        return []
    try:
        return [Measurement(study=study, **entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except (ValueError, TypeError) as error:
        raise StoreError(f"{path} is not a file of measurements ({error}). Delete it, or restore it.") from error


def write_measurements(root: Path, study: str, measurements: Sequence[Measurement]) -> Path:
    """Write a study's measurements below `root`, one a line; returns the file."""
    path = path_of(root, study)
    lines = []
    for measurement in measurements:
        entry = {name: value for name, value in asdict(measurement).items() if name != "study"}
        lines.append(json.dumps(entry, ensure_ascii=False))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomically(path, "[\n" + ",\n".join(lines) + "\n]\n")
    return path


def merge_measurements(study: Study, before: Sequence[Measurement], now: Sequence[Measurement]) -> list[Measurement]:
    """The new measurements and those from before that are still valid and not replaced, in the study's order."""
    wanted = _identities(study)
    by_key = {
        _key(measurement): measurement
        for measurement in before
        if wanted.get(_key(measurement)) == dict(measurement.config)
    }
    by_key |= {_key(measurement): measurement for measurement in now}
    return [by_key[key] for key in wanted if key in by_key]


def path_of(root: Path, study: str) -> Path:
    """The file of a study's measurements below `root`."""
    return root / FOLDER / f"{study}.json"


# Experiment, variant, protocol, seed.
_Key = tuple[str, str, str, int]


def _key(measurement: Measurement) -> _Key:
    return measurement.experiment, measurement.variant, measurement.protocol, measurement.seed


def _identities(study: Study) -> dict[_Key, dict]:
    """The config of everything that may be measured, in the order in which files and report have it."""
    identities = {}
    for planned in plan_runs(study, seeds=SEEDS_LOOKED_FOR):
        identities[planned.experiment.name, planned.variant.label, planned.protocol, planned.seed] = config_identity(
            planned.config
        )
    places = [experiment.name for experiment in study.experiments]
    labels = {(e.name, v.label): index for e in study.experiments for index, v in enumerate(e.variants)}
    order = sorted(
        identities, key=lambda key: (places.index(key[0]), labels[key[0], key[1]], PROTOCOLS.index(key[2]), key[3])
    )
    return {key: identities[key] for key in order}
