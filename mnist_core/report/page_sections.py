"""The sections of a report: results, statistics, curves, settings, classes, and where the figures come from."""

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd

from mnist_core.analysis import comparison, image_remarks, measures, stats
from mnist_core.config import list_config_fields
from mnist_core.plots import learning_curves, run_label
from mnist_core.report.content import ReportContent
from mnist_core.report.html_pieces import (
    MISSING,
    Charts,
    Html,
    html_number,
    html_paragraph,
    html_percent,
    html_section,
    html_strong,
    html_table,
    run_marks,
)
from mnist_core.store import Run
from mnist_core.text import decimals, fixed_decimals

# more are not read: then only those with the best run are shown
_PAIRS = 45
_SMOOTHING = 0.9
# letters
_NAME_LENGTH = 32


def lead_section(found: ReportContent) -> Html:
    """What is to be learned from the whole, in a sentence or two."""
    if found.answers is None:
        return html_paragraph("None of these runs has predictions that can be compared.", kind="lead")
    best = _ranked(found)[0]
    run, images = found.answers.runs[best], found.answers.images
    right = int(found.answers.right[best].sum())
    low, high = stats.wilson(right, images)
    says = (
        f"{_short(run)} is right on {right:,} of {images:,} test images: {html_percent(right / images)} "
        f"(95 % interval {html_percent(low)} to {html_percent(high)})."
    )
    note = measures.optimistic_note(found.answers.runs)
    if not found.pairs:
        return html_paragraph(says, note, kind="lead")
    if len(found.pairs) == 1:
        return html_paragraph(
            _verdict(found, found.pairs[0]), stats.selection_bias_text(found.selection_bias), note, kind="lead"
        )
    like = sorted({place for group in found.alike if best in group for place in group} - {best})
    others = ", ".join(_short(found.answers.runs[place]) for place in like)
    compared = (
        f"That cannot be told apart from {others}."
        if like
        else "Every other run here is worse by more than chance explains."
    )
    return html_paragraph(says, compared, stats.selection_bias_text(found.selection_bias), note, kind="lead")


def results_section(found: ReportContent) -> Html:
    """What each run achieved, with the interval of its test accuracy."""
    rows, marks = [], run_marks(found.runs)
    for run in found.runs:
        place, span = found.place(run), MISSING
        if found.answers is not None and place is not None:
            right = int(found.answers.right[place].sum())
            low, high = stats.wilson(right, found.answers.images)
            span = f"{100 * low:.2f} – {100 * high:.2f}"
        rows.append(
            [
                marks[run.number],
                _test(run),
                span,
                html_percent(run.held_out_accuracy),
                html_percent(run.train_accuracy),
                html_number(run.parameters),
                html_number(run.macs),
                f"{run.epoch}",
                html_number(run.seconds, ",.1f"),
                run.state,
            ]
        )
    head = [
        "Run",
        "Test",
        "95 % interval",
        "Validation",
        "Training",
        "Parameters",
        "Multiply-accumulates",
        "Epochs",
        "Seconds",
        "State",
    ]
    notes: dict[str, list[str]] = {}
    for run in found.runs:
        notes.setdefault(run.note, []).append(str(run.number))
    said = [f"Run{'s' * (len(which) > 1)} {', '.join(which)}: {note}" for note, which in notes.items() if note]
    changed = measures.changed_note(found.changed)
    left = [f"{_short(one.run)} {one.reason}." for one in found.left_out]
    if found.answers is not None and found.answers.remark:
        left.append(found.answers.remark)
    return html_section(
        "Results",
        html_table(head, rows),
        html_paragraph(
            "Accuracies: validation at the best epoch, training over the last. The interval is Wilson's.",
            measures.optimistic_note(found.runs),
            kind="note",
        ),
        *(html_paragraph(note, kind="note") for note in [changed, *said, *left] if note),
    )


def statistics_section(found: ReportContent) -> Html:
    """Which runs differ by more than chance: sentences, groups, pairs; then architectures over their seeds."""
    if found.answers is None or not found.pairs:
        return html_section("Is it real?", _architectures(found))
    runs = found.answers.runs
    sentences = [_verdict(found, pair) for pair in found.pairs] if 1 < len(found.pairs) <= 3 else []
    groups = [", ".join(_short(runs[place]) for place in group) for group in found.alike if len(group) > 1]
    return html_section(
        "Is it real?",
        html_paragraph("These trained networks, on these test images:"),
        *(html_paragraph(sentence) for sentence in sentences),
        *(html_paragraph(f"Cannot be told apart: {group}.") for group in groups),
        _pairs(found),
        _architectures(found),
    )


