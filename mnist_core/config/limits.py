"""How large a network's text, a run, a folder or an upload may be, whoever asks: a page, a link, a flag or an archive.

Everything is counted before it is written out or built, so a short text cannot ask for much time or memory. The numbers
in ADJUSTABLE suit a laptop; for another machine the environment replaces them, such as `MNIST_LAB_MAX_STEPS=5e8`.
"""

import re

from mnist_core import environment
from mnist_core.errors import ConfigError

# Whole numbers that have no other limit: a browser, JSON and a database hold every one of them exactly.
MAX_WHOLE = 2**53 - 1
# Of an architecture, and of all architectures in `initial_weights` together.
MAX_LETTERS = 4000
MAX_LETTERS_INITIAL = 8000
# Of one network, and of all networks in `initial_weights` together; layers inside of blocks and of repetitions count.
MAX_LAYERS = 1000
MAX_PARAMETERS = 500_000_000
# Of all different networks of a sweep together.
MAX_SWEPT_LAYERS = 20_000
# Blocks, parentheses and repetitions inside of each other.
MAX_NESTING = 16
# Numbers that one layer makes of one image.
MAX_OUTPUT = 50_000_000
# Pixels of a picture in a file, of one with more than 8 bits a value (which takes ten times the memory), and bytes of
# its file. Larger ones than the last two numbers say are decoded one at a time.
MAX_PICTURE_PIXELS = 50_000_000
MAX_DEEP_PIXELS = 12_000_000
MAX_PICTURE_BYTES = 100_000_000
LARGE_PICTURE_PIXELS = 4_000_000
LARGE_PICTURE_BYTES = 5_000_000
# Of an image folder: its classes, its pictures, and bytes of all of them as the network takes them.
MAX_CLASSES = 1000
MAX_FOLDER_PICTURES = 2_000_000
MAX_FOLDER_BYTES = 2_000_000_000
# Of the app: uploads that it holds of one visitor at once, and of all visitors together.
MAX_VISITOR_FILES = 20
MAX_VISITOR_BYTES = 50_000_000
MAX_UPLOADED_BYTES = 500_000_000
# Archives that one visitor may import, and bytes that their files take here. The command line takes more.
MAX_VISITOR_IMPORTS = 100
MAX_VISITOR_IMPORTED_BYTES = 2_000_000_000
# Checkpoints of one run: bytes and number. Beyond them those between the best and the last are thinned.
MAX_CHECKPOINT_BYTES = 1_000_000_000
MAX_CHECKPOINTS = 500
# Of one run, as far as it follows from its network: memory in training and in answering (of so many images at once),
# steps, and bytes of one checkpoint, of which the best, the last and a paused one are always kept.
MAX_RUN_MEMORY = 16_000_000_000
PREDICTION_BATCH = 100
MAX_STEPS = 100_000_000
MAX_CHECKPOINT_OF_RUN = 4_000_000_000
# Of runs that enter the queue together, by a sweep, a study or several seeds: steps, and room for their checkpoints.
MAX_STEPS_TOGETHER = 2_000_000_000
MAX_DISK_TOGETHER = 200_000_000_000

# What the environment may replace; whether each counts bytes follows from its name.
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
)
_UNITS = {None: 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_NUMBER = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?(?:e[0-9]{1,2})?)(?: ?([kmgt]b))?")


def limit_variable(name: str) -> str:
    """The environment's variable that replaces the limit of this name."""
    return f"MNIST_LAB_{name}"


def read_limit(name: str) -> int:
    """The limit of this name in ADJUSTABLE: what the environment says, or else the number above.

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
            f"{text[:60]!r} is no number of at least 1; write for example 5e8, 64000000000 or 64 GB, or unset it",
        )
    return int(value)
