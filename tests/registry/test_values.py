"""Values stay as they are: every dataclass is frozen but for those that are meant to change."""

import importlib
import pkgutil
from dataclasses import is_dataclass

import mnist_core

# Their fields change while a run trains, is followed, or is drawn.
CHANGING = {
    "mnist_core.training.loop.TrainingState",
    # Counts while rows are moved.
    "mnist_core.store.moved_rows.Moved",
}


def test_only_what_is_meant_to_change_can_be_changed():
    found = set()
    for module in pkgutil.walk_packages(mnist_core.__path__, "mnist_core."):
        if module.name.endswith("__main__"):
            continue
        kinds = [value for value in vars(importlib.import_module(module.name)).values() if isinstance(value, type)]
        own = [kind for kind in kinds if is_dataclass(kind) and kind.__module__ == module.name]
        found |= {f"{module.name}.{kind.__name__}" for kind in own if not kind.__dataclass_params__.frozen}  # pyright: ignore
    assert found == CHANGING
