"""The ranking on a class's drawings: against networks whose answers are known, and the archive read by the app."""

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from mnist_core.analysis import handwriting, trained
from mnist_core.analysis.handwriting import HandwritingAnswers
from mnist_core.config.run_config import RunConfig
from mnist_core.data import load_arrays
from mnist_core.environment import data_dir
from mnist_core.errors import ExportError, NotAllowedError
from mnist_core.export import export_drawings
from mnist_core.store import StudentStore, let_in, remove_drawings
from mnist_core.store.drawings import add_drawing
from mnist_core.store.schema import drawings
from mnist_core.store.store import Store
from tests.labs import trained_run

TINY = RunConfig(dataset="mnist-5k", architecture="softmax", train_images=300, validation_images=100, epochs=1)


def prepare(store: Store) -> None:
    """A network that has learned, one that has hardly, and one that reads something else."""
    trained_run(store, TINY.replace(train_images=2000, epochs=3, batch_size=32), "good")
    trained_run(store, TINY.replace(learning_rate=1e-9, seed=3), "bad")
    trained_run(store, TINY.replace(dataset="mnist-5k", epochs=2), "middling")


def digits(count: int) -> list[tuple[int, np.ndarray]]:
    """Some test images of MNIST with their labels, as large as drawings."""
    arrays = load_arrays(TINY, data_dir())
    chosen = np.random.default_rng(0).permutation(len(arrays.test_labels))[:count]
    return [
        (int(arrays.test_labels[index]), np.kron(arrays.test_images[index, 0], np.ones((4, 4), np.uint8)))
        for index in chosen
    ]


def test_right_answers_intervals_and_places_are_those_of_the_networks_themselves(store: Store):
    persons = [StudentStore(store, let_in(store, "student")[0].id) for _ in range(2)]
    drawn = [add_drawing(persons[place % 2], *digit) for place, digit in enumerate(digits(120))]
    runs = store.runs(states=["finished"])
    assert len(runs) == 3
    answers = HandwritingAnswers()
    ranking = answers.rank(store, runs, seconds=60)
    assert (ranking.drawings, ranking.persons, ranking.waiting, ranking.left_out) == (120, 2, 0, ())
    right = {}
    for run in runs:
        images = np.stack([answers.probabilities(store, run, drawing)[0] for drawing in drawn])
        predicted = trained.load_network(store, run).logits(images).argmax(axis=1)
        right[run.id] = predicted == [drawing.label for drawing in drawn]
    assert ranking.right
    assert ranking.right == {run.id: int(right[run.id].sum()) for run in runs}
    for row in ranking.rows:
        interval = binomtest(ranking.right[row.run.id], 120).proportion_ci(0.95, "wilson")
        assert (row.low, row.high) == pytest.approx((interval.low, interval.high), abs=1e-9)
    # Of two runs the one is better beyond chance if the exact binomial test, corrected by Holm's method, says so.
    pairs = [(a, b) for a in runs for b in runs if a.number < b.number]
    tests = []
    for a, b in pairs:
        only_a, only_b = (right[a.id] & ~right[b.id]).sum(), (right[b.id] & ~right[a.id]).sum()
        p = binomtest(int(only_a), int(only_a + only_b)).pvalue if only_a + only_b else 1.0
        tests.append((p, b if only_a > only_b else a))
    beaten = {run.id: 0 for run in runs}
    for place, (p, loser) in enumerate(sorted(tests, key=lambda test: test[0])):
        if p * (len(tests) - place) >= 0.05:
            break
        beaten[loser.id] += 1
    assert {row.run.id: row.place for row in ranking.rows} == {run: count + 1 for run, count in beaten.items()}
    assert ranking.rows[0].run.name == "good"
    assert ranking.rows[-1].place > 1


def test_each_network_is_asked_once_for_each_drawing_and_forgets_what_is_removed(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    asked: list[int] = []
    answer = trained.run_probabilities

    def count(store, run, images, epoch=None):
        asked.append(len(images))
        return answer(store, run, images, epoch)

    monkeypatch.setattr(trained, "run_probabilities", count)
    drawn = [add_drawing(store, label, picture) for label, picture in digits(6)]
    runs, answers = store.runs(states=["finished"]), HandwritingAnswers()
    # One network at a time, while there is no time.
    assert [len(answers.rank(store, runs, seconds=0).rows) for _ in range(4)] == [1, 2, 3, 3]
    add_drawing(store, *digits(7)[6])
    # The ranking from before stays until all have answered the new drawing.
    waiting = [(ranking.drawings, ranking.waiting) for ranking in (answers.rank(store, runs, 0) for _ in range(3))]
    assert waiting == [(6, 2), (6, 1), (7, 0)]
    assert asked == [6, 6, 6, 1, 1, 1]
    remove_drawings(store, [drawn[0].id])
    assert (answers.rank(store, runs, 0).drawings, asked) == (6, [6, 6, 6, 1, 1, 1])
    assert all(drawn[0].id not in kept for kept in (*answers._answers.values(), *answers._placed.values()))
    # A damaged drawing is not ranked on.
    with store.engine.begin() as connection:
        connection.execute(drawings.update().where(drawings.c.id == drawn[1].id).values(png=b"no picture"))
    assert HandwritingAnswers().rank(store, runs, 60).drawings == 5


def test_only_finished_networks_for_grey_digits_are_ranked(store: Store):
    runs = store.runs(states=["finished"])
    fashion = store.enqueue(TINY.replace(dataset="fashion-mnist"))
    waits = store.enqueue(TINY)
    assert handwriting.ranked_runs([*runs, fashion, waits]) == sorted(runs, key=lambda run: run.number)
    assert handwriting.HandwritingAnswers().rank(store, runs).rows == ()


def test_the_archive_is_an_image_folder_of_the_app_and_names_nobody(store: Store, tmp_path: Path):
    anna = StudentStore(store, let_in(store, "student")[0].id)
    with pytest.raises(NotAllowedError):
        export_drawings(anna)
    (label, picture), *others = digits(61)
    add_drawing(store, label, picture)
    with pytest.raises(ExportError):
        export_drawings(store)
    drawn = [add_drawing(anna if place % 3 else store, *digit) for place, digit in enumerate(others)]
    content = export_drawings(store)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(tmp_path)
        assert all((anna.owner or "").encode() not in archive.read(name) for name in archive.namelist())
    with open(tmp_path / "labels.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["label"]) for row in rows] == [label, *(drawing.label for drawing in drawn)]
    assert {row["person"] for row in rows} == {"", "1"}
    arrays = load_arrays(RunConfig(dataset="folder", folder=str(tmp_path), folder_size=28), data_dir())
    assert arrays.classes == tuple("0123456789")
    images = {split: getattr(arrays, f"{split}_images") for split in ("train", "test")}
    labels = {split: getattr(arrays, f"{split}_labels").tolist() for split in ("train", "test")}
    assert sum(map(len, labels.values())) == 61
    # Each image is what a network of MNIST gets for that drawing, under the label that was asked for.
    run = store.runs(states=["finished"])[0]
    for split in ("train", "test"):
        of_split = [(drawing, row) for drawing, row in zip(drawn, rows[1:], strict=True) if row["split"] == split]
        assert len(of_split) > 10
        for drawing, row in of_split:
            expected, _ = HandwritingAnswers().probabilities(store, run, drawing)
            names = sorted((tmp_path / split / row["label"]).iterdir())
            place = labels[split].index(drawing.label) + names.index(tmp_path / row["image"])
            assert labels[split][place] == drawing.label
            assert np.array_equal(images[split][place].reshape(28, 28), expected[0])
