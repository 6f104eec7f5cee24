"""The sections of a report: results, statistics, curves, settings, classes, and where the figures come from."""

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd

from mnist_core.analysis import Verdict, comparison, image_remarks, measures, stats
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

# With more pairs than this, which nobody reads, only those with the best run are shown.
_PAIRS = 45
_SMOOTHING = 0.9
# The most characters of a run's name within a sentence.
_NAME_LENGTH = 32


def lead_section(content: ReportContent) -> Html:
    """The main result of the comparison in a sentence or two."""
    verdict = content.verdict
    if verdict is None:
        return html_paragraph("None of these runs has predictions that can be compared.", kind="lead")
    runs, images = verdict.predictions.runs, verdict.predictions.images
    run, right, (low, high) = runs[verdict.best], verdict.count_right(verdict.best), verdict.interval(verdict.best)
    says = (
        f"{_short(run)} is right on {right:,} of {images:,} test images: {html_percent(right / images)} "
        f"(95 % interval {html_percent(low)} to {html_percent(high)})."
    )
    note = measures.optimistic_note(runs)
    if not verdict.pairs:
        return html_paragraph(says, note, kind="lead")
    chosen = stats.selection_bias_text(verdict.selection_bias)
    if len(verdict.pairs) == 1:
        return html_paragraph(_sentence(verdict, verdict.pairs[0]), chosen, note, kind="lead")
    others = ", ".join(_short(runs[index]) for index in verdict.like_the_best)
    compared = (
        f"That cannot be told apart from {others}."
        if others
        else "Every other run here is worse by more than chance explains."
    )
    return html_paragraph(says, compared, chosen, note, kind="lead")


def results_section(content: ReportContent) -> Html:
    """What each run achieved, with the interval of its test accuracy."""
    rows, marks = [], run_marks(content.runs)
    for run in content.runs:
        index, span = content.index_of(run), MISSING
        if content.verdict is not None and index is not None:
            low, high = content.verdict.interval(index)
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
    return html_section(
        "Results",
        html_table(head, rows),
        html_paragraph(
            "Accuracies: validation at the best epoch, training over the last. The interval is Wilson's.",
            measures.optimistic_note(content.runs),
            kind="note",
        ),
        *(html_paragraph(note, kind="note") for note in _result_notes(content)),
    )


def _result_notes(content: ReportContent) -> list[str]:
    """The runs' own notes, which runs changed since they ended, and which are left out and why."""
    notes: dict[str, list[str]] = {}
    for run in content.runs:
        notes.setdefault(run.note, []).append(str(run.number))
    remarks = [f"Run{'s' * (len(which) > 1)} {', '.join(which)}: {note}" for note, which in notes.items() if note]
    changed = measures.changed_note(content.changed)
    left_out_lines = [f"{_short(left_out.run)} {left_out.reason}." for left_out in content.left_out]
    if content.answers is not None and content.answers.remark:
        left_out_lines.append(content.answers.remark)
    return [note for note in [changed, *remarks, *left_out_lines] if note]


def statistics_section(content: ReportContent) -> Html:
    """Which runs differ by more than chance: sentences, groups, pairs; then architectures over their seeds."""
    verdict = content.verdict
    if verdict is None or not verdict.pairs:
        return html_section("Is it real?", _architectures(verdict))
    runs = verdict.predictions.runs
    sentences = [_sentence(verdict, pair) for pair in verdict.pairs] if 1 < len(verdict.pairs) <= 3 else []
    groups = [", ".join(_short(runs[index]) for index in group) for group in verdict.alike if len(group) > 1]
    return html_section(
        "Is it real?",
        html_paragraph("These trained networks, on these test images:"),
        *(html_paragraph(sentence) for sentence in sentences),
        *(html_paragraph(f"Cannot be told apart: {group}.") for group in groups),
        _pairs(content, verdict),
        _architectures(verdict),
    )


