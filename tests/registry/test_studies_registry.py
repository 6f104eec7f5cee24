"""The published studies: complete, consistent with what they report, and every difference explained."""

import re

import numpy as np
import pytest

from mnist_core.architectures.table import describe_architecture
from mnist_core.data.input_shape import input_shape_and_classes
from mnist_core.studies import records, reporting
from mnist_core.studies.catalogue import all_studies, moments_of, reported_numbers
from mnist_core.studies.planning import PROTOCOLS, plan_runs
from mnist_core.studies.side_by_side import unexplained_rows
from mnist_core.studies.study import Study
from mnist_core.studies.study_metrics import METRICS

STUDIES = pytest.mark.parametrize("study", all_studies().values(), ids=all_studies())
COUNTS = {
    "linear-depth": [11],
    "cnn": [1],
    "mlp-course": [1] * 8,
    "ffnn-tuning": [6, 5, 6, 6, 5, 12, 1],
    "deep-mlp": [1],
}
# Exactly what the studies set; everything else is RunConfig's default.
FIXED = {
    "depth": {"optimizer": "sgd", "learning_rate": 0.001, "momentum": 0.01, "batch_size": 12, "epochs": 100},
    "cnn": {
        "normalise": False,
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "momentum": 0.95,
        "batch_size": 50,
        "epochs": 3,
        "architecture": "cnn-150-64",
    },
    "logistic-regression": {
        "library": "sklearn",
        "architecture": "softmax",
        "solver": "sag",
        "tolerance": 0.1,
        "inverse_regularisation": 50.0,
        "epochs": 100,
        "standardise": True,
    },
    "sklearn-mlp": {
        "library": "sklearn",
        "architecture": "mlp-100",
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "momentum": 0.9,
        "nesterov": True,
        "weight_decay": 1e-4,
        "batch_size": 64,
        "epochs": 5,
        "seed": 1,
        "standardise": True,
    },
    "two-layer-linear": {
        "architecture": "linear-50-10",
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "momentum": 0.5,
        "batch_size": 64,
        "epochs": 1,
    },
    "two-layer-continued": {
        "architecture": "linear-50-10",
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "momentum": 0.5,
        "batch_size": 64,
        "epochs": 11,
        "fresh_optimizer": True,
    },
    "mlp-relu": {
        "architecture": "mlp-512-256-128-64",
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "momentum": 0.5,
        "batch_size": 64,
        "epochs": 10,
    },
    "small-data-sgd": {
        "architecture": "mlp-512-256-128-64",
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "momentum": 0.5,
        "batch_size": 16,
        "epochs": 100,
        "train_images": 160,
    },
    "small-data-adam": {
        "architecture": "mlp-512-256-128-64",
        "optimizer": "adam",
        "learning_rate": 0.001,
        "batch_size": 16,
        "epochs": 100,
        "train_images": 160,
    },
    "cifar10-mlp": {
        "dataset": "cifar10",
        "crop_flip": True,
        "normalise": False,
        "optimizer": "adam",
        "architecture": "mlp-512-256-128-64",
        "learning_rate": 0.001,
        "batch_size": 100,
        "epochs": 50,
    },
    "lr-coarse": {"architecture": "mlp-300", "optimizer": "adam", "batch_size": 64, "epochs": 10},
    "lr-fine": {"architecture": "mlp-300", "optimizer": "adam", "batch_size": 64, "epochs": 10},
    "width": {"learning_rate": 0.01, "optimizer": "adam", "batch_size": 64, "epochs": 10},
    "weight-decay": {
        "architecture": "mlp-300",
        "learning_rate": 0.001,
        "optimizer": "adam",
        "batch_size": 64,
        "epochs": 20,
    },
    "dropout": {"learning_rate": 0.001, "optimizer": "adam", "batch_size": 64, "epochs": 20},
    "three-layer-grid": {"learning_rate": 0.001, "optimizer": "adam", "batch_size": 64, "epochs": 16},
    "three-layer-best": {
        "learning_rate": 0.001,
        "optimizer": "adam",
        "batch_size": 64,
        "epochs": 20,
        "architecture": "mlp-800-240-dropout-0.5",
        "weight_decay": 1e-4,
    },
    "deep-mlp": {
        "architecture": "mlp-784-500-50-relu-logits",
        "normalise": False,
        "optimizer": "adam",
        "learning_rate": 0.001,
        "batch_size": 8192,
        "epochs": 50,
    },
}
SWEPT = {
    "depth": {"architecture"},
    "lr-coarse": {"learning_rate"},
    "lr-fine": {"learning_rate"},
    "width": {"architecture"},
    "weight-decay": {"weight_decay"},
    "dropout": {"architecture"},
    "three-layer-grid": {"architecture", "weight_decay"},
}


