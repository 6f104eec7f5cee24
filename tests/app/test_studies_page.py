"""The Studies page: prediction, training, reported beside measured figures, and lessons on trained networks."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.studies import chosen_experiment, live_training
from mnist_core import studies
from mnist_core.analysis import measures
from mnist_core.config.run_config import RunConfig
from mnist_core.store.people import let_in, name_person
from mnist_core.store.store import Store
from mnist_core.studies import catalogue, records
from mnist_core.studies.study import Experiment, QuizQuestion, Study, Variant
from mnist_core.text.rounding import decimals
from tests.app.pages import as_person, curve_charts, numbers_in, opened, ran, tables, texts
from tests.labs import train_now, trained_run

pytestmark = pytest.mark.usefixtures("quiet")
ROOT = Path(__file__).resolve().parents[2]
REAL = studies.all_studies()
BASE = RunConfig(dataset="mnist-5k", train_images=300, epochs=20, choose_on="test", optimizer="sgd", learning_rate=0.05)
QUESTION = QuizQuestion("Which is better?", ("the deep one", "neither", "the flat one"), 1, "Because it is one matrix.")


def _study(name: str, *experiments: Experiment) -> Study:
    return Study(
        name,
        f"Tiny {name}",
        "a test",
        "What is asked?",
        "Chosen on test images.",
        experiments,
        QUESTION,
        "One matrix.",
        {("depth", "784-10", "test_accuracy"): "Fewer images."},
    )


def _variant(label: str, architecture: str, **changes: object) -> Variant:
    return Variant(label, BASE.replace(architecture=architecture, **changes), {})


TINY = {
    "linear-depth": _study(
        "linear-depth",
        Experiment(
            name="depth",
            title="Linear networks",
            asks="Is depth good?",
            variants=(_variant("784-10", "linear-10"), _variant("784-5-10", "linear-5-10")),
            swept=(),
            continues="",
            measure="last",
            reported_seconds=0.0,
            seeds=1,
        ),
        Experiment(
            name="more",
            title="More of it",
            asks="Does more help?",
            variants=(_variant("784-10", "linear-10", epochs=40),),
            swept=(),
            continues="depth",
            measure="last",
            reported_seconds=0.0,
            seeds=1,
        ),
    ),
    "deep-mlp": _study(
        "deep-mlp",
        Experiment(
            name="deep-mlp",
            title="ReLU on the logits",
            asks="What does it do?",
            variants=(_variant("784-784-500-50-10", "flatten linear(20) relu linear(10) relu"),),
            swept=(),
            continues="",
            measure="last",
            reported_seconds=0.0,
            seeds=1,
        ),
    ),
}
# Address of a page with a single epoch of training.
ONE = {"share": "one"}


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two studies of networks that train in a moment, and no committed measurements."""
    monkeypatch.setattr(catalogue, "all_studies", lambda: TINY)
    monkeypatch.setattr(studies, "all_studies", lambda: TINY)
    monkeypatch.setattr(records, "ROOT", tmp_path)


def prepare(store: Store) -> None:
    """A lab where both tiny studies have trained for an epoch, the first with two seeds and the honest protocol."""
    patch = pytest.MonkeyPatch()
    patch.setattr(catalogue, "all_studies", lambda: TINY)
    planned = [
        *studies.plan_runs("linear-depth", "depth", 2, 0.05, ("published", "honest")),
        *studies.plan_runs("deep-mlp", "", 1, 0.05, ("published",)),
    ]
    patch.undo()
    for planned_run in planned:
        trained_run(store, planned_run.config, planned_run.variant.label)
    assert {run.state for run in store.runs()} == {"finished"}


def chosen(at: AppTest) -> list[str]:
    """Study and experiment in the URL, where a value may stand alone or in a list."""
    values = (at.query_params[key] for key in ("study", "experiment"))
    return [value if isinstance(value, str) else value[0] for value in values]


def press(at: AppTest, label: str) -> AppTest:
    (button,) = [button for button in at.button if button.label == label]
    assert not button.disabled
    button.click()
    return ran(at)


def revealed(**query: str) -> AppTest:
    return press(opened("studies", **({"study": "linear-depth"} | query)), "Show without answering")


def figures(at: AppTest) -> pd.DataFrame:
    return tables(at)["reported"]