def _pairs(content: ReportContent, verdict: Verdict) -> Html:
    """The table of pairs, all or only those with the best run, with an explanation of its p values and intervals."""
    runs, marks = verdict.predictions.runs, run_marks(content.runs)
    best, count = verdict.best, len(verdict.pairs)
    shown = [pair for pair in verdict.pairs if count <= _PAIRS or best in (pair.a, pair.b)]
    rows = []
    for pair in shown:
        paired = pair.paired
        rows.append(
            [
                marks[runs[pair.a].number],
                marks[runs[pair.b].number],
                stats.points_text(paired.difference),
                f"{stats.points_text(paired.low)} to {stats.points_text(paired.high)}",
                html_number(paired.only_a),
                html_number(paired.only_b),
                _p_number(pair.adjusted),
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
    about.append("No evidence of a difference is not a proof of equality.")
    if len(shown) < count:
        about.append(f"Only the pairs with {_short(runs[best])} are listed, of all {count}.")
    head = ["A", "B", "A − B (points)", interval, "Only A right", "Only B right", p]
    return Html("\n".join([html_table(head, rows, words=2), html_paragraph(*about, kind="note")]))


def curves_section(content: ReportContent, charts: Charts) -> Html:
    """Loss and accuracy over training."""
    if not any(len(series.value) for curves in content.curves.values() for series in curves.values()):
        return Html("")
    loss = learning_curves(content.curves, content.runs, "loss", "epoch", _SMOOTHING, log_y=True)
    accuracy = learning_curves(content.curves, content.runs, "accuracy", "epoch", _SMOOTHING, log_y=True)
    return html_section(
        "Learning curves",
        charts.add(loss, "Loss over epochs"),
        html_paragraph(measures.training_loss_note(content.runs), kind="note"),
        charts.add(accuracy, "Accuracy over epochs"),
    )


def settings_section(content: ReportContent) -> Html:
    """The settings that differ between the runs, then all relevant settings of each run."""
    differing = html_table([], [])
    if len(content.runs) > 1:
        differences = comparison.config_differences(content.runs)
        differing = _frame(differences) if len(differences) else html_paragraph("These runs have the same settings.")
    shown = [
        [field.label, *(_setting(run, field.name) for run in content.runs)]
        for field in list_config_fields()
        if any(field.matters(run.config.model_dump()) for run in content.runs)
    ]
    every = html_table(["Setting", *(_short(run) for run in content.runs)], shown, words=1 + len(content.runs))
    return html_section(
        "Settings",
        html_paragraph("What differs:") if len(content.runs) > 1 else "",
        differing if len(content.runs) > 1 else "",
        Html(f"<details><summary>All settings</summary>\n{every}\n</details>"),
    )


def by_class_section(content: ReportContent) -> Html:
    """Accuracy of each run on each class."""
    if content.answers is None:
        return Html("")
    labels, right = content.answers.labels, content.answers.right
    rows = []
    for class_index, name in enumerate(content.classes):
        of_class = labels == class_index
        if of_class.any():
            shares = right[:, of_class].mean(axis=1)
            best = shares.max() if len(shares) > 1 else 2
            rows.append(
                [name, f"{of_class.sum():,}", *(html_strong(html_percent(share, 1), share == best) for share in shares)]
            )
    head = ["Class", "Images", *(_short(run) for run in content.answers.runs)]
    note = "Bold: the best of a class." if len(content.answers.runs) > 1 else ""
    return html_section("By class", html_table(head, rows), html_paragraph(note, kind="note"))


def origins_section(content: ReportContent, written: str) -> Html:
    """Data, versions and machine of each run, and when the report was written."""
    rows, marks = [], run_marks(content.runs)
    for run in content.runs:
        versions = run.version_texts
        machine = versions.pop("machine", MISSING)
        remark = ", ".join(f"{name} {version}" for name, version in versions.items()) or MISSING
        rows.append(
            [
                marks[run.number],
                run.dataset,
                html_number(run.train_images),
                _test_images(run),
                run.device or MISSING,
                machine,
                remark,
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
    for run in content.runs:
        of_runs.setdefault(" ".join(image_remarks(run)), []).append(str(run.number))
    read = [f"Run{'s' * (len(which) > 1)} {', '.join(which)}: {remark}" for remark, which in of_runs.items() if remark]
    return html_section(
        "Where this comes from",
        html_table(head, rows, words=len(head)),
        *(html_paragraph(line, kind="note") for line in [*read, written]),
    )


def _test_images(run: Run) -> str:
    """The first digits of the hash of a run's test images, to compare runs by eye."""
    return "not known" if run.data is None else run.data.images.get("test", "not known")[:12]


def _mean_and_deviation(accuracies: Sequence[float]) -> tuple[str, str]:
    """Mean (%) and standard deviation (points) of several accuracies, in the digits that the deviation supports."""
    mean, deviation = 100 * float(np.mean(accuracies)), 100 * float(np.std(accuracies, ddof=1))
    places = decimals(deviation, 2)
    return f"{fixed_decimals(mean, places)} %", fixed_decimals(deviation, places)


def _architectures(verdict: Verdict | None) -> Html:
    """Comparison of groups of seeds among the runs with the same test images; empty without such groups."""
    repeated = [] if verdict is None else [row for row in verdict.architectures if len(row.accuracies) > 1]
    if verdict is None or not repeated:
        return Html("")
    rows = [[row.name, len(row.accuracies), *_mean_and_deviation(list(row.accuracies.values()))] for row in repeated]
    pairs, names = verdict.architecture_pairs, [row.name for row in verdict.architectures]
    sentences = [
        html_paragraph(verdict.architecture_sentence(pair), _welch_interval(pair, names[pair.a], names[pair.b]))
        for pair in pairs[:_PAIRS]
    ]
    left = f"Of {len(pairs)} pairs, for which all p are corrected, the first {_PAIRS} are listed."
    return Html(
        "\n".join(
            [
                html_paragraph("These architectures, over several seeds:"),
                html_table(["Architecture", "Seeds", "Mean test accuracy", "Standard deviation (points)"], rows),
                *sentences,
                html_paragraph(left if len(pairs) > _PAIRS else "", kind="note"),
            ]
        )
    )


def _welch_interval(pair: stats.GroupPair, first: str, second: str) -> str:
    """A sentence with the confidence interval of the difference between two architectures."""
    if np.isnan(pair.test.low):
        return ""
    alone = ", of this pair alone" if pair.tested > 1 else ""
    ends = f"{stats.points_text(pair.test.low)} to {stats.points_text(pair.test.high)} points"
    return f"{first} minus {second}: 95 % interval (Welch{alone}) {ends}."


def _test(run: Run) -> str:
    """The test accuracy as text, marked as optimistic if the test images chose the epoch."""
    mark = " (optimistic)" if run.optimistic and run.tested_accuracy is not None else ""
    return html_percent(run.tested_accuracy) + mark


def _sentence(verdict: Verdict, pair: stats.Pair) -> str:
    runs = verdict.predictions.runs
    return verdict.sentence(pair, _short(runs[pair.a]), _short(runs[pair.b]))


def _setting(run: Run, name: str) -> str:
    value = getattr(run.config, name)
    if isinstance(value, str):
        return value or MISSING
    return MISSING if value is None else json.dumps(value)


def _frame(frame: pd.DataFrame) -> Html:
    rows = [[str(label), *map(str, row)] for label, row in zip(frame.index, frame.to_numpy().tolist(), strict=True)]
    return html_table([str(frame.index.name), *map(str, frame.columns)], rows, words=1 + len(frame.columns))


def _p_number(p: float) -> str:
    """A p value under a heading that says p: "0.53", "< 0.001"."""
    sign, number = stats.p_digits(p)
    return number if sign == "=" else f"{sign} {number}"


def _short(run: Run) -> str:
    """The run's name cut to a length that fits into a sentence."""
    return run_label(run) if len(run.name) <= _NAME_LENGTH else f"#{run.number}"
