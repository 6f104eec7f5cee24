"""The shape of a config's images and the number of their classes, before any image is read."""

from mnist_core.config import RunConfig, dataset
from mnist_core.data.folder_layout import folder_class_names


def input_shape_and_classes(config: RunConfig) -> tuple[tuple[int, int, int], int]:
    """Shape (channels, height, width) of an image and the number of classes, without reading an image.

    Lists the class directories of a `folder`; raises DataError if there are none.
    """
    names = folder_class_names(config.folder) if config.dataset == "folder" else dataset(config.dataset).classes
    return input_shape(config), len(names)


def input_shape(config: RunConfig) -> tuple[int, int, int]:
    """Shape (channels, height, width) of an image, whether its folder is there or not."""
    if config.dataset == "folder":
        return 3 if config.folder_colour else 1, config.folder_size, config.folder_size
    return dataset(config.dataset).shape
