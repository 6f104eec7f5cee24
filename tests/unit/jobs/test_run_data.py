"""A run records facts about its data; a continued run keeps the rule and the images with which it began."""

import hashlib
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mnist_core.analysis import trained
from mnist_core.analysis.run_images import ChangedImagesError, images_of
from mnist_core.commands.cli import app
from mnist_core.config import SplitName
from mnist_core.config.data_facts import READING_RULE, have_same_pictures
from mnist_core.config.run_config import RunConfig
from mnist_core.data.sources import load_arrays
from mnist_core.data.splitting import split_images
from mnist_core.export import formats
from mnist_core.export.archive import archive
from mnist_core.jobs.worker import work
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from tests.faults.hostile_archives import packed, signed
from tests.labs import train_now
from tests.small_folders import CLASSES, config_of, forget, train, write_images


def test_a_run_records_which_images_it_was_given(store: Store, tmp_path: Path):
    root = write_images(tmp_path / "images")
    (root / "train" / "2" / "notes.txt").write_text("not read")
    Image.new("L", (8, 8), 7).save(root / "train" / "10" / "blank.png")
    run = train(store, config_of(root))
    assert run.state == "finished", run.note
    assert run.data
    assert (run.data.rule, run.data.classes, run.data.class_order) == (READING_RULE, CLASSES, "numbers")
    assert (run.data.ground, run.data.folder and run.data.folder.one_colour_files) == (
        "bright",
        ("train/10/blank.png",),
    )
    assert run.note.count("notes") == 0
    assert "1 .txt" in run.note
    assert "train/10/blank.png" in run.note
    arrays = load_arrays(run.config, tmp_path)
    sizes: dict[SplitName, int] = {"train": 19, "validation": 6, "test": 8}
    for split, count in sizes.items():
        images, labels = split_images(arrays, run.config, split)
        assert len(labels) == count
        digest = hashlib.sha256(repr(("|u1", (count, 1, 8, 8))).encode() + images.tobytes() + labels.tobytes())
        assert run.data.images[split] == digest.hexdigest()


def test_published_images_are_recorded_too(store: Store):
    config = RunConfig(dataset="mnist-5k", train_images=100, epochs=1, architecture="softmax")
    first, second = train(store, config), train(store, config.replace(seed=3, train_images=200))
    assert first.data
    assert second.data
    assert first.data.images["test"] == second.data.images["test"]
    assert first.data.images["train"] != second.data.images["train"]
    assert (first.data.ground, first.data.class_order, first.data.folder) == ("dark", "published", None)


def test_where_nothing_is_held_out_nothing_is_recorded_of_it(store: Store, tmp_path: Path):
    root = write_images(tmp_path / "images")
    for changes in ({"validation_images": 0}, {"validation_images": None, "choose_on": "test"}):
        run = train(store, config_of(root, **changes))
        assert run.data
        assert set(run.data.images) == set(run.data.files) == {"train", "test"}


def test_the_same_pictures_are_known_in_another_place_size_or_colour(store: Store, tmp_path: Path):
    here = train(store, config_of(write_images(tmp_path / "here"))).data
    moved = train(store, config_of(write_images(tmp_path / "there"))).data
    larger = train(store, config_of(tmp_path / "here", folder_size=16)).data
    other = train(store, config_of(write_images(tmp_path / "other", low=100))).data
    assert [have_same_pictures(here, facts, "test") for facts in (moved, larger, other, None)] == [
        True,
        True,
        False,
        None,
    ]
    assert here
    assert larger
    assert here.images["test"] != larger.images["test"]


def test_images_that_were_exchanged_after_the_run_are_not_taken_for_its_own(store: Store, tmp_path: Path):
    root = write_images(tmp_path / "images")
    run = train(store, config_of(root))
    images, labels = images_of(run, "test", tmp_path)
    assert (images[:, 0, 3, 3].tolist(), labels.tolist()) == (list(range(24, 32)), [0] * 4 + [1] * 4)
    # The new files have the same names, number and sizes.
    write_images(root, low=100)
    with pytest.raises(ChangedImagesError, match=rf"\brun #{run.number}\b") as refused:
        images_of(run, "test", tmp_path)
    assert str(root) in str(refused.value)
    assert "KMNIST" in str(ChangedImagesError(replace(run, config=run.config.replace(dataset="kmnist")), "test"))
    write_images(root)
    assert np.array_equal(images_of(run, "test", tmp_path)[0], images)


def test_a_run_from_before_keeps_reading_by_the_first_rule(store: Store, tmp_path: Path):
    root = write_images(tmp_path / "images")
    old = train(store, config_of(root), old=True)
    assert old.data
    assert (old.data.rule, old.data.classes, old.data.class_order) == (1, ("10", "2"), "text")
    assert trained.load_network(store, old).classes == ("10", "2")
    following = train(store, config_of(root, epochs=2, continue_from=old.id, continue_epoch=1))
    assert following.data
    assert (following.data.rule, following.data.classes) == (1, ("10", "2"))
    forget(store, old)
    also = train(store, config_of(root, epochs=3, continue_from=old.id, continue_epoch=1))
    assert also.data
    assert also.data.rule == 1
    new = train(store, config_of(root))
    assert new.data
    assert (new.data.rule, new.data.classes) == (2, ("2", "10"))


def test_a_run_does_not_go_on_with_other_images(store: Store, tmp_path: Path):
    root = write_images(tmp_path / "images")
    run = store.enqueue(config_of(root, epochs=3), claimed=True)
    for _ in zip(range(12), work(store, run), strict=False):
        pass
    store.finish(store.run(run.id), "interrupted")
    assert trained.checkpoints(store, run)
    write_images(root, low=100)
    again = resume(store, run)
    assert again.state == "failed"
    assert "that run #1 began with" in again.note
    write_images(root)
    again = resume(store, run)
    assert (again.state, again.epoch) == ("finished", 3), again.note


def resume(store: Store, run: Run) -> Run:
    store.requeue(run.id)
    claimed = store.claim(run.id)
    assert claimed
    return train_now(store, claimed)


def test_an_archive_carries_what_is_known_of_the_data(store: Store, tmp_path: Path):
    run = train(store, config_of(write_images(tmp_path / "images")))
    path = tmp_path / "run.zip"
    formats.write_export(store, run, "zip", path)
    elsewhere = Store.open(tmp_path / "elsewhere")
    assert archive.read_archive(elsewhere, path).data == run.data


def test_an_archive_from_before_is_imported_and_nothing_is_known(store: Store, tmp_path: Path):
    run = train(store, config_of(write_images(tmp_path / "images")))
    forget(store, run)
    path = tmp_path / "run.zip"
    formats.write_export(store, store.run(run.id), "zip", path)
    with zipfile.ZipFile(path) as whole:
        members = {name: whole.read(name) for name in whole.namelist()}
    assert "data" not in json.loads(members["run.json"])
    imported = archive.read_archive(Store.open(tmp_path / "elsewhere"), packed(signed(members), tmp_path / "again.zip"))
    assert (imported.data, imported.rule) == (None, 1)


def test_the_command_line_tells_of_a_run_with_its_data_as_json_and_in_words(store: Store, tmp_path: Path):
    run = train(store, config_of(write_images(tmp_path / "images")))
    assert run.data
    for command in (["list", "--json"], ["show", "1", "--json"]):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output
        shown = json.loads(result.stdout)
        shown = shown[0] if isinstance(shown, list) else shown
        assert shown["data"] == json.loads(run.data.model_dump_json())
    assert run.data.images["test"][:12] in CliRunner().invoke(app, ["show", "1"]).stdout
