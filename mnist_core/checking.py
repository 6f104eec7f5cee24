"""Whether a config can be trained, asked before it is queued: by the pages, the command line, the API and sweeps."""

from mnist_core.architectures import Architecture, describe
from mnist_core.architectures.inheriting import check_initial
from mnist_core.config import RunConfig
from mnist_core.data.catalogue import shape_of


def check(config: RunConfig) -> Architecture:
    """The network that the config names. Raises ArchitectureError or DataError with the remedy; builds nothing."""
    shape, classes = shape_of(config)
    check_initial(config.initial_weights, shape, classes)
    return describe(config.architecture, shape, classes)