def test_all_eighteen_experiments_are_there_with_all_their_networks() -> None:
    counts = {
        name: [len(experiment.variants) for experiment in study.experiments] for name, study in all_studies().items()
    }
    assert counts == COUNTS
    assert sum(map(len, COUNTS.values())) == 18
    assert {experiment.name for study in all_studies().values() for experiment in study.experiments} == FIXED.keys()


@STUDIES
def test_every_run_has_exactly_the_published_settings(study: Study) -> None:
    shared = {"choose_on": "test", "threads": 1, "checkpoint_every": 100_000}
    for experiment in study.experiments:
        for variant in experiment.variants:
            wanted = FIXED[experiment.name] | shared
            config = variant.config.model_dump()
            assert {name: config[name] for name in wanted} == wanted, (experiment.name, variant.label)
            assert variant.config.changed().keys() <= wanted.keys() | SWEPT.get(experiment.name, set())


@STUDIES
def test_the_swept_values_are_those_of_the_networks(study: Study) -> None:
    for experiment in study.experiments:
        for variant in experiment.variants if experiment.swept else ():
            values = variant.values
            assert tuple(values) == experiment.swept
            assert values.get("learning_rate", variant.config.learning_rate) == variant.config.learning_rate
            assert values.get("weight_decay", variant.config.weight_decay) == variant.config.weight_decay
            calls = [layer.call for layer in describe_architecture(variant.config.architecture, (1, 28, 28), 10).layers]
            if "width" in values:
                assert f"linear({values['width']:.0f})" in calls[1]
            if "dropout" in values:
                assert f"dropout({values['dropout']:g})" in calls
            if experiment.name == "three-layer-grid":
                assert f"linear({int(0.3 * values['width'])})" in calls[4]
                assert sum("dropout" in call for call in calls) == 1


def test_the_layers_of_the_linear_networks_are_those_of_their_labels() -> None:
    for variant in all_studies()["linear-depth"].experiments[0].variants:
        layers = describe_architecture(variant.config.architecture, (1, 28, 28), 10).layers[1:]
        assert {layer.name for layer in layers} == {"linear"}
        assert "-".join(["784", *(str(layer.output_shape[0]) for layer in layers)]) == variant.label


@STUDIES
def test_every_reported_number_has_its_network(study: Study) -> None:
    rows = reported_numbers()
    rows = rows[rows["study"] == study.name]
    assert set(rows["experiment"]) <= {experiment.name for experiment in study.experiments}
    for experiment in study.experiments:
        labels = [variant.label for variant in experiment.variants]
        assert len(set(labels)) == len(labels)
        for name in rows.loc[rows["experiment"] == experiment.name, "variant"]:
            is_moment = name in moments_of(study.name, experiment.name)
            assert name in labels or name == "all" or (is_moment and len(labels) == 1), name
        assert set(rows.loc[rows["experiment"] == experiment.name, "metric"]) <= METRICS.keys()


def test_the_copy_of_the_reported_numbers_is_complete() -> None:
    assert len(reported_numbers()) == 121
    assert not reported_numbers().isna().any().any()


@STUDIES
def test_it_can_be_planned_and_each_of_its_runs_is_another(study: Study) -> None:
    for experiment in study.experiments:
        planned = plan_runs(study.name, experiment.name, seeds=2)
        digests = {
            (planned_run.config.digest(), planned_run.parent and planned_run.parent.config.digest())
            for planned_run in planned
        }
        assert len(digests) == len(planned)
        assert {planned_run.protocol for planned_run in planned} <= set(PROTOCOLS)
        for planned_run in planned:
            assert describe_architecture(
                planned_run.config.architecture, *input_shape_and_classes(planned_run.config)
            ).layers
        if experiment.continues:
            assert [variant.label for variant in study.experiment(experiment.continues).variants] == [
                variant.label for variant in experiment.variants
            ]


