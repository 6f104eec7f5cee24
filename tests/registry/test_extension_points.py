"""Entries of the app's tables have no hidden defaults: leaving out a part is an error."""

import dataclasses
from typing import Any

import pytest

from dashboard.compare.sections import SECTIONS, Section
from mnist_core.analysis.robustness import CORRUPTIONS, Corruption
from mnist_core.architectures.layers import KINDS
from mnist_core.architectures.layers.kind import Argument, LayerKind, WeightShapes
from mnist_core.architectures.presets import Preset, presets
from mnist_core.config.dataset_catalogue import BOX_OF_20_BY_MASS, DATASET_CATALOGUE, FILLED, MIDDLE_SQUARE, Dataset
from mnist_core.config.optimizers import OPTIMIZERS, OptimizerKind, OptimizerPart
from mnist_core.config.run_config import AUGMENTATIONS
from mnist_core.config.schedule_kinds import SCHEDULES, ScheduleKind
from mnist_core.data.augmentation import AUGMENTATION_CATALOGUE, Augmentation
from mnist_core.studies.catalogue import all_studies
from mnist_core.studies.study import Experiment, QuizQuestion, Study, Variant

STUDY = all_studies()["deep-mlp"]
ENTRIES = {
    Dataset: DATASET_CATALOGUE["mnist"],
    LayerKind: KINDS["linear"],
    OptimizerKind: OPTIMIZERS["muon"],
    OptimizerPart: OPTIMIZERS["muon"].parts[0],
    ScheduleKind: SCHEDULES["step"],
    Argument: KINDS["conv"].arguments[0],
    WeightShapes: KINDS["linear"].weights((784,), out=10, bias=True)[0],
    Study: STUDY,
    Experiment: STUDY.experiments[0],
    Variant: STUDY.experiments[0].variants[0],
    QuizQuestion: STUDY.question,
    Augmentation: AUGMENTATION_CATALOGUE["elastic"],
    Preset: presets()["mlp-300"],
    Corruption: CORRUPTIONS[0],
    Section: SECTIONS["Results"],
}


@pytest.mark.parametrize(
    ("entry", "field"),
    [(entry, field.name) for kind, entry in ENTRIES.items() for field in dataclasses.fields(kind)],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_no_part_of_an_entry_can_be_forgotten(entry: Any, field: str) -> None:
    parts = {each.name: getattr(entry, each.name) for each in dataclasses.fields(entry) if each.name != field}
    with pytest.raises(TypeError, match=field):
        type(entry)(**parts)


def test_every_data_set_places_drawings_as_its_own_images_lie() -> None:
    framings = {
        "mnist": BOX_OF_20_BY_MASS,
        "mnist-5k": BOX_OF_20_BY_MASS,
        "fashion-mnist": FILLED,
        "kmnist": FILLED,
        "cifar10": MIDDLE_SQUARE,
        "folder": MIDDLE_SQUARE,
    }
    assert {name: DATASET_CATALOGUE[name].framing for name in framings} == framings


def test_pixels_are_scaled_by_the_moments_of_each_data_set() -> None:
    """Mean and standard deviation as they are commonly published, of files that are not here to be measured."""
    moments = {
        "mnist": ((0.1307,), (0.3081,)),
        "mnist-5k": ((0.1307,), (0.3081,)),
        "fashion-mnist": ((0.2860,), (0.3530,)),
        "kmnist": ((0.1918,), (0.3483,)),
        "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    }
    assert {name: (DATASET_CATALOGUE[name].mean, DATASET_CATALOGUE[name].std) for name in moments} == moments


def test_every_augmentation_has_its_words_in_a_script() -> None:
    assert sorted(AUGMENTATION_CATALOGUE) == sorted(AUGMENTATIONS)