def weight_images(at: AppTest) -> int:
    """Number of images of weights on the page."""
    return sum(html.proto.body.count("<figure>") for html in at.get("html") if "class='weights'" in html.proto.body)


@pytest.mark.parametrize("name", REAL)
def test_every_experiment_says_what_it_asked_and_hides_its_results(name: str) -> None:
    study = REAL[name]
    for experiment in study.experiments:
        at = opened("studies", study=name, experiment=experiment.name)
        text = texts(at)
        assert study.question.text in text
        assert study.asks in text
        assert not tables(at).keys() & {"reported"}
        assert study.question.why not in text
        assert "<svg" in text, "the network is drawn"
        assert [at.selectbox(key=key).value for key in ("study", "experiment")] == [name, experiment.name]
        press(at, study.question.options[study.question.answer])
        assert study.question.why in texts(at)
        reported = studies.reported_numbers()
        expected = reported[(reported["study"] == name) & (reported["experiment"] == experiment.name)]["value"]
        shown = figures(at)["Reported"].dropna()
        assert sorted(shown) == pytest.approx(sorted(expected), abs=0.005), "in two decimals, losses in four"


def test_without_a_study_each_question_is_a_card_that_opens_its_study() -> None:
    at = opened("studies")
    assert [text.value for text in at.markdown] == [study.question.text for study in REAL.values()]
    assert [button.key for button in at.button] == [f"open-{name}" for name in REAL]
    for caption, study in zip(at.caption[1:], REAL.values(), strict=True):
        runs = sum(len(experiment.variants) * experiment.seeds for experiment in study.experiments)
        assert numbers_in(caption.value.splitlines()[1])[:2] == [str(len(study.experiments)), str(runs)]
    ran(at.button(key="open-ffnn-tuning").click())
    at.selectbox(key="experiment").set_value("width")
    assert chosen(ran(at)) == ["ffnn-tuning", "width"]
    ran(at.button(key="all-studies").click())
    assert not at.selectbox
    assert not {"study", "experiment"} & set(at.query_params)
    ran(at.button(key="open-ffnn-tuning").click())
    assert chosen(at) == ["ffnn-tuning", REAL["ffnn-tuning"].experiments[0].name]


def test_the_url_chooses_and_nonsense_in_it_does_not(tiny: None) -> None:
    at = opened("studies", study="no such study", experiment="neither")
    assert chosen(at) == ["linear-depth", "depth"]
    at.selectbox(key="study").set_value("deep-mlp")
    ran(at)
    assert chosen(at) == ["deep-mlp", "deep-mlp"]


@pytest.mark.parametrize(("prediction", "right"), [("neither", True), ("the deep one", False)])
def test_a_prediction_is_compared_with_the_answer(tiny: None, prediction: str, right: bool) -> None:
    at = press(opened("studies", study="linear-depth"), prediction)
    (verdict,) = at.success if right else at.warning
    assert all(f"**{answer}**" in verdict.value for answer in (prediction, "neither"))
    assert QUESTION.why in texts(at)
    assert "reported" in tables(at)
    press(at, "Ask again")
    assert QUESTION.why not in texts(at)
    assert "reported" not in tables(at)


def test_the_button_queues_every_network_once(tiny: None, own_lab: Path) -> None:
    at = press(opened("studies", study="linear-depth", times="2", honest="true", **ONE), "Train it live")
    store = Store.open(own_lab)
    # Two networks, two seeds, two protocols: the honest one as well, because `more` continues from this experiment.
    assert len(store.runs(states=["queued"])) == 8
    assert [button.disabled for button in at.button if "Train" in button.label] == [True]
    press(at, "Stop")
    assert {run.state for run in store.runs()} == {"stopped"}
    press(at, "Train it live")
    assert [run.state for run in store.runs()] == ["queued"] * 8, "they go on, no new ones are made"


