"""The images decide whether runs saw the same images; labels, names and paths of folders do not."""

import shutil
from pathlib import Path

import pytest

from mnist_core import api, report
from mnist_core.analysis import predictions
from mnist_core.analysis.comparison import CONFOUND, FACTOR, IDLE, config_differences, judge_fairness, seed_groups
from mnist_core.analysis.run_images import ChangedImagesError, class_names_of
from mnist_core.errors import StoreError
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from tests.small_folders import config_of, forget, train, write_images


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return write_images(tmp_path / "plain")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A folder with other images, but with the same number of each class."""
    return write_images(tmp_path / "other", low=100)


def kept_and_left(store: Store, *runs: Run) -> tuple[list[int], dict[int, str]]:
    """Numbers of the runs that are compared, and why the others are not."""
    aligned, left_out = predictions.align(runs, {run.id: predictions.load_split(store, run) for run in runs})
    assert aligned
    return [run.number for run in aligned.runs], {omission.run.number: omission.why for omission in left_out}


def test_two_folders_of_equal_counts_are_never_compared_as_one(store: Store, plain: Path, other: Path):
    first = train(store, config_of(plain))
    second = train(store, config_of(other, learning_rate=0.01))
    assert kept_and_left(store, first, second) == ([1], {2: "other images"})
    assert judge_fairness([first, second]).kind == "other data"
    assert judge_fairness([first, second], "learning_rate").kind == "other data"
    with pytest.raises(StoreError, match="run #2 was tested on"):
        api.compare(1, 2)
    assert "other images than run #1" in report.report_html(store, [first, second])


def test_the_same_images_in_another_place_are_the_same_data(store: Store, plain: Path, tmp_path: Path):
    shutil.copytree(plain, tmp_path / "copy")
    first = train(store, config_of(plain))
    second = train(store, config_of(tmp_path / "copy", learning_rate=0.01))
    assert kept_and_left(store, first, second) == ([1, 2], {})
    assert judge_fairness([first, second]).kind == "fair"
    roles = config_differences([first, second])["Role"].to_dict()
    assert roles == {"Learning rate": FACTOR, "Image folder": IDLE}


def test_files_that_were_exchanged_between_two_runs_make_them_incomparable(store: Store, plain: Path):
    first = train(store, config_of(plain))
    write_images(plain, low=100)
    second = train(store, config_of(plain, seed=1))
    assert kept_and_left(store, first, second)[1] == {2: "other images"}
    assert judge_fairness([first, second]).kind == "other data"
    assert [len(group.runs) for group in seed_groups([first, second])] == [1, 1]


def test_exchanged_training_images_are_a_confound(store: Store, plain: Path, tmp_path: Path):
    first = train(store, config_of(plain))
    write_images(tmp_path / "other", low=100)
    shutil.rmtree(plain / "train")
    shutil.copytree(tmp_path / "other" / "train", plain / "train")
    second = train(store, config_of(plain, learning_rate=0.01))
    assert kept_and_left(store, first, second) == ([1, 2], {})
    assert judge_fairness([first, second]).confounds == ("training images",)
    role, *shown = config_differences([first, second]).loc["Training images"]
    assert role == CONFOUND
    # The beginning of the hash tells two sets apart, and is short enough for a table.
    assert shown == [run.data.files["train"][:12] for run in (first, second) if run.data]


def test_another_size_of_the_same_pictures_is_a_setting(store: Store, plain: Path):
    first, second = train(store, config_of(plain)), train(store, config_of(plain, folder_size=16))
    assert kept_and_left(store, first, second) == ([1, 2], {})
    assert judge_fairness([first, second]).kind == "fair"


def test_a_run_from_before_is_compared_and_said_to_be_unknown(store: Store, plain: Path, other: Path):
    old = train(store, config_of(plain), old=True)
    forget(store, old)
    old = store.run(old.id)
    new = train(store, config_of(plain, folder_size=16, continue_from="", seed=1), old=True)
    aligned, left_out = predictions.align(
        [old, new], {run.id: predictions.load_split(store, run) for run in (old, new)}
    )
    assert aligned
    assert not left_out
    assert [run.number for run in aligned.unverified] == [1]
    assert "not known" in aligned.remark
    assert "not known" in str(api.compare(1, 2))
    assert judge_fairness([old, new]).unknown_images == (1,)
    text = report.report_html(store, [old, new])
    assert "not known" in text
    assert "earlier rule" in text
    elsewhere = train(store, config_of(other), old=True)
    assert judge_fairness([old, elsewhere]).kind == "data unknown"


def test_two_that_are_known_to_differ_are_not_compared_by_way_of_one_that_is_not_known(
    store: Store, plain: Path, other: Path
):
    old = train(store, config_of(plain))
    forget(store, old)
    runs = [store.run(old.id), train(store, config_of(plain)), train(store, config_of(other))]
    assert kept_and_left(store, *runs) == ([1, 2], {3: "other images"})


def test_another_order_of_the_classes_is_said(store: Store, plain: Path):
    old, new = train(store, config_of(plain), old=True), train(store, config_of(plain))
    assert kept_and_left(store, old, new)[1] == {2: "other class order"}
    (confound,) = judge_fairness([old, new]).confounds
    assert "pictures are read" in confound


def test_classes_keep_the_names_that_a_run_learned(store: Store, plain: Path):
    old = train(store, config_of(plain), old=True)
    forget(store, old)
    shutil.rmtree(plain)
    assert class_names_of(store, store.run(old.id), 2) == ("10", "2")
    shutil.rmtree(store.folder(old.id))
    assert class_names_of(store, store.run(old.id), 2) == ("0", "1")


def test_predictions_and_reports_do_not_use_images_that_were_exchanged(store: Store, plain: Path):
    run = train(store, config_of(plain))
    before = api.predict(run)
    assert 'alt="test image' in report.report_html(store, [run])
    write_images(plain, low=100)
    with pytest.raises(ChangedImagesError):
        api.predict(run)
    text = report.report_html(store, [run])
    assert 'alt="test image' not in text
    assert "no longer those" in text
    write_images(plain)
    assert (api.predict(run) == before).all()
