"""Controlled comparison: a second run from the same start and over the same batches, with one field changed."""

from dataclasses import dataclass
from typing import Any, Literal

from mnist_core.analysis.comparison import value_text
from mnist_core.architectures import describe_architecture, extend_initial_weights
from mnist_core.config import AUGMENTATIONS, NOT_STUDIED, SCHEDULES, FieldInfo, RunConfig, list_config_fields
from mnist_core.data import input_shape, input_shape_and_classes
from mnist_core.errors import ConfigError, MnistLabError
from mnist_core.store import Run
from mnist_core.text import fitted
from mnist_core.training import check_trainable

Sameness = Literal["yes", "partly", "no"]

# A name lists at most this many changed layers.
_MOST_NAMED_LAYERS = 3
_IMAGES = ("dataset", "folder", "folder_size", "folder_colour")
# These fields decide how many images there are to learn from.
_COUNT = ("train_images", "validation_images", "choose_on")
# Settings of scikit-learn's estimators; LogisticRegression has no batches, MLPClassifier no solver.
_SKLEARN = (
    "dataset",
    "folder",
    "folder_size",
    "folder_colour",
    *_COUNT,
    "split_seed",
    "normalise",
    "standardise",
    "architecture",
    "library",
    "tolerance",
    "epochs",
)
_LOGISTIC = ("solver", "inverse_regularisation")
_PERCEPTRON = ("optimizer", "learning_rate", "momentum", "nesterov", "batch_size", "weight_decay")


@dataclass(frozen=True)
class SharedCondition:
    """One thing that two runs may have in common, whether they have, and why."""

    what: str
    equal: Sameness
    why: str


def with_one_change(before: Run | RunConfig, field: str, value: Any) -> RunConfig:
    """The config of a second run that differs from `before` in this field alone, and starts as it did.

    The same seed gives the same initial weights and order of images. Another architecture would draw other weights,
    so it takes those over that fit (`initial_weights`). Raises ConfigError where the field or value will not do.
    """
    config = _config(before)
    if field == "seed":
        raise ConfigError(field, "another seed changes everything; train several seeds of both networks instead")
    if field not in {changeable.name for changeable in changeable_fields(config)}:
        raise ConfigError(field, "has no effect in this run, or cannot be changed by itself; choose another field")
    changes = {field: value}
    if field == "architecture" and config.library == "torch":
        changes["initial_weights"] = extend_initial_weights(config.initial_weights, config.architecture)
    changed = config.replace(**changes)
    if getattr(changed, field) == getattr(config, field):
        raise ConfigError(field, f"is {value_text(getattr(config, field))} already; choose another value")
    check_trainable(changed)
    return changed


def changeable_fields(before: Run | RunConfig) -> list[FieldInfo]:
    """The fields that can be changed by themselves and matter in this run, in the order of declaration."""
    config = _config(before)
    values = config.model_dump()
    changeable = [
        field
        for field in list_config_fields()
        if field.group != "Origin" and field.name not in ("seed", *NOT_STUDIED) and field.matters(values)
    ]
    # The weights of a checkpoint fit only the same network and images of the same shape.
    if config.continue_from:
        changeable = [field for field in changeable if field.name not in ("architecture", "library", *_IMAGES)]
    if config.library == "sklearn":
        usable = (*_SKLEARN, *(_PERCEPTRON if _hidden(config) else _LOGISTIC))
        changeable = [field for field in changeable if field.name in usable]
    return changeable


def name_of_change(before: Run, after: RunConfig, field: str) -> str:
    """A name that says the change: "mlp-300, learning rate 0.01 instead of 0.001"."""
    old, new = getattr(before.config, field), getattr(after, field)
    if field == "architecture":
        return f"{before.name}, {_layers_changed(before.config, after)}"
    label = next(info.label for info in list_config_fields() if info.name == field)
    return f"{before.name}, {label[:1].lower()}{label[1:]} {value_text(new)} instead of {value_text(old)}"


def shared_conditions(before: Run | RunConfig, after: RunConfig, field: str) -> list[SharedCondition]:
    """What both runs have in common: initial weights, order of the batches, and random draws where there are any."""
    config = _config(before)
    conditions = [_weights(config, after, field), _batches(config, after, field)]
    if _draws(config) or _draws(after):
        conditions.append(_chance(config, after, field))
    if field == "epochs" and SCHEDULES[config.schedule].spread:
        why = f"The schedule {config.schedule} is spread over all epochs, so the learning rate falls at another pace."
        conditions.append(SharedCondition("Learning rate", "no", why))
    return conditions


