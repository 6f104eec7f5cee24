"""A data set that a page can read, kept in memory until its files change."""

from dataclasses import dataclass, replace

import streamlit as st

from mnist_core import environment
from mnist_core.config import RunConfig
from mnist_core.data import DatasetArrays, dataset_file_state, load_arrays
from mnist_core.errors import MnistLabError


@dataclass(frozen=True)
class DatasetSource:
    """A data set that can be read; hashable, so that what is read can be kept."""

    name: str
    folder: str = ""
    size: int = 28
    colour: bool = False
    # of the folder's files: another one once any of them has changed
    state: str = ""

    def config(self) -> RunConfig:
        """The config whose runs learn from it; raises ConfigError for a folder without a path."""
        fields = {"folder": self.folder, "folder_size": self.size, "folder_colour": self.colour}
        return RunConfig.parse({"dataset": self.name} | (fields if self.name == "folder" else {}))


def folder_source(folder: str, size: int, colour: bool) -> DatasetSource:
    """An image folder as it is now: adding, removing or changing an image makes another source of it."""
    source = DatasetSource("folder", folder.strip(), size, colour)
    try:
        return replace(source, state=dataset_file_state(source.config(), environment.data_dir()))
    except MnistLabError:
        # reading it will say what is wrong
        return source


@st.cache_resource(max_entries=2, show_spinner="Reading the images …")
def read_dataset(source: DatasetSource) -> DatasetArrays:
    """The data set as published; raises DataError with the remedy."""
    return load_arrays(source.config(), environment.data_dir())
