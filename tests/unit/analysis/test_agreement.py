"""Agreement between predictions, counted again by hand or in another way."""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false, reportGeneralTypeIssues=false
# plotly has no types for the traces of a figure, pandas too many for a column.

import numpy as np
import pytest

from mnist_core.analysis import agreement, scores
from mnist_core.analysis.predictions import Predictions
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import DataError
from mnist_core.plots import agreement as plots
from mnist_core.plots.agreement import AgreementRow
from mnist_core.plots.confusion import confusion_difference
from mnist_core.store.run import Run
from mnist_core.store.store import Store

LABELS = np.array([0, 1, 2, 0, 1, 2])
CALLED = np.array([[0, 1, 2, 0, 2, 1], [0, 1, 2, 1, 2, 1], [0, 1, 0, 1, 2, 0]])
SURE = np.array([[0.9] * 6, [0.6, 0.9, 0.9, 0.9, 0.95, 0.9], [0.8, 0.9, 0.9, 0.9, 0.92, 0.5]])


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, ...]:
    store = Store.open(tmp_path_factory.mktemp("lab"))
    return tuple(store.enqueue(RunConfig(seed=seed), f"<run> {seed}") for seed in range(3))


@pytest.fixture(scope="module")
def answers(runs: tuple[Run, ...]) -> Predictions:
    """Three runs, six images, three classes. A run gives its predicted class SURE; the others share the rest."""
    probabilities = {}
    for run, called, sure in zip(runs, CALLED, SURE, strict=True):
        values = np.repeat((1 - sure)[:, None] / 2, 3, axis=1)
        values[np.arange(6), called] = sure
        probabilities[run.id] = values.astype(np.float32)
    return Predictions(runs, LABELS, probabilities)


@pytest.fixture(scope="module")
def random_answers(runs: tuple[Run, ...]) -> Predictions:
    numbers = np.random.default_rng(3)
    labels = numbers.integers(0, 4, 400)
    values = {run.id: numbers.dirichlet([0.4] * 4, 400).astype(np.float32) for run in runs}
    return Predictions(runs, labels, values)


def test_patterns_add_up_and_name_their_images(answers: Predictions) -> None:
    table = agreement.right_patterns(answers.right)
    assert dict(zip(table["pattern"], table["images"], strict=True)) == {
        (True, True, True): 2,
        (True, True, False): 1,
        (True, False, False): 1,
        (False, False, False): 2,
    }
    assert table["images"].tolist() == [2, 2, 1, 1]
    # Of equally frequent patterns the one with more runs right comes first.
    assert table["pattern"].iloc[0] == (True, True, True)
    assert agreement.right_by_pattern(answers.right, (True, False, False)).tolist() == [3]
    assert agreement.right_by_all(answers.right).tolist() == [0, 1]
    assert agreement.right_by_none(answers.right).tolist() == [4, 5]
    assert [len(agreement.right_by_count(answers.right, count)) for count in range(4)] == [2, 1, 1, 2]


@pytest.mark.parametrize("runs", [1, 2, 8, 9, 20])
def test_patterns_of_many_runs_split_the_images(runs: int) -> None:
    right = np.random.default_rng(runs).random((runs, 1000)) < 0.9
    table = agreement.right_patterns(right)
    assert table["images"].is_monotonic_decreasing
    assert table["pattern"].is_unique
    places = [agreement.right_by_pattern(right, pattern) for pattern in table["pattern"]]
    assert [len(indices) for indices in places] == table["images"].tolist()
    assert np.array_equal(np.sort(np.concatenate(places)), np.arange(1000))


def test_disagreement_is_the_jensen_shannon_divergence(random_answers: Predictions, runs: tuple[Run, ...]) -> None:
    values = np.stack([random_answers.probabilities[run.id] for run in runs]).astype(np.float64)
    middle = values.mean(axis=0)
    # The divergence (KL) of each from their mean.
    divergences = np.where(values > 0, values * np.log2(values / middle), 0).sum(axis=2)
    assert agreement.disagreement(random_answers) == pytest.approx(divergences.mean(axis=0), abs=1e-6)
    sure = {run.id: np.eye(4, dtype=np.float32)[[label]] for label, run in enumerate(runs)}
    assert agreement.disagreement(Predictions(runs, np.array([0]), sure)) == pytest.approx(np.log2(3))
    same = {run.id: sure[runs[0].id] for run in runs}
    assert agreement.disagreement(Predictions(runs, np.array([0]), same)) == pytest.approx(0)


