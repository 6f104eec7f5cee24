"""What is handed from room to room cannot be changed on the way: dataclasses are frozen."""

import dataclasses
import importlib
import pkgutil

import mnist_core

# What changes while it lives.
CHANGING = {"TrainingState", "Moved"}


def test_every_dataclass_is_frozen_unless_it_lives_by_changing():
    kinds = {
        kind.__name__: kind
        for module in pkgutil.walk_packages(mnist_core.__path__, "mnist_core.")
        if not module.name.endswith("__main__")
        for kind in vars(importlib.import_module(module.name)).values()
        if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind.__module__ == module.name
    }
    assert len(kinds) > 60
    assert {name for name, kind in kinds.items() if not vars(kind)["__dataclass_params__"].frozen} == CHANGING