def _pairs(found: ReportContent) -> Html:
    """The table of pairs, all of them or those with the best run, and what its p and intervals are."""
    assert found.answers is not None
    runs, marks = found.answers.runs, run_marks(found.runs)
    best, count = _ranked(found)[0], len(found.pairs)
    shown = [pair for pair in found.pairs if count <= _PAIRS or best in (pair.a, pair.b)]
    rows = []
    for pair in shown:
        one = pair.paired
        rows.append(
            [
                marks[runs[pair.a].number],
                marks[runs[pair.b].number],
                stats.points_text(one.difference),
                f"{stats.points_text(one.low)} to {stats.points_text(one.high)}",
                html_number(one.only_a),
                html_number(one.only_b),
                stats.p_text(pair.adjusted).removeprefix("p = ").removeprefix("p "),
            ]
        )
    about = [
        "Exact McNemar test on images that one of the two has right, and the exact interval that belongs to it, for as "
        "many disagreements as there are."
    ]
    interval, p = "95 % interval", "p"
    if count > 1:
        interval, p = f"{interval} (this pair alone)", f"p (Holm, {count} pairs)"
        about.append(
            "p is corrected by Holm's method for the number of pairs; each interval is of its pair alone, so that it "
            "may leave out 0 where p is no evidence."
        )
    about.append("No evidence of a difference is no proof of equality.")
    if len(shown) < count:
        about.append(f"Only the pairs with {_short(runs[best])} are listed, of all {count}.")
    head = ["A", "B", "A − B (points)", interval, "Only A right", "Only B right", p]
    return Html("\n".join([html_table(head, rows, words=2), html_paragraph(*about, kind="note")]))


def curves_section(found: ReportContent, charts: Charts) -> Html:
    """Loss and accuracy over training."""
    if all(table.empty for table in found.metrics.values()):
        return Html("")
    loss = learning_curves(found.metrics, found.runs, "loss", "epoch", _SMOOTHING, log_y=True)
    accuracy = learning_curves(found.metrics, found.runs, "accuracy", "epoch", _SMOOTHING, log_y=True)
    return html_section(
        "Learning curves",
        charts.add(loss, "Loss over epochs"),
        html_paragraph(measures.training_loss_note(found.runs), kind="note"),
        charts.add(accuracy, "Accuracy over epochs"),
    )


def settings_section(found: ReportContent) -> Html:
    """What differs between the configs, then all that matters of each."""
    differing = html_table([], [])
    if len(found.runs) > 1:
        differences = comparison.config_differences(found.runs)
        differing = _frame(differences) if len(differences) else html_paragraph("These runs have the same settings.")
    shown = [
        [field.label, *(_setting(run, field.name) for run in found.runs)]
        for field in list_config_fields()
        if any(field.matters(run.config.model_dump()) for run in found.runs)
    ]
    every = html_table(["Setting", *(_short(run) for run in found.runs)], shown, words=1 + len(found.runs))
    return html_section(
        "Settings",
        html_paragraph("What differs:") if len(found.runs) > 1 else "",
        differing if len(found.runs) > 1 else "",
        Html(f"<details><summary>All settings</summary>\n{every}\n</details>"),
    )


def by_class_section(found: ReportContent) -> Html:
    """Accuracy of each run on each class."""
    if found.answers is None:
        return Html("")
    labels, right = found.answers.labels, found.answers.right
    rows = []
    for place, name in enumerate(found.classes):
        own = labels == place
        if own.any():
            shares = right[:, own].mean(axis=1)
            best = shares.max() if len(shares) > 1 else 2
            rows.append(
                [name, f"{own.sum():,}", *(html_strong(html_percent(share, 1), share == best) for share in shares)]
            )
    head = ["Class", "Images", *(_short(run) for run in found.answers.runs)]
    note = "Bold: the best of a class." if len(found.answers.runs) > 1 else ""
    return html_section("By class", html_table(head, rows), html_paragraph(note, kind="note"))


def origins_section(found: ReportContent, written: str) -> Html:
    """Data, versions and machine of each run, and when the report was written."""
    rows, marks = [], run_marks(found.runs)
    for run in found.runs:
        versions = dict(run.versions or {})
        machine = versions.pop("machine", MISSING)
        said = ", ".join(f"{name} {version}" for name, version in versions.items()) or MISSING
        rows.append(
            [
                marks[run.number],
                run.dataset,
                html_number(run.train_images),
                _test_images(run),
                run.device or MISSING,
                machine,
                said,
                run.digest,
                run.id,
            ]
        )
    head = [
        "Run",
        "Data set",
        "Training images",
        "Test images (hash)",
        "Device",
        "Machine",
        "Versions",
        "Settings' digest",
        "Id",
    ]
    of_runs: dict[str, list[str]] = {}
    for run in found.runs:
        of_runs.setdefault(" ".join(image_remarks(run)), []).append(str(run.number))
    read = [f"Run{'s' * (len(which) > 1)} {', '.join(which)}: {said}" for said, which in of_runs.items() if said]
    return html_section(
        "Where this comes from",
        html_table(head, rows, words=len(head)),
        *(html_paragraph(line, kind="note") for line in [*read, written]),
    )


