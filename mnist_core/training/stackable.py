"""Whether seeds of a config can be trained stacked, told from its settings and its network's text without torch."""

from collections.abc import Iterator

from mnist_core.architectures import Shape, architecture_line, flatten_nodes, infer_nodes
from mnist_core.config import AUGMENTATIONS, OPTIMIZERS, RunConfig
from mnist_core.data import input_shape_and_classes
from mnist_core.errors import ConfigError, MnistLabError
from mnist_core.training.needs import network_sizes

# Stacking saves what surrounds small products. From about here on the products themselves take the time, and a seed is
# trained as fast alone.
MOST_PARAMETERS = 40_000
# Seeds that are trained at once, at most: more of them no longer fit the caches and take longer each.
SEEDS_AT_ONCE = 20
# Names of the layers whose gradients are written out for stacked weights.
_LAYERS = ("flatten", "linear", "relu", "leakyrelu", "tanh", "sigmoid")
_ALONE = "or train the seeds one by one"


def why_not_stacked(config: RunConfig, shape: Shape, classes: int) -> str:
    """Why seeds of this config cannot be trained stacked on images (C, H, W): a sentence with the remedy.

    "" if they can. Builds nothing. Raises ArchitectureError if there is no such network.
    """
    obstacle = next(_obstacles(config, shape, classes), None)
    return "" if obstacle is None else str(obstacle)


def is_stackable(config: RunConfig) -> bool:
    """Whether seeds of this config can be trained stacked, as far as its settings tell; False if it has no images."""
    try:
        shape, classes = input_shape_and_classes(config)
        return not why_not_stacked(config, shape, classes)
    except MnistLabError:
        return False


def check_stackable(config: RunConfig, shape: Shape, classes: int) -> None:
    """Raise ConfigError with the sentence of `why_not_stacked` if there is one. Raises ArchitectureError."""
    for obstacle in _obstacles(config, shape, classes):
        raise obstacle


def _obstacles(config: RunConfig, shape: Shape, classes: int) -> Iterator[ConfigError]:
    yield from _obstacles_of_settings(config)
    nodes = flatten_nodes(infer_nodes(architecture_line(config.architecture), shape, classes))
    names = [node.kind.name for node, _, _ in nodes]
    if "dropout" in names:
        yield ConfigError("architecture", f"dropout draws random numbers for each seed alone; leave it out, {_ALONE}")
    if others := [name for name in dict.fromkeys(names) if name not in _LAYERS]:
        yield ConfigError(
            "architecture", f"{', '.join(others)} cannot be stacked; use only {', '.join(_LAYERS)}, {_ALONE}"
        )
    if "linear" not in names:
        yield ConfigError("architecture", f"nothing in it learns; end with linear({classes}), {_ALONE}")
    parameters = network_sizes(config.architecture, shape, classes).parameters
    if parameters > MOST_PARAMETERS:
        yield ConfigError(
            "architecture",
            f"{parameters:,} parameters are too many for stacking to be faster; use at most {MOST_PARAMETERS:,}, "
            f"{_ALONE}",
        )


def _obstacles_of_settings(config: RunConfig) -> Iterator[ConfigError]:
    if config.library != "torch":
        yield ConfigError("library", f"{config.library} fits one seed at a time; choose torch, {_ALONE}")
    if config.device not in ("auto", "cpu"):
        yield ConfigError("device", f"seeds are stacked on the processor only; choose cpu, {_ALONE}")
    if config.precision != "float32":
        yield ConfigError("precision", f"stacked weights are computed in float32 only; choose float32, {_ALONE}")
    if any(part.updates != "all" for part in OPTIMIZERS[config.optimizer].parts):
        yield ConfigError(
            "optimizer",
            f"{config.optimizer} changes a matrix as a whole, not number by number; choose another, {_ALONE}",
        )
    for name in AUGMENTATIONS:
        if getattr(config, name):
            yield ConfigError(name, f"images changed at random are drawn for each seed alone; leave it out, {_ALONE}")
    if config.early_stopping:
        yield ConfigError("early_stopping", f"stacked seeds end together; set it to 0, {_ALONE}")
    if config.continue_from:
        yield ConfigError("continue_from", f"stacked seeds start with fresh weights; leave it empty, {_ALONE}")
