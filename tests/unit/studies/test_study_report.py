"""The report of the studies: its content, that it is reproducible, and that it can be made in parts."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mnist_core.commands import cli
from mnist_core.errors import StoreError
from mnist_core.store.store import Store
from mnist_core.studies import records, reporting
from mnist_core.studies.catalogue import all_studies
from mnist_core.studies.measurements import SEEDS_LOOKED_FOR, Measurement, config_identity
from mnist_core.studies.planning import plan_runs, start_runs
from mnist_core.studies.side_by_side import comparison_rows, scattered_seeds
from mnist_core.studies.side_by_side import unexplained_rows as unexplained_in
from mnist_core.studies.study import Study
from mnist_core.studies.study_metrics import METRICS
from tests.labs import train_now

LABEL = "784-784-500-50-10"
KEY = ("deep-mlp", LABEL, "test_accuracy")


def measurement(seed: int, accuracy: float, protocol: str = "published", **changes: object) -> Measurement:
    """One run of deep-mlp."""
    planned = next(
        planned_run
        for planned_run in plan_runs("deep-mlp", seeds=SEEDS_LOOKED_FOR)
        if (planned_run.seed, planned_run.protocol) == (seed, protocol)
    )
    made = Measurement(
        study="deep-mlp",
        experiment="deep-mlp",
        variant=LABEL,
        protocol=protocol,
        seed=seed,
        config=config_identity(planned.config),
        metrics={"test_accuracy": accuracy, "train_accuracy": 99.5},
        seconds=100.0 + seed,
        versions={"torch": "2.0", "mnist-lab": "0.1.0"},
        device="A processor, 2 cores, cpu, 1 thread",
        data="MNIST",
        date="2025-01-01",
    )
    return replace(made, **changes)


def line(text: str, beginning: str) -> list[str]:
    """The cells of the one row that begins with this text."""
    (matching,) = (row for row in text.splitlines() if row.startswith(f"| {beginning} |"))
    return [cell.strip() for cell in matching.strip("|").split("|")]


def with_reason(monkeypatch: pytest.MonkeyPatch, because: dict) -> Study:
    study = replace(all_studies()["deep-mlp"], because=because)
    monkeypatch.setattr(reporting, "all_studies", lambda: {"deep-mlp": study})
    return study


def test_a_row_has_reported_measured_difference_honest_and_times(monkeypatch):
    with_reason(monkeypatch, {})
    entries = [measurement(0, 97.7), measurement(1, 97.9), measurement(0, 97.0, "honest")]
    text = reporting.report_markdown({"deep-mlp": entries})
    assert line(text, f"{LABEL} | test accuracy (%)") == [
        LABEL,
        "test accuracy (%)",
        "97.84",
        "97.80 ± 0.14 (2)",
        "−0.04",
        "97.00 (1)",
        "–",
        "1 min 40 s",
    ]
    assert "- torch: 2.0\n" in text
    assert "- device: A processor, 2 cores, cpu, 1 thread\n" in text
    assert "- measured: 2025-01-01\n- runs: 3\n" in text


def test_a_difference_of_more_than_three_deviations_is_explained_below_the_table(monkeypatch):
    study = with_reason(monkeypatch, {KEY: "The last ReLU was stuck."})
    far = [measurement(seed, 90 + seed / 100) for seed in range(3)]
    text = reporting.report_markdown({"deep-mlp": far})
    assert line(text, f"{LABEL} | test accuracy (%)")[4] == "−7.83<sup>2</sup>"
    assert "\n2. The last ReLU was stuck.\n" in text
    assert unexplained_in(study, far) == [("deep-mlp", LABEL, "train_accuracy")]
    assert f"\n1. {reporting._UNEXPLAINED}\n" in text


def test_seeds_that_end_far_apart_are_told_one_by_one_and_their_difference_has_its_note(monkeypatch):
    """The largest difference of all studies lies within three standard deviations, because these are 25 points."""
    study = with_reason(monkeypatch, {KEY: "Two are stuck."})
    entries = [measurement(seed, accuracy) for seed, accuracy in enumerate((48.63, 66.9, 97.84))]
    text = reporting.report_markdown({"deep-mlp": entries})
    assert line(text, f"{LABEL} | test accuracy (%)")[2:5] == ["97.84", "71 ± 25 (3)", "−27<sup>2</sup>"]
    assert "\n2. Two are stuck.\n" in text
    assert all(f"{accuracy} (seed {seed})" in text for seed, accuracy in enumerate(("48.63", "66.90", "97.84")))
    (far,) = scattered_seeds(study, entries)
    assert far.by_seed == {0: 48.63, 1: 66.9, 2: 97.84}
    close = [measurement(seed, 97.8 + seed / 10) for seed in range(3)]
    assert scattered_seeds(study, close) == []
    assert "far apart" not in reporting.report_markdown({"deep-mlp": close})


def test_figures_have_the_digits_that_their_spread_and_the_study_support():
    """92.5667 with a deviation of 0.05; a study that prints 99 leaves the first decimal of a difference open."""
    text = reporting.report_markdown({name: records.read_measurements(records.ROOT, name) for name in all_studies()})
    assert line(text, "784-10 | test accuracy (%)")[2:5] == ["92.50", "92.57 ± 0.05 (3)", "+0.07"]
    assert line(text, "learning_rate=1 | test accuracy (%)")[3:5] == ["10.5 ± 0.8 (3)", "+0.7"]
    assert line(text, "150-64-1024-500 | test accuracy (%)")[2:4] == ["99", "99.15 (1)"]
    assert line(text, "150-64-1024-500 | test accuracy (%)")[4].startswith("+0<sup>")
    assert line(text, f"step 0 | {METRICS['train_batch_accuracy'].label}")[2:4] == ["6", "14 (1)"]


@pytest.mark.parametrize(
    ("accuracies", "differs"),
    [
        # 0.04 away with a standard deviation of 0.1.
        ([97.7, 97.9, 97.8], False),
        # 0.39 away with a standard deviation of 0.05.
        ([97.4, 97.5, 97.45], True),
        # Too few seeds to judge.
        ([97.4, 97.5], False),
        # The seeds do not differ.
        ([97.4, 97.4, 97.4], True),
        ([97.84, 97.84, 97.84], False),
        # More than two points, whatever the number of seeds.
        ([95.8], True),
        ([95.9], False),
        # 26.7 away with a standard deviation of 25.
        ([48.63, 66.9, 97.84], True),
        ([], False),
    ],
)
def test_three_deviations_of_at_least_three_seeds(accuracies: list[float], differs: bool):
    entries = [measurement(seed, accuracy) for seed, accuracy in enumerate(accuracies)]
    (row,) = [row for row in comparison_rows("deep-mlp", entries) if row.metric == "test_accuracy"]
    assert row.differs == differs


def test_a_variant_without_a_reported_number_has_its_row():
    rows = comparison_rows("ffnn-tuning", [], "three-layer-grid")
    assert len([row for row in rows if row.variant != "all"]) == 12
    (cifar,) = comparison_rows("mlp-course", [], "cifar10-mlp")
    assert (cifar.metric, cifar.n) == ("best_test_accuracy", 0)
    # NaN
    assert cifar.reported != cifar.reported


def test_files_read_back_as_they_were_written_one_run_a_line(tmp_path: Path):
    entries = [measurement(seed, 97 + seed / 10) for seed in range(3)]
    path = records.write_measurements(tmp_path, "deep-mlp", entries)
    assert path == tmp_path / "results" / "studies" / "deep-mlp.json"
    assert len(json.loads(path.read_text())) == len(path.read_text().splitlines()) - 2 == 3
    assert records.read_measurements(tmp_path, "deep-mlp") == entries
    assert records.read_measurements(tmp_path, "cnn") == []
    path.write_text("[{]")
    with pytest.raises(StoreError, match=r"deep-mlp\.json"):
        records.read_measurements(tmp_path, "deep-mlp")


def test_earlier_runs_are_kept_newer_ones_replace_them_and_strangers_go():
    study = all_studies()["deep-mlp"]
    stranger = measurement(3, 50.0, config={"architecture": "softmax"})
    unknown = replace(measurement(4, 50.0), experiment="gone")
    before = [measurement(1, 97.1), measurement(0, 97.0), stranger, unknown]
    now = [measurement(0, 98.0, "honest"), measurement(1, 98.1)]
    merged = records.merge_measurements(study, before, now)
    assert [(entry.protocol, entry.seed, entry.metrics["test_accuracy"]) for entry in merged] == [
        ("published", 0, 97.0),
        ("published", 1, 98.1),
        ("honest", 0, 98.0),
    ]


def test_the_report_of_a_store_repeats_itself_and_is_made_in_parts(own_lab, tmp_path, monkeypatch):
    tuning = all_studies()["ffnn-tuning"]
    chosen = [
        replace(
            experiment,
            variants=tuple(
                replace(variant, config=variant.config.replace(dataset="mnist-5k", train_images=200, epochs=1))
                for variant in experiment.variants[:2]
            ),
        )
        for experiment in tuning.experiments[:1]
    ]
    study = replace(tuning, experiments=tuple(chosen))
    monkeypatch.setattr(reporting, "all_studies", lambda: {study.name: study})
    store = Store.open(own_lab)
    start_runs(store, plan_runs(study, seeds=2, protocols=["published"]))
    while (run := store.claim()) is not None:
        train_now(store, run)
    files = reporting.write_study_report(store, tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in files] == [
        "results/studies/ffnn-tuning.json",
        "docs/studies.md",
    ]
    before = [path.read_bytes() for path in files]
    reporting.write_study_report(store, tmp_path)
    assert [path.read_bytes() for path in files] == before
    text = files[1].read_text()
    assert line(text, "learning_rate=1 | test accuracy (%)")[3].endswith("(2)")
    assert "mnist-lab: " in text
    assert str(tmp_path) not in text + files[0].read_text()

    store.delete([run.id for run in store.runs()])
    reporting.write_study_report(store, tmp_path)
    assert [path.read_bytes() for path in files] == before


def test_the_report_replaces_its_own_earlier_page_and_no_other_unasked(own_lab, tmp_path, monkeypatch):
    def report(*flags: str) -> int:
        monkeypatch.setattr("sys.argv", ["mnist_core", "study", "report", "-o", str(tmp_path), *flags])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    page = tmp_path / reporting.STUDIES_PAGE
    assert (report(), report()) == (0, 0)
    assert reporting.STUDIES_PAGE_MARK.encode() in page.read_bytes()
    page.write_text("notes of a person")
    assert report() == 2
    assert page.read_text() == "notes of a person"
    assert report("--overwrite") == 0
    assert reporting.STUDIES_PAGE_MARK.encode() in page.read_bytes()


def test_durations_are_said_in_words():
    texts = {
        7.0: "7.0 s",
        52.6: "53 s",
        59.96: "1 min 0 s",
        508.0: "8 min 28 s",
        5400.0: "1 h 30 min",
        float("nan"): "–",
    }
    assert {seconds: reporting.duration(seconds) for seconds in texts} == texts
