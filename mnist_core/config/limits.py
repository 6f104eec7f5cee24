"""Limits on networks, runs, folders and uploads, whether they come from a page, a link, a flag or an archive.

Everything is counted before it is expanded or built, so a short text cannot demand much time or memory. The limits in
ADJUSTABLE_LIMITS suit a laptop; environment variables replace them, such as `MNIST_LAB_MAX_STEPS=5e8`.
"""

import re

from mnist_core import environment
from mnist_core.errors import ConfigError

# For whole numbers without another limit: browsers, JSON and databases hold integers up to this one exactly.
MAX_WHOLE = 2**53 - 1
# Characters of one architecture, and of all architectures in `initial_weights` together.
MAX_LETTERS = 4000
MAX_LETTERS_INITIAL = 8000
# For one network, and for all networks in `initial_weights` together. Layers inside blocks and repetitions count.
MAX_LAYERS = 1000
MAX_PARAMETERS = 500_000_000
# Layers of all different networks of a sweep together.
MAX_SWEPT_LAYERS = 20_000
# Levels of blocks, parentheses and repetitions inside each other.
MAX_NESTING = 16
# Numbers in the output of one layer for one image.
MAX_OUTPUT = 50_000_000
# For picture files: pixels, pixels of a picture with more than 8 bits a value (which takes ten times the memory), and
# bytes of the file. Pictures above the two LARGE_PICTURE numbers are decoded one at a time.
MAX_PICTURE_PIXELS = 50_000_000
MAX_DEEP_PIXELS = 12_000_000
MAX_PICTURE_BYTES = 100_000_000
LARGE_PICTURE_PIXELS = 4_000_000
LARGE_PICTURE_BYTES = 5_000_000
# For an image folder: classes, pictures, and bytes of all pictures at the size that the network takes.
MAX_CLASSES = 1000
MAX_FOLDER_PICTURES = 2_000_000
MAX_FOLDER_BYTES = 2_000_000_000
# For the app: uploads held at once for one visitor (files, bytes), and for all visitors together (bytes).
MAX_VISITOR_FILES = 20
MAX_VISITOR_BYTES = 50_000_000
MAX_UPLOADED_BYTES = 500_000_000
# Archives that may be imported from one address within an hour, and bytes of their unpacked files. The command line
# has no such limit.
MAX_VISITOR_IMPORTS = 100
MAX_VISITOR_IMPORTED_BYTES = 2_000_000_000
# Checkpoints of one run: bytes and number. Above either, checkpoints between the best and the last are removed.
MAX_CHECKPOINT_BYTES = 1_000_000_000
MAX_CHECKPOINTS = 500
# For one run, estimated from its network: memory in training and in prediction (of PREDICTION_BATCH images at once),
# steps, and bytes of one checkpoint. The best, the last and a paused checkpoint are always kept.
MAX_RUN_MEMORY = 16_000_000_000
PREDICTION_BATCH = 100
MAX_STEPS = 100_000_000
MAX_CHECKPOINT_OF_RUN = 4_000_000_000
# Of one run, counted from the first epoch of the run that it continues.
MAX_EPOCHS = 10_000
# For runs queued together by a sweep, a study or several seeds: steps, and bytes of their checkpoints.
MAX_STEPS_TOGETHER = 2_000_000_000
MAX_DISK_TOGETHER = 200_000_000_000
# Runs that wait at once, whoever has queued them.
MAX_QUEUED = 10_000

# Limits that an environment variable may replace.
ADJUSTABLE_LIMITS = (
    "MAX_PARAMETERS",
    "MAX_OUTPUT",
    "MAX_CLASSES",
    "MAX_FOLDER_PICTURES",
    "MAX_FOLDER_BYTES",
    "MAX_VISITOR_FILES",
    "MAX_VISITOR_BYTES",
    "MAX_UPLOADED_BYTES",
    "MAX_VISITOR_IMPORTS",
    "MAX_VISITOR_IMPORTED_BYTES",
    "MAX_CHECKPOINT_BYTES",
    "MAX_CHECKPOINTS",
    "MAX_RUN_MEMORY",
    "MAX_STEPS",
    "MAX_CHECKPOINT_OF_RUN",
    "MAX_STEPS_TOGETHER",
    "MAX_DISK_TOGETHER",
    "MAX_QUEUED",
)
_UNITS = {None: 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_NUMBER = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?(?:e[0-9]{1,2})?)(?: ?([kmgt]b))?")


def limit_variable(name: str) -> str:
    """Name of the environment variable that replaces this limit."""
    return f"MNIST_LAB_{name}"


def read_limit(name: str) -> int:
    """Value of a limit in ADJUSTABLE_LIMITS: from the environment if set there, otherwise from this module.

    Raises ConfigError that names the variable if it holds no number of at least 1.
    """
    text = environment.replaced_limit(limit_variable(name))
    if not text:
        return globals()[name]
    match = _NUMBER.fullmatch(text.lower())
    value = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not 1 <= value <= MAX_WHOLE:
        raise ConfigError(
            limit_variable(name),
            f"{text[:60]!r} is not a number of at least 1; write for example 5e8, 64000000000 or 64 GB, or unset it",
        )
    return int(value)