def _weights(config: RunConfig, after: RunConfig, field: str) -> SharedCondition:
    what = "Initial weights"
    if config.continue_from:
        return SharedCondition(what, "yes", "Both start from the same checkpoint.")
    if "sklearn" in (config.library, after.library):
        if field in ("library", "architecture"):
            return SharedCondition(what, "no", "scikit-learn draws its own initial weights, in another way.")
        return SharedCondition(what, "yes", "scikit-learn draws the same ones from the same seed.")
    if field == "architecture":
        return SharedCondition(what, "partly", "Layers of the same kind and shape start from the same values.")
    if field in _IMAGES and _shape(config) != _shape(after):
        return SharedCondition(what, "no", "Images of another size, or other classes, need layers of another shape.")
    return SharedCondition(what, "yes", "The same seed draws the same values.")


def _batches(config: RunConfig, after: RunConfig, field: str) -> SharedCondition:
    what = "Order of the batches"
    if field == "library":
        return SharedCondition(what, "no", "scikit-learn shuffles the images in its own way.")
    if field == "batch_size":
        return SharedCondition(
            what, "partly", "The same order of images, cut into batches of another size: a different number of steps."
        )
    if field in _COUNT:
        return SharedCondition(what, "no", "Another number of training images is shuffled into another order.")
    if field in (*_IMAGES, "split_seed"):
        return SharedCondition(what, "no", "The batches hold other images.")
    if field == "epochs":
        return SharedCondition(what, "yes", "Each epoch that both train has the same images in the same order.")
    return SharedCondition(what, "yes", "Every step learns from the same images.")


def _chance(config: RunConfig, after: RunConfig, field: str) -> SharedCondition:
    what = "Dropout and augmentation"
    changes_draws = field in (*AUGMENTATIONS, *_IMAGES, *_COUNT, "batch_size", "precision")
    if field == "architecture":
        if "dropout" in _kinds(config) + _kinds(after):
            return SharedCondition(what, "no", "Dropout draws other numbers in another network.")
    elif changes_draws:
        return SharedCondition(what, "no", "All random draws come one after another, and this change needs other ones.")
    return SharedCondition(what, "yes", "The same random numbers are drawn.")


def _layers_changed(config: RunConfig, after: RunConfig) -> str:
    """What was put in or left out, in a few words; the names where that is too much."""
    old, new = (
        [layer.call for layer in describe_architecture(version.architecture, *input_shape_and_classes(version)).layers]
        for version in (config, after)
    )
    before = _equal_ahead(old, new)
    behind = _equal_ahead(old[before:][::-1], new[before:][::-1])
    gone, come = (calls[before : len(calls) - behind] for calls in (old, new))
    if 0 < max(len(gone), len(come)) <= _MOST_NAMED_LAYERS:
        out, into = " ".join(gone), " ".join(come)
        return f"{into} instead of {out}" if out and into else f"with {into}" if into else f"without {out}"
    return " instead of ".join(fitted(version.architecture, 40) for version in (after, config))


def _equal_ahead(first: list[str], second: list[str]) -> int:
    """How many texts at the beginning are the same in both."""
    return next(
        (index for index, (a, b) in enumerate(zip(first, second, strict=False)) if a != b),
        min(len(first), len(second)),
    )


def _draws(config: RunConfig) -> bool:
    augmented = any(getattr(config, name) for name in AUGMENTATIONS)
    return config.library == "torch" and (augmented or "dropout" in _kinds(config))


def _kinds(config: RunConfig) -> list[str]:
    # The kinds do not depend on the number of classes, which an image folder that is gone cannot tell.
    return [layer.name for layer in describe_architecture(config.architecture, input_shape(config), 10).layers]


def _hidden(config: RunConfig) -> bool:
    return _kinds(config).count("linear") > 1


def _shape(config: RunConfig) -> Any:
    try:
        return input_shape_and_classes(config)
    except MnistLabError:
        # The image folder does not exist any more.
        return None


def _config(before: Run | RunConfig) -> RunConfig:
    return before if isinstance(before, RunConfig) else before.config