def test_a_student_stops_only_what_the_student_has_started(
    tiny: None, own_lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = {"study": "linear-depth"} | ONE
    store = Store.open(own_lab)
    press(opened("studies", **link), "Train it live")
    person, _ = let_in(store, "student")
    name_person(store, person.id, "Anna")
    as_person(monkeypatch, person)
    at = opened("studies", **link)
    assert "Stop" not in [button.label for button in at.button]
    store.stop_all([run.id for run in store.runs()])
    assert {run.state for run in store.runs()} == {"stopped"}


def test_where_seeds_end_far_apart_one_click_trains_three(
    tiny: None, own_lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = replace(TINY["deep-mlp"].experiments[0], seeds=3)
    monkeypatch.setitem(TINY, "deep-mlp", replace(TINY["deep-mlp"], experiments=(several,)))
    at = opened("studies", study="deep-mlp", **ONE)
    assert at.number_input(key="times").value == 3
    assert "times" not in at.query_params
    press(at, "Train it live")
    assert sorted(run.config.seed for run in Store.open(own_lab).runs()) == [0, 1, 2]
    at.number_input(key="times").set_value(2)
    ran(at)
    assert at.query_params["times"] in ("2", ["2"])
    at.selectbox(key="study").set_value("linear-depth")
    ran(at)
    assert at.number_input(key="times").value == 1
    assert "times" not in at.query_params
    for value, expected in (("1", 1), ("5", 5), ("0", 3), ("many", 3)):
        assert opened("studies", study="deep-mlp", times=value).number_input(key="times").value == expected


def test_seeds_that_end_far_apart_are_told_one_by_one() -> None:
    at = revealed(study="deep-mlp")
    assert all(accuracy in texts(at) for accuracy in ("48.63", "66.90", "97.84"))
    (note,) = at.expander
    assert note.proto.expanded
    row = figures(at).set_index("Figure").loc["Test accuracy (%)"]
    assert (row["Reported"], row["Measured"], row["± sd"], row["Difference"]) == (97.84, 71, 25, -27)


def test_figures_are_rounded_as_their_spread_says() -> None:
    at = revealed(study="linear-depth")
    row = figures(at).set_index(["Network", "Figure"]).loc[("784-10", "Test accuracy (%)")]
    assert (row["Measured"], row["± sd"], row["Difference"]) == (92.57, 0.05, 0.07)


def test_states_are_shown_at_once_and_accuracies_after_the_prediction(tiny: None, store: Store) -> None:
    planned = chosen_experiment.plan_experiment("linear-depth", "depth", 1, chosen_experiment.EPOCHS["one"], False)
    rows = [(planned_run, run) for planned_run, run in studies.find_runs(store, planned)]
    accuracy = f"{rows[0][1].validation_accuracy or 0:.2%}"
    assert accuracy not in live_training.progress_html(rows, figures=False)
    board = live_training.progress_html(rows, figures=True)
    assert accuracy in board
    assert "784-5-10" in board
    assert "not trained" in live_training.progress_html([(rows[0][0], None)], figures=True)
    assert [
        "curves" in curve_charts(at) for at in (opened("studies", study="linear-depth", **ONE), revealed(**ONE))
    ] == [False, True]


def test_a_continuation_follows_by_itself(tiny: None, own_lab: Path) -> None:
    at = press(opened("studies", study="linear-depth", experiment="more", **ONE), "Train it live")
    store = Store.open(own_lab)
    (parent,) = store.runs()
    assert not parent.config.continue_from
    claimed = store.claim(parent.id)
    assert claimed is not None
    train_now(store, claimed)
    ran(at)
    child = store.runs()[0]
    assert (child.config.continue_from, child.state) == (parent.id, "queued")


def test_the_table_is_what_the_store_holds(tiny: None, store: Store) -> None:
    at = revealed(**ONE)
    table = figures(at)
    row = table[(table["Network"] == "784-10") & (table["Figure"] == "Test accuracy (%)")].iloc[0]
    runs = [run for run in store.runs() if run.config.architecture == "linear-10"]
    published = [100 * (run.test_accuracy or 0) for run in runs if run.config.choose_on == "test"]
    honest = [100 * (run.test_accuracy or 0) for run in runs if run.config.choose_on == "validation"]
    assert (row["Reported"], row["n"]) == (92.5, 2)
    digits = decimals(float(np.std(published, ddof=1)), 2)
    assert row["Measured"] == round(np.mean(published), digits)
    assert row["± sd"] == round(np.std(published, ddof=1), digits)
    assert row["Difference"] == round(np.mean(published) - 92.5, digits)
    assert row["Honest"] == round(np.mean(honest), decimals(float(np.std(honest, ddof=1)), 2))
    assert "Fewer images." in texts(at), "why it differs"
    # A caption says that the runs trained for fewer epochs than the study's.
    assert any("**" in caption.value and "epochs" in caption.value for caption in at.caption)
    assert len(at.get("plotly_chart")) == 2, "full scale and zoomed"


def test_runs_whose_figures_have_changed_are_named(tiny: None, store: Store) -> None:
    before = {warning.value for warning in revealed(**ONE).warning}
    assert store.file is not None
    with closing(sqlite3.connect(store.file)) as connection, connection:
        connection.execute("UPDATE runs SET test_accuracy = 0.999 WHERE number = 1")
    after = {warning.value for warning in revealed(**ONE).warning}
    assert after - before == {measures.changed_note([store.find("1")])}


def test_committed_measurements_stand_in_and_are_labelled(tiny: None, store: Store, tmp_path: Path) -> None:
    made = [
        studies.Measurement(
            "linear-depth",
            "depth",
            "784-10",
            "published",
            0,
            {},
            {"test_accuracy": 91.25},
            1.0,
            {},
            "cpu",
            "MNIST",
            "2026-01-01",
        )
    ]
    # No network has been trained with all epochs.
    at = revealed()
    assert figures(at)["Measured"].dropna().empty
    records.write_measurements(tmp_path, "linear-depth", made)
    ran(at)
    assert len(at.info) == 2, "the answer, and that these figures are not of one's own runs"
    assert 91.25 in figures(at)["Measured"].tolist()
    at = revealed(**ONE)
    assert len(at.info) == 1
    assert 91.25 not in figures(at)["Measured"].tolist(), "one's own runs come first"


def test_curves_and_weights_of_the_trained_networks(tiny: None, store: Store) -> None:
    at = revealed(results="Curves", **ONE)
    assert len(at.get("plotly_chart")) == 1, "training and test accuracies"
    assert len(curve_charts(at)["study-curves"]["entries"]) == 2
    at = revealed(results="Weights", **ONE)
    assert weight_images(at) == 10
    at.selectbox(key="weights-of").set_value("784-5-10")
    assert weight_images(ran(at)) == 5
    for view in ("Curves", "Weights"):
        at = revealed(results=view)
        assert not at.get("plotly_chart")
        assert "study-curves" not in curve_charts(at)
        assert weight_images(at) == 0


def test_the_lessons_are_shown_on_the_networks(tiny: None, store: Store) -> None:
    at = revealed(results="The lesson", **ONE)
    assert at.metric[0].value == "5 of 10", "the bottleneck of five units"
    at.selectbox(key="product-of").set_value("784-10")
    assert ran(at).metric[0].value == "10 of 10"
    at = revealed(study="deep-mlp", results="The lesson", **ONE)
    assert len(at.get("plotly_chart")) == 1


def test_log_softmax_twice_is_shown_with_numbers() -> None:
    at = revealed(study="cnn", results="The lesson")
    table = tables(at)["twice"].set_index("")
    once, twice = table.loc["log-softmax"].to_numpy(), table.loc["log-softmax again"].to_numpy()
    np.testing.assert_allclose(once, twice)
    assert once[-1] == pytest.approx(1)


def test_missing_images_are_said_and_nothing_can_be_started() -> None:
    at = opened("studies", study="mlp-course", experiment="cifar10-mlp")
    assert "CIFAR-10" in "".join(warning.value for warning in at.warning)
    assert [button.disabled for button in at.button if button.label == "Train it live"] == [True]


@pytest.mark.mnist
def test_a_study_trained_in_full_stands_beside_what_was_reported(mnist_dir: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MNIST_LAB_DATA", str(mnist_dir))
    store = Store.open()
    for planned in studies.plan_runs("mlp-course", "two-layer-linear", protocols=("published",)):
        trained_run(store, planned.config)
    page = AppTest.from_file(str(ROOT / "pages" / "studies.py"), default_timeout=60)
    for key, value in {"study": "mlp-course", "experiment": "two-layer-linear"}.items():
        page.query_params[key] = value
    page.run()
    next(button for button in page.button if button.label == "Show without answering").click().run()
    assert not page.exception
    table = tables(page)["reported"]
    row = table.loc[table["Figure"] == "Test accuracy (%)"].iloc[0]
    assert row["Reported"] == 91.21
    assert abs(row["Difference"]) < 1
