"""Trained runs for the tests of the Inspect page, and helpers that read the page."""

import base64
import io
import re
from pathlib import Path

import numpy as np
from PIL import Image
from streamlit.testing.v1 import AppTest

from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store
from tests.labs import trained_run

ROOT = Path(__file__).resolve().parents[2]
SMALL = RunConfig(dataset="mnist-5k", train_images=500, batch_size=16, architecture="softmax")
RUNS = (
    SMALL.replace(epochs=3),
    SMALL.replace(epochs=1, architecture="flatten linear(120) linear(10)"),
    SMALL.replace(epochs=1, architecture="conv(3, 5) relu maxpool(4) conv(4, 3) relu flatten linear(10)"),
)
# Numbers of these runs.
TEMPLATES, LINEAR, CONVOLUTIONAL = 1, 2, 3
BAR = re.compile(r"<span class='[^']*' title='([^']*)'>.*?</i><div>.*?</div><span class='[^']*'>([^<]*)</span>")


def prepare(store: Store) -> None:
    """The trained RUNS."""
    for config in RUNS:
        trained_run(store, config)


def html(at: AppTest, css_class: str) -> str:
    """The one piece of HTML of this class."""
    (content,) = [part.value for part in at.html if f"class='{css_class}'" in part.value]
    return content


def image_shown(at: AppTest) -> tuple[str, int]:
    """Split and index of the image that is shown large, as its caption names them."""
    caption = re.search(r"<figcaption>(\w+) \w+ ([\d,]+)</figcaption>", html(at, "inspected"))
    assert caption
    return caption[1], int(caption[2].replace(",", ""))


def text(at: AppTest) -> str:
    return "\n".join(part.value for part in at.markdown)


def picture(part: str) -> np.ndarray:
    address = re.search(r"<img src='data:image/png;base64,([^']+)'", part)
    assert address
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address[1]))))