def test_true_probability(answers: Predictions) -> None:
    probabilities = agreement.true_probability(answers)
    assert probabilities[:, 0] == pytest.approx([0.9, 0.6, 0.8])
    assert probabilities[:, 4] == pytest.approx([0.05, 0.025, 0.04])


def test_confusion_and_the_images_of_a_cell(random_answers: Predictions) -> None:
    counted = np.zeros((3, 4, 4), dtype=int)
    for run, called in enumerate(random_answers.predicted):
        for true, predicted in zip(random_answers.labels, called, strict=True):
            counted[run, true, predicted] += 1
    for run, called in enumerate(random_answers.predicted):
        assert np.array_equal(scores.confusion_matrix(random_answers.labels, called, 4), counted[run])
    places = agreement.images_of_cell(random_answers, 2, 1, 3)
    assert len(places) == counted[2, 1, 3] > 0
    assert set(random_answers.labels[places]) == {1}
    assert set(random_answers.predicted[2][places]) == {3}


def test_class_accuracy(answers: Predictions, runs: tuple[Run, ...]) -> None:
    table = agreement.class_accuracy(answers)
    assert list(table.columns) == [1, 2, 3]
    assert table.to_numpy().tolist() == [[1, 0.5, 0.5], [0.5, 0.5, 0.5], [0.5, 0.5, 0]]
    two = Predictions(runs[:1], np.array([0, 0]), {runs[0].id: np.array([[0.9, 0.1], [0.2, 0.8]], dtype=np.float32)})
    assert agreement.class_accuracy(two)[1].tolist() == pytest.approx([0.5, float("nan")], nan_ok=True)
    # The other class has no image.
    assert agreement.class_differences(two, 0, 0)["class"].tolist() == [0]


def test_class_differences(random_answers: Predictions) -> None:
    table = agreement.class_differences(random_answers, 0, 1)
    accuracies = agreement.class_accuracy(random_answers)
    assert table["difference"].to_numpy() == pytest.approx((accuracies[1] - accuracies[2]).to_numpy())
    assert table["images"].sum() == 400
    assert (table["low"] <= table["difference"]).all()
    assert (table["high"] >= table["difference"]).all()
    turned = agreement.class_differences(random_answers, 1, 0)
    assert turned["low"].to_numpy() == pytest.approx(-table["high"].to_numpy())
    assert turned["only_a"].tolist() == table["only_b"].tolist()


def test_a_class_is_judged_by_the_exact_test_corrected_for_all_classes(runs: tuple[Run, ...]) -> None:
    """Class 0: 7 to 0, class 1: 3 to 3, class 2: 1 to 7, class 3: the same answers."""
    labels = np.repeat(np.arange(4), 50)
    right = np.ones((2, 200), dtype=bool)
    for run, images in ((1, range(7)), (0, range(50, 53)), (1, range(60, 63)), (0, range(100, 107)), (1, [110])):
        right[run, list(images)] = False
    called = np.where(right, labels, (labels + 1) % 4)
    both = Predictions(
        runs[:2], labels, {run.id: np.eye(4, dtype=np.float32)[row] for run, row in zip(runs, called, strict=False)}
    )
    table = agreement.class_differences(both, 0, 1)
    assert table["p"].tolist() == pytest.approx([2 / 128, 1, 18 / 256, 1])
    assert table["adjusted"].tolist() == pytest.approx([8 / 128, 1, 3 * 18 / 256, 1])
    assert ((table["low"] > 0) | (table["high"] < 0)).tolist() == (table["p"] <= 0.05).tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" 5, 3;3\n\n9 ", [5, 3, 9]),
        ("index,label,called\n7,6,1\n0,5,6\n", [7, 0]),
        ("\ufeffLabel, Index\n6, 7\n\n5, 0\n", [7, 0]),
    ],
)
def test_reading_a_list(text: str, expected: list[int]) -> None:
    assert agreement.parse_image_list(text, 10).tolist() == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1, 2\n10", "line 2: there is no image 10; they go from 0 to 9"),
        ("1, two", "line 1: 'two'"),
        ("-1", "'-1'"),
        ("1.5", "'1.5'"),
        ("index,label\n3,1\n,4", "line 3: ''"),
        ("label,called\n3,1", "line 1: 'label'"),
        ("99999999999999999999", "'99999999999999999999'"),
        ("١", "'١'"),
    ],
)
def test_a_list_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(DataError, match="List of images") as raised:
        agreement.parse_image_list(text, 10)
    assert message in str(raised.value)