@STUDIES
def test_its_texts_are_there(study: Study) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9-]*", study.name)
    assert study.title
    assert study.source
    assert 0 <= study.question.answer < len(study.question.options) <= 6
    assert len(set(study.question.options)) == len(study.question.options)
    for text in (study.asks, study.protocol, study.question.text, study.question.why, study.lesson):
        assert len(text) > 60
        assert text.endswith((".", "?", ")"))
    assert study.lesson.count("**") >= 4
    # A lesson has only a few sentences.
    assert len(study.lesson.split()) < 220
    for experiment in study.experiments:
        assert experiment.asks.endswith("?")
        assert experiment.title
    keys = {(row.experiment, row.variant, row.metric) for row in reporting.comparison_rows(study.name, [])}
    assert study.because.keys() <= keys


@STUDIES
def test_every_difference_in_the_committed_measurements_is_explained(study: Study) -> None:
    measurements = records.read_measurements(records.ROOT, study.name)
    assert measurements, f"results/studies/{study.name}.json is missing: python -m mnist_core study report"
    assert unexplained_rows(study, measurements) == []
    assert not [
        measurement for measurement in measurements if "/" in measurement.data or "folder" in measurement.config
    ]


def test_the_largest_difference_of_all_has_its_note() -> None:
    rows = {
        name: reporting.comparison_rows(name, records.read_measurements(records.ROOT, name)) for name in all_studies()
    }
    accuracies = [
        (name, row) for name in rows for row in rows[name] if METRICS[row.metric].kind == "accuracy" and row.n
    ]
    name, largest = max(accuracies, key=lambda entry: abs(entry[1].difference))
    assert name == "deep-mlp"
    assert "stuck" in all_studies()[name].because[largest.key]


def test_notes_tell_what_the_committed_runs_measured() -> None:
    """Figures that notes and lessons name, from the runs that came with this version."""
    text = {name: " ".join([study.lesson, *study.because.values()]) for name, study in all_studies().items()}
    deep = _published("deep-mlp", "test_accuracy")
    assert all(f"{accuracy:.2f} %" in text["deep-mlp"] for accuracy in deep)
    best = sorted(_published("mlp-course", "best_test_accuracy", "mlp-relu"))
    assert "{:.2f}, {:.2f} and {:.2f} %".format(*best) in text["mlp-course"]
    first = _published("mlp-course", "epoch 0 test_accuracy", "mlp-relu")
    assert f"{min(first):.1f} to {max(first):.1f} %" in text["mlp-course"]
    gain = np.mean(_published("mlp-course", "best_test_accuracy", "small-data-adam")) - np.mean(
        _published("mlp-course", "best_test_accuracy", "small-data-sgd")
    )
    assert 2.5 < gain < 3.5, "by three here"
    groups = [_published("linear-depth", "test_accuracy", label=label) for label in _labels("linear-depth")]
    spreads = [np.var(values, ddof=1) for values in groups if len(values) == 3]
    assert f"together it is {np.sqrt(np.mean(spreads)):.2f}" in text["linear-depth"]
    assert len(spreads) == 7


def _labels(study: str) -> list[str]:
    return [variant.label for experiment in all_studies()[study].experiments for variant in experiment.variants]


def _published(study: str, metric: str, experiment: str = "", label: str = "") -> list[float]:
    """A metric of the committed runs of the published protocol, by seed."""
    return [
        measurement.metrics[metric]
        for measurement in records.read_measurements(records.ROOT, study)
        if measurement.protocol == "published"
        and metric in measurement.metrics
        and experiment in ("", measurement.experiment)
        and label in ("", measurement.variant)
    ]


def test_the_committed_report_is_that_of_the_committed_measurements() -> None:
    measurements = {name: records.read_measurements(records.ROOT, name) for name in all_studies()}
    page = (records.ROOT / reporting.STUDIES_PAGE).read_text(encoding="utf-8")
    assert page == reporting.report_markdown(measurements), "renew it: python -m mnist_core study report"
