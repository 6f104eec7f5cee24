"""A data set that a page reads; it is kept in memory until its files change."""

from dataclasses import dataclass, replace

import streamlit as st

from mnist_core import environment
from mnist_core.config import RunConfig
from mnist_core.data import DatasetArrays, dataset_file_state, load_arrays
from mnist_core.errors import MnistLabError


@dataclass(frozen=True)
class DatasetSource:
    """A data set to be read; hashable, so that its images can be cached."""

    name: str
    folder: str = ""
    size: int = 28
    colour: bool = False
    # State of the folder's files; it changes when any of them does.
    state: str = ""

    def config(self) -> RunConfig:
        """A config with this data set; raises ConfigError for a folder without a path."""
        fields = {"folder": self.folder, "folder_size": self.size, "folder_colour": self.colour}
        return RunConfig.parse({"dataset": self.name} | (fields if self.name == "folder" else {}))


def folder_source(folder: str, size: int, colour: bool) -> DatasetSource:
    """An image folder as it is now: after adding, removing or changing an image it is another source."""
    source = DatasetSource("folder", folder.strip(), size, colour)
    try:
        return replace(source, state=dataset_file_state(source.config(), environment.data_dir()))
    except MnistLabError:
        # Reading the folder will raise the same error, with the remedy.
        return source


@st.cache_resource(max_entries=2, show_spinner="Reading the images …")
def read_dataset(source: DatasetSource) -> DatasetArrays:
    """The data set as published; raises DataError with the remedy."""
    return load_arrays(source.config(), environment.data_dir())
