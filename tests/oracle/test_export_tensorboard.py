"""TensorBoard's own reader finds in our event files what the store holds."""

import math
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mnist_core.config.run_config import RunConfig
from mnist_core.events import EpochEnd, StepEnd
from mnist_core.export import tensorboard
from mnist_core.store.run import Run
from mnist_core.store.store import Store

CONFIG = RunConfig(dataset="mnist-5k", architecture="softmax", learning_rate=0.002, epochs=2)
# 1e300 is larger than any float32.
LOSSES = (2.5, 0.1 + 0.2, 1e-40, 1e300, math.nan, math.inf)


@pytest.fixture
def recorded() -> tuple[Store, Run]:
    """A finished run with losses of every kind."""
    store = Store.open()
    run = store.enqueue(CONFIG, "a run | with a bar", claimed=True)
    store.describe(run, started=1_700_000_000.25)
    steps = [
        StepEnd(100 * index, 1, loss, index / 10, 0.002 / (1 + index), 1.0, index / 4)
        for index, loss in enumerate(LOSSES)
    ]
    store.record(run, [*steps, EpochEnd(500, 1, 0.5, 0.8, 0.25, 0.9, True, 2.0)])
    store.finish(store.run(run.id), "finished", test_accuracy=0.91, test_loss=0.3)
    return store, store.run(run.id)


def read(folder: Path) -> EventAccumulator:
    reader = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    reader.Reload()
    return reader


def test_every_curve_is_read_back_by_tensorboard(recorded: tuple[Store, Run], tmp_path: Path):
    store, run = recorded
    folder = tensorboard.write_to_tensorboard(store, run, tmp_path)
    assert folder == tmp_path / f"run-{run.number}"
    reader = read(folder)
    table = store.metrics(run.id)
    assert set(table["name"]) == tensorboard.TAGS.keys()
    for name, tag in tensorboard.TAGS.items():
        rows, scalars = table[table["name"] == name], reader.Scalars(tag)
        assert len(scalars) == len(rows) > 0
        assert [scalar.step for scalar in scalars] == rows["step"].tolist()
        assert [scalar.wall_time for scalar in scalars] == (1_700_000_000.25 + rows["seconds"]).tolist()
        with np.errstate(over="ignore"):
            expected = np.asarray(rows["value"], dtype=np.float64).astype(np.float32)
        assert np.array_equal(np.array([scalar.value for scalar in scalars], np.float32), expected, equal_nan=True)
    assert reader.Scalars("accuracy/test")[0].value == pytest.approx(0.91)
    assert set(reader.Tags()["scalars"]) == {*tensorboard.TAGS.values(), "accuracy/test", "loss/test"}


def test_the_settings_are_a_text(recorded: tuple[Store, Run], tmp_path: Path):
    store, run = recorded
    reader = read(tensorboard.write_to_tensorboard(store, run, tmp_path))
    (event,) = reader.Tensors("settings")
    text = event.tensor_proto.string_val[0].decode()
    assert "| learning_rate | `0.002` |" in text
    assert all(f"| {name} | `" in text for name in RunConfig.model_fields)
    assert reader.SummaryMetadata("settings").plugin_data.plugin_name == "text"


def test_writing_again_replaces_the_file(recorded: tuple[Store, Run], tmp_path: Path):
    store, run = recorded
    folder = tensorboard.write_to_tensorboard(store, run, tmp_path)
    (before,) = folder.iterdir()
    content = before.read_bytes()
    assert tensorboard.write_to_tensorboard(store, run, tmp_path) == folder
    assert [file.read_bytes() for file in folder.iterdir()] == [content]


def test_a_long_run_is_written_quickly_and_whole(tmp_path: Path):
    store = Store.open()
    run = store.enqueue(CONFIG, claimed=True)
    store.record(run, [StepEnd(step, 1, 1 / step, 0.5, 0.1, 1.0, step / 100) for step in range(1, 5001)])
    scalars = read(tensorboard.write_to_tensorboard(store, store.run(run.id), tmp_path)).Scalars("loss/train")
    assert [scalar.step for scalar in scalars] == list(range(1, 5001))
