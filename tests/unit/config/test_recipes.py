"""Every recipe works: its settings are valid, its network is built, its first steps lower the loss."""

import math
from pathlib import Path

import pytest
import torch

from mnist_core import architectures
from mnist_core.config.recipes import RECIPES, Recipe
from mnist_core.config.run_config import RunConfig
from mnist_core.data.loading import load_data
from mnist_core.events import EpochEnd, StepEnd
from mnist_core.training.loop import train_network


def test_there_are_recipes_under_their_own_names():
    assert "fast-99" in RECIPES
    assert all(recipe.name == name for name, recipe in RECIPES.items())
    assert len({recipe.config.digest() for recipe in RECIPES.values()}) == len(RECIPES)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_a_recipe_trains(recipe: Recipe, tmp_path: Path):
    """The recipe's network and settings, on few images of mnist-5k, which needs no download."""
    assert RunConfig.parse(recipe.config.model_dump()) == recipe.config
    assert recipe.explanation
    assert recipe.source
    config = recipe.config.replace(dataset="mnist-5k", train_images=1280, validation_images=200, epochs=1)
    data = load_data(config, tmp_path, "cpu")
    torch.manual_seed(config.seed)
    model = architectures.build_network(config.architecture, data.input_shape, len(data.classes))
    events = list(train_network(model, data, config))
    losses = [event.loss for event in events if isinstance(event, StepEnd)]
    assert len(losses) == math.ceil(1280 / config.batch_size)
    assert losses[-1] < losses[0] / 2
    end = next(event for event in events if isinstance(event, EpochEnd))
    assert end.validation_accuracy is not None
    assert end.validation_accuracy > 0.7
