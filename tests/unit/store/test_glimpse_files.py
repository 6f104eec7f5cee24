"""Files of glimpses: they come back as written, never grow beyond 1 MB, and damage is noticed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnist_core.store import glimpse_files
from mnist_core.store.glimpse_files import GlimpseFileError, GlimpseWriter, read_recording
from mnist_core.training import Glimpse, Look, Watched

RANDOM = np.random.default_rng(0)
WATCHED = Watched(
    split="validation",
    indices=tuple(range(20)),
    labels=tuple(range(10)) * 2,
    classes=10,
    images=RANDOM.integers(0, 256, (20, 1, 28, 28), dtype=np.uint8),
    layers=("linear 1", "linear 2"),
    picture="units",
    weights_shape=(16, 1, 28, 28),
    units=300,
)


def glimpse(step: int) -> Glimpse:
    look = Look(
        probabilities=RANDOM.random((20, 10), dtype=np.float32),
        gradient_norms=np.array([step, np.nan], dtype=np.float32),
        dead=np.array([0.25, np.nan], dtype=np.float32),
        saturated=np.array([np.nan, np.nan], dtype=np.float32),
        weights=RANDOM.integers(-127, 128, WATCHED.weights_shape, dtype=np.int8),
        limit=0.125,
    )
    return Glimpse(step, step / 100, step / 10, 1e4, 1e-3, 0.9, 4e8, float("nan"), look)


def test_glimpses_come_back_as_they_were_written(tmp_path: Path):
    writer, written = GlimpseWriter(tmp_path / "glimpses.live", WATCHED), [glimpse(step) for step in (0, 7, 20)]
    for each in written:
        writer.append(each)
    recording = read_recording(tmp_path / "glimpses.live", is_complete=True)
    assert (recording.watched.labels, recording.watched.layers) == (WATCHED.labels, WATCHED.layers)
    np.testing.assert_array_equal(recording.watched.images, WATCHED.images)
    for index, expected in enumerate(written):
        got = recording.glimpse(index)
        assert (got.step, got.epoch, got.seconds, got.cores) == (expected.step, expected.epoch, expected.seconds, 0.9)
        assert np.isnan(got.gpu)
        np.testing.assert_array_equal(got.look.weights, expected.look.weights)
        np.testing.assert_array_equal(got.look.gradient_norms, expected.look.gradient_norms)
        np.testing.assert_allclose(got.look.probabilities, expected.look.probabilities, atol=5e-4)
    true = recording.true_probabilities[1]
    np.testing.assert_allclose(true, written[1].look.probabilities[range(20), WATCHED.labels], atol=5e-4)


def test_a_long_run_is_thinned_evenly_and_keeps_its_first_and_last_glimpse(tmp_path: Path):
    path = tmp_path / "glimpses.live"
    writer = GlimpseWriter(path, WATCHED)
    thinned = 0
    for step in range(300):
        thinned += writer.append(glimpse(step))
        assert path.stat().st_size <= 1_000_000
    steps = read_recording(path, is_complete=True).steps
    assert thinned >= 2
    assert (steps[0], steps[-1]) == (0, 299)
    assert len(steps) > 30
    # The oldest are further apart than the newest, by no more than what one thinning makes of them.
    assert np.diff(steps).max() <= 2**thinned


def test_a_run_that_goes_on_keeps_what_lies_before_and_cuts_the_rest(tmp_path: Path):
    path = tmp_path / "glimpses.live"
    writer = GlimpseWriter(path, WATCHED)
    for step in (0, 10, 20, 30):
        writer.append(glimpse(step))
    again = GlimpseWriter(path, WATCHED, read_recording(path).until(20))
    again.append(glimpse(25))
    again.append(glimpse(26), in_place_of_last=True)
    assert read_recording(path, is_complete=True).steps.tolist() == [0, 10, 20, 26]


def test_a_glimpse_that_is_being_written_is_not_there_yet(tmp_path: Path):
    path = tmp_path / "glimpses.live"
    writer = GlimpseWriter(path, WATCHED)
    for step in (0, 10):
        writer.append(glimpse(step))
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    assert read_recording(path).steps.tolist() == [0]
    with pytest.raises(GlimpseFileError):
        read_recording(path, is_complete=True)
    # What is kept at the end is whole, and the writer repairs what it left.
    path.with_name("whole").write_bytes(glimpse_files.whole_glimpses(path))
    assert read_recording(path.with_name("whole"), is_complete=True).steps.tolist() == [0]
    writer.append(glimpse(20))
    path.write_bytes(path.read_bytes())


@pytest.mark.parametrize("place", [3, 17, 40, 300, 3000, -2000, -1])
def test_a_changed_byte_is_noticed(tmp_path: Path, place: int):
    path = tmp_path / "glimpses.bin"
    writer = GlimpseWriter(path, WATCHED)
    for step in (0, 10):
        writer.append(glimpse(step))
    content = bytearray(path.read_bytes())
    content[place] ^= 0x10
    path.write_bytes(content)
    with pytest.raises(GlimpseFileError):
        read_recording(path)


def test_without_room_for_a_few_glimpses_there_is_no_file(tmp_path: Path):
    images = np.zeros((20, 3, 127, 127), dtype=np.uint8)
    large = replace(WATCHED, images=images)
    assert not GlimpseWriter(tmp_path / "glimpses.live", large).has_room
    assert list(tmp_path.iterdir()) == []