def test_accuracy_without(answers: Predictions) -> None:
    table = agreement.accuracy_without(answers, np.array([4, 5]))
    assert table.to_dict("list") == {
        "run": [1, 2, 3],
        "wrong": [2, 3, 4],
        "accuracy": pytest.approx([4 / 6, 3 / 6, 2 / 6]),
        "wrong_without": [0, 1, 2],
        "accuracy_without": pytest.approx([1, 3 / 4, 2 / 4]),
    }
    assert agreement.accuracy_without(answers, np.arange(6))["accuracy_without"].isna().all()


def test_the_picture_of_who_is_right(runs: tuple[Run, ...]) -> None:
    bars = [
        AgreementRow("all", 900, (True, True, True), "all"),
        AgreementRow("only 1", 30, (True, False, False)),
        AgreementRow("nobody", 2, (False,) * 3, "none"),
    ]
    figure = plots.who_is_right(bars, runs, chosen=1)
    rows = next(trace for trace in figure.data if trace.name == "rows")
    assert [list(data) for data in rows.customdata] == [[0, "all", 900], [1, "only 1", 30], [2, "nobody", 2]]
    lengths, texts = figure.data[0].x, figure.data[0].text
    assert lengths[0] < 900
    assert lengths[1:] == (30, 2)
    assert texts == (" 900 (cut)", " 30", " 2")
    dots = [trace.marker.symbol for trace in figure.data if trace.type == "scatter"]
    assert dots == [("circle", "circle", "circle-open"), *[("circle", "circle-open", "circle-open")] * 2]
    plain = plots.who_is_right([AgreementRow("1 of 2", 5), AgreementRow("nobody", 4, kind="none")], runs[:2], chosen=0)
    assert plain.data[0].x == (5, 4)


def test_figures_of_classes(random_answers: Predictions, runs: tuple[Run, ...]) -> None:
    names = ("<a>", "b", "c", "d")
    table = agreement.class_accuracy(random_answers)
    figure = plots.class_accuracies(table, runs, names)
    for trace, run in zip(figure.data, runs, strict=True):
        assert list(trace.y) == pytest.approx(100 - 100 * table[run.number].to_numpy())
        assert [data[1] for data in trace.customdata] == pytest.approx(100 * table[run.number].to_numpy())
    assert figure.layout.xaxis.ticktext[0] == "&lt;a&gt;"
    differences = agreement.class_differences(random_answers, 0, 1)
    figure = plots.class_differences(differences, runs[0], runs[1], names)
    sure = (differences["low"] > 0) | (differences["high"] < 0)
    assert figure.data[0].marker.symbol == tuple("circle" if is_sure else "circle-open" for is_sure in sure)


@pytest.mark.parametrize("dark", [False, True])
def test_the_difference_of_two_matrices(dark: bool) -> None:
    a, b = np.array([[5, 3], [0, 7]]), np.array([[6, 2], [0, 7]])
    figure = confusion_difference(a, b, ("run 1", "run 2"), ("x", "y"), dark)
    written = {(note.y, note.x): note.text for note in figure.layout.annotations}
    # Cells without an image in either run stay empty.
    assert written == {(0, 0): "<b>−1</b>", (0, 1): "+1", (1, 1): "<b>0</b>"}
    more, less = (np.isfinite(np.array(trace.z, dtype=float)) for trace in figure.data[:2])
    assert more.tolist() == [[False, True], [False, False]]
    assert less.tolist() == [[True, False], [False, False]]
    cells = figure.data[2].customdata
    assert [list(cells[row])[:2] for row in range(4)] == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_the_figure_of_scores_without_images(answers: Predictions, runs: tuple[Run, ...]) -> None:
    figure = plots.accuracy_without(agreement.accuracy_without(answers, np.array([4, 5])), runs)
    ringed, full = (trace for trace in figure.data if trace.showlegend is False)
    # The axis shows errors (per cent).
    assert list(ringed.x) == pytest.approx([200 / 6, 50, 400 / 6])
    assert list(full.x) == pytest.approx([0, 25, 50], abs=0.01)
    assert [data[1] for data in full.customdata] == pytest.approx([100, 75, 50])
    assert "<run>" not in "".join(note.text for note in figure.layout.annotations)
