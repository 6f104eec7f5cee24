"""The report: docs/studies.md and results/studies/*.json, made from what the store and earlier files hold."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from mnist_core.store import Store, write_text_atomically
from mnist_core.studies import records
from mnist_core.studies.catalogue import all_studies
from mnist_core.studies.measurements import Measurement, load_measurements
from mnist_core.studies.side_by_side import ReportedRow, ScatteredSeeds, comparison_rows, scattered_seeds
from mnist_core.studies.study import Experiment, Study
from mnist_core.studies.study_metrics import METRICS
from mnist_core.text import fixed_decimals, in_markdown

# Path below the root.
STUDIES_PAGE = Path("docs") / "studies.md"
# Every such page holds this, by which an earlier one is recognised.
STUDIES_PAGE_MARK = "<!-- Generated. To renew: python -m mnist_core study report -->"
_NONE = "–"
_UNEXPLAINED = "No reason has been found yet."
_HEAD = (
    "| variant | metric | reported | measured (n) | difference | honest (n) | time reported | time measured |\n"
    "|---|---|---:|---:|---:|---:|---:|---:|"
)
_INTRODUCTION = f"""# The published studies, reproduced

{STUDIES_PAGE_MARK}

Five published studies of MNIST, trained again: what they reported beside what was measured here, from the runs in
`results/studies/`. `python -m mnist_core study run all` trains them, the page Studies shows them.

- **measured**: as the study did it, with the epoch chosen on the *test* images where it chose one: that is optimistic.
  Mean ± sample standard deviation (n seeds), in as many digits as that deviation supports.
- **difference**: measured minus reported. A note says what is known about its reason, always where it is more than
  three standard deviations of at least three seeds, or more than two points of accuracy. Three seeds show a spread only
  roughly: where nothing differs but luck, one figure in eight lies three deviations of three seeds from their mean.
- **honest**: one sixth of the training images (10,000 of MNIST's 60,000) were held out to choose the epoch, the network
  learned from the rest, and the test images were used once.
- **time**: of training one run, while as many run at once as there are cores. Studies that swept a value report the
  time of all runs together; beside it stands the sum of ours.
"""


def write_study_report(store: Store, root: Path) -> list[Path]:
    """Write the report of all studies below `root` and return its files; the same store gives the same bytes.

    Measurements in the existing files whose runs the store lacks are kept, so a report can be made in parts.
    """
    files, by_study = [], {}
    for study in all_studies().values():
        new = load_measurements(store, study)
        by_study[study.name] = records.merge_measurements(study, records.read_measurements(root, study.name), new)
        if by_study[study.name]:
            files.append(records.write_measurements(root, study.name, by_study[study.name]))
    page = root / STUDIES_PAGE
    page.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomically(page, report_markdown(by_study))
    return [*files, page]


def report_markdown(measurements: Mapping[str, Sequence[Measurement]]) -> str:
    """The whole report from measurements by study."""
    parts = [_INTRODUCTION]
    parts += [_study(study, measurements.get(study.name, ())) for study in all_studies().values()]
    parts.append(_origin([measurement for entries in measurements.values() for measurement in entries]))
    return "\n".join(parts)


def _study(study: Study, measurements: Sequence[Measurement]) -> str:
    rows = comparison_rows(study, measurements)
    parts = [f"## {study.title}\n", f"Study `{study.name}` ({study.source}). {study.asks}\n", f"{study.protocol}\n"]
    for experiment in study.experiments:
        of_experiment = [measurement for measurement in measurements if measurement.experiment == experiment.name]
        parts.append(
            _experiment(study, experiment, [row for row in rows if row.experiment == experiment.name], of_experiment)
        )
    return "\n".join(parts)


def _experiment(
    study: Study, experiment: Experiment, rows: Sequence[ReportedRow], measurements: Sequence[Measurement]
) -> str:
    other = sorted({measurement.data for measurement in measurements} - {"MNIST"})
    data = f" Data: {', '.join(other)}." if other else ""
    lines = [f"### {experiment.title}\n", f"`{experiment.name}`: {experiment.asks}{data}\n", _HEAD]
    notes: list[str] = []
    for row in rows:
        note = 0
        if row.differs or (row.n and row.key in study.because):
            reason = study.because.get(row.key, _UNEXPLAINED)
            notes += [] if reason in notes else [reason]
            note = notes.index(reason) + 1
        lines.append(_line(row, note))
    lines += ["", *(f"{number}. {reason}" for number, reason in enumerate(notes, 1))] if notes else []
    far = scattered_seeds(study, measurements, experiment.name)
    lines += ["", *(f"- {scatter_sentence(seeds)}" for seeds in far)] if far else []
    return "\n".join(lines) + "\n"


def scatter_sentence(seeds: ScatteredSeeds) -> str:
    """A sentence on a network whose seeds end far apart."""
    values = ", ".join(f"{fixed_decimals(value, 2)} (seed {seed})" for seed, value in sorted(seeds.by_seed.items()))
    return (
        f"{seeds.variant}, {METRICS[seeds.metric].label}: its seeds end far apart, at {values}. "
        "Look at each of them, not at their mean."
    )


def _line(row: ReportedRow, note: int) -> str:
    digits = row.digits
    difference = _figure(row.metric, row.difference, digits.difference, sign=True)
    cells = (
        row.variant,
        METRICS[row.metric].label,
        _figure(row.metric, row.reported, digits.reported),
        _spread(row.metric, row.mean, row.std, row.n, digits.measured),
        f"{difference}<sup>{note}</sup>" if note else difference,
        _spread(row.metric, row.honest_mean, row.honest_std, row.honest_n, digits.honest),
        duration(row.reported_seconds),
        duration(row.seconds),
    )
    return f"| {' | '.join(cells)} |"


def _spread(metric: str, mean: float, std: float, count: int, places: int) -> str:
    if not count:
        return _NONE
    spread = "" if math.isnan(std) else f" ± {_figure(metric, std, places)}"
    return f"{_figure(metric, mean, places)}{spread} ({count})"


def _figure(metric: str, value: float, places: int, sign: bool = False) -> str:
    if math.isnan(value):
        return _NONE
    if METRICS[metric].kind == "seconds":
        return ("−" if value < 0 else "+" if sign else "") + duration(abs(value))
    return fixed_decimals(value, places, sign)


def duration(seconds: float) -> str:
    """Seconds in words: "8 min 28 s", "7.2 s"; a dash for NaN."""
    if math.isnan(seconds):
        return _NONE
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _origin(measurements: Sequence[Measurement]) -> str:
    """Devices, versions and dates, from the measurements and not from the machine that writes the report."""
    devices = sorted({measurement.device for measurement in measurements if measurement.device})
    versions: dict[str, set[str]] = {}
    for measurement in measurements:
        for name, version in measurement.versions.items():
            versions.setdefault(name, set()).add(version)
    dates = sorted(measurement.date for measurement in measurements)
    lines = ["## Hardware, versions, date\n"]
    lines += [f"- device: {in_markdown(device)}" for device in devices]
    lines += [
        f"- {in_markdown(name)}: {in_markdown(', '.join(sorted(values)))}" for name, values in sorted(versions.items())
    ]
    if dates:
        lines.append(f"- measured: {dates[0]}" + (f" to {dates[-1]}" if dates[-1] != dates[0] else ""))
        lines.append(f"- runs: {len(measurements)}")
    else:
        lines.append("Nothing has been measured yet.")
    return "\n".join(lines) + "\n"
