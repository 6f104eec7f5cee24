"""Digits of mnist-5k, which is part of the installation, for pages that show what networks look at."""

import numpy as np
import streamlit as st

from mnist_core import environment
from mnist_core.config import RunConfig
from mnist_core.data import load_arrays
from mnist_core.errors import MnistLabError


@st.cache_data(show_spinner=False)
def sample_digits() -> list[np.ndarray]:
    """The first training image of each class, bright on dark: uint8 (28, 28); none if the file is damaged."""
    try:
        data = load_arrays(RunConfig(dataset="mnist-5k"), environment.data_dir())
    except MnistLabError:
        return []
    return [data.train_images[data.train_labels == label][0, 0] for label in range(len(data.classes))]