def _test_images(run: Run) -> str:
    """The beginning of the hash by which two runs' test images can be told apart."""
    return "not known" if run.data is None else run.data.images.get("test", "not known")[:12]


def _mean_and_deviation(accuracies: Sequence[float]) -> tuple[str, str]:
    """Mean (%) and standard deviation (points) of several accuracies, in the digits that the deviation supports."""
    mean, deviation = 100 * float(np.mean(accuracies)), 100 * float(np.std(accuracies, ddof=1))
    places = decimals(deviation, 2)
    return f"{fixed_decimals(mean, places)} %", fixed_decimals(deviation, places)


def _architectures(found: ReportContent) -> Html:
    """Groups of seeds against each other, where there are any; of the runs that saw the same test images."""
    if found.answers is None:
        return Html("")
    accuracy = dict(zip((run.id for run in found.answers.runs), found.answers.right.mean(axis=1).tolist(), strict=True))
    together = comparison.seed_groups(found.answers.runs)
    scores = [[accuracy[run.id] for run in group.one_per_seed] for group in together]
    names = comparison.seed_group_names(together)
    rows = [
        [name, len(own), *_mean_and_deviation(own)] for name, own in zip(names, scores, strict=True) if len(own) > 1
    ]
    if not rows:
        return Html("")
    pairs = stats.group_pairs(scores)
    said = []
    for pair in pairs[:_PAIRS]:
        corrected = (pair.welch, stats.ALPHA, pair.permutation, pair.least) if len(pairs) > 1 else ()
        a, b = names[pair.a], names[pair.b]
        sentence = stats.group_verdict(a, b, scores[pair.a], scores[pair.b], pair.test, *corrected)
        said.append(html_paragraph(sentence, _welch_interval(pair, a, b)))
    left = f"Of {len(pairs)} pairs, for which all p are corrected, the first {_PAIRS} are listed."
    return Html(
        "\n".join(
            [
                html_paragraph("These architectures, over several seeds:"),
                html_table(["Architecture", "Seeds", "Mean test accuracy", "Standard deviation (points)"], rows),
                *said,
                html_paragraph(left if len(pairs) > _PAIRS else "", kind="note"),
            ]
        )
    )


def _welch_interval(pair: stats.GroupPair, first: str, second: str) -> str:
    """The interval of the difference between two architectures, and what it is of."""
    if np.isnan(pair.test.low):
        return ""
    alone = ", of this pair alone" if pair.tested > 1 else ""
    ends = f"{stats.points_text(pair.test.low)} to {stats.points_text(pair.test.high)} points"
    return f"{first} minus {second}: 95 % interval (Welch{alone}) {ends}."


def _test(run: Run) -> str:
    """The test accuracy, marked where the test images chose the epoch."""
    mark = " (optimistic)" if run.optimistic and run.tested_accuracy is not None else ""
    return html_percent(run.tested_accuracy) + mark


def _verdict(found: ReportContent, pair: stats.Pair) -> str:
    assert found.answers is not None
    runs = found.answers.runs
    p = pair.adjusted if len(found.pairs) > 1 else None
    return stats.pair_verdict(_short(runs[pair.a]), _short(runs[pair.b]), pair.paired, p)


def _ranked(found: ReportContent) -> list[int]:
    """Places in the answers, the best first."""
    assert found.answers is not None
    return np.argsort(-found.answers.right.mean(axis=1), kind="stable").tolist()


def _setting(run: Run, name: str) -> str:
    value = getattr(run.config, name)
    if isinstance(value, str):
        return value or MISSING
    return MISSING if value is None else json.dumps(value)


def _frame(frame: pd.DataFrame) -> Html:
    rows = [[str(label), *map(str, row)] for label, row in zip(frame.index, frame.to_numpy().tolist(), strict=True)]
    return html_table([str(frame.index.name), *map(str, frame.columns)], rows, words=1 + len(frame.columns))


def _short(run: Run) -> str:
    """What a run is called within a sentence: a long name would hide what is said."""
    return run_label(run) if len(run.name) <= _NAME_LENGTH else f"#{run.number}"
