"""Inspect and Compare show an image only beside predictions that were made for it, and say what is not known."""

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mnist_core.store.run import Run
from mnist_core.store.store import Store
from tests.app.pages import opened, tables, texts
from tests.small_folders import config_of, forget, train, write_images

pytestmark = pytest.mark.usefixtures("quiet")


def compare(look: str, *runs: Run, **query: str) -> AppTest:
    return opened("compare", look=look, runs=[str(run.number) for run in runs], **query)


def galleries(at: AppTest) -> int:
    return sum(part.proto.component_name == "mnist_lab_gallery" for part in at.get("bidi_component"))


@pytest.mark.parametrize("view", ["Samples", "Mistakes", "Confusion"])
def test_inspect_shows_no_exchanged_image(store: Store, tmp_path: Path, view: str):
    root = write_images(tmp_path / "images")
    run = train(store, config_of(root))
    assert galleries(opened("inspect", run="1", view=view)) == 1
    write_images(root, low=100)
    at = opened("inspect", run="1", view=view)
    assert galleries(at) == 0
    assert f"run #{run.number} " in at.error[0].value
    write_images(root)
    assert galleries(opened("inspect", run="1", view=view)) == 1


@pytest.mark.parametrize("look", ["Disagreements", "Labels", "Robustness"])
def test_compare_shows_no_exchanged_image(store: Store, tmp_path: Path, look: str):
    root = write_images(tmp_path / "images")
    runs = [train(store, config_of(root, seed=seed, learning_rate=0.1)) for seed in (0, 1)]
    query = {"labels_list": "0,1,2", "labels_show": "in the list", "disagreements_pattern": "nobody"}
    assert not compare(look, *runs, **query).error
    write_images(root, low=100)
    at = compare(look, *runs, **query)
    assert galleries(at) == 0
    assert "run #1 " in texts(at)


def test_images_that_lie_elsewhere_are_shown_from_there(store: Store, tmp_path: Path):
    root = write_images(tmp_path / "images")
    shutil.copytree(root, tmp_path / "copy")
    runs = [train(store, config_of(folder, learning_rate=0.1)) for folder in (root, tmp_path / "copy")]
    shutil.rmtree(root)
    at = compare("Disagreements", *runs, disagreements_pattern="nobody")
    assert (galleries(at), list(at.error)) == (1, [])


def test_two_folders_of_equal_counts_are_not_compared(store: Store, tmp_path: Path):
    folders = write_images(tmp_path / "plain"), write_images(tmp_path / "other", low=100)
    runs = [train(store, config_of(folder)) for folder in folders]
    for look in ("Is it real?", "Disagreements", "Results"):
        assert "other images than run #1" in texts(compare(look, *runs))
    shown = texts(compare("Results", *runs))
    assert "The image folders differ" in shown
    assert "fair comparison" not in shown


def test_what_is_not_known_of_a_run_from_before_is_said(store: Store, tmp_path: Path):
    root = write_images(tmp_path / "images")
    runs = [train(store, config_of(root, seed=seed), old=True) for seed in (0, 1)]
    forget(store, runs[0])
    assert "not known whether run 1" in texts(compare("Disagreements", *runs))
    shown = texts(opened("inspect", run="1", view="Classes"))
    assert "not known" in shown
    assert "earlier rule" in shown
    shown = texts(opened("inspect", run="2", view="Classes"))
    assert "not known" not in shown
    assert "earlier rule" in shown


def test_classes_stand_in_the_order_of_the_run(store: Store, tmp_path: Path):
    root = write_images(tmp_path / "images")
    train(store, config_of(root), old=True)
    train(store, config_of(root))
    for number, expected in (("1", ["10", "2"]), ("2", ["2", "10"])):
        assert tables(opened("inspect", run=number, view="Classes"))["class-table"]["class"].tolist() == expected
