"""The part of a standalone script that reads an image folder by the rule of its run."""

import ast
import inspect
from string import Template
from textwrap import dedent

from mnist_core.config import FIRST_READING_RULE, DataFacts, RunConfig
from mnist_core.data import pictures


def folder_images(config: RunConfig, data: DataFacts | None) -> str:
    """A paragraph that defines `train_images` and `test_images` (uint8) and their labels.

    `data` is what the run recorded; without it, or by rule 1, the folder is read as before there was a record. Where
    pictures have transparency or more than 8 bits a value, the code that read them for the run is repeated.
    """
    facts = None if data is None else data.folder
    if data is None or facts is None or data.rule == FIRST_READING_RULE:
        parts = [_FIRST_READ, _FIRST_LISTING]
    elif facts.transparent or facts.deep:
        parts = [*_definitions("Reading", "decode_picture", "to_pixels"), _READ_SPECIAL, _LISTING]
    else:
        parts = [_READ, _LISTING]
    colour = config.folder_colour
    values = {
        "mode": "RGB" if colour else "L",
        "axes": ".permute(2, 0, 1)" if colour else "[None]",
        "colour": colour,
        "folder": repr(config.folder),
        "size": config.folder_size,
    }
    if data is not None and facts is not None:
        values |= {
            "classes": repr(list(data.classes)),
            "upright": _UPRIGHT if facts.turned else "",
            "depths": repr(facts.depths),
            "behind": repr(facts.behind),
        }
    return Template("\n\n\n".join(parts)).substitute(values)


def _definitions(*wanted: str) -> list[str]:
    """Source of these definitions of `data.pictures` and of all that they use there, in the order of the module."""
    text = inspect.getsource(pictures)
    lines = text.splitlines()
    nodes: dict[str, ast.stmt] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            nodes[node.name] = node
        elif isinstance(node, ast.Assign):
            nodes |= {name.id: node for name in ast.walk(node) if isinstance(name, ast.Name)}
    reached: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        reached.add(name)
        mentioned = {part.id for part in ast.walk(nodes[name]) if isinstance(part, ast.Name)}
        waiting += sorted((mentioned & nodes.keys()) - reached)
    chosen = {id(nodes[name]): nodes[name] for name in reached}
    return [_segment(lines, node).replace("$", "$$") for node in sorted(chosen.values(), key=lambda node: node.lineno)]


def _segment(lines: list[str], node: ast.stmt) -> str:
    """The lines of a definition with its decorators and the comment above it."""
    decorators = getattr(node, "decorator_list", [])
    start = min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1
    while lines[start - 1].startswith("#"):
        start -= 1
    return "\n".join(lines[start : node.end_lineno])


def _text(template: str) -> str:
    return dedent(template).strip("\n")


_FIRST_READ = _text('''
    def read_image(path):
        """One image, stretched to a square of SIZE pixels; what is transparent becomes white."""
        image = Image.open(path, formats=["PNG", "JPEG"])
        if image.width >= 2 * SIZE:
            image.draft("$mode", (SIZE, SIZE))
        if image.mode.startswith("I"):  # 16 bits a pixel
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        elif image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        image = image.convert("$mode")
        if image.size != (SIZE, SIZE):
            image = image.resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        return torch.from_numpy(np.array(image))$axes
''')

_FIRST_LISTING = _text('''
    def read(split):
        """Images and labels of train/ or test/: one folder a class, in the order of their names."""
        images, labels = [], []
        for label, name in enumerate(CLASSES):
            files = [path for path in (FOLDER / split / name).iterdir() if path.is_file() and path.name[0] != "."]
            for path in sorted(path for path in files if path.suffix.lower() in (".png", ".jpg", ".jpeg")):
                images.append(read_image(path))
                labels.append(label)
        return torch.stack(images), torch.tensor(labels)


    FOLDER, SIZE = Path($folder), $size
    CLASSES = sorted(path.name for path in (FOLDER / "train").iterdir() if path.is_dir() and path.name[0] != ".")
    train_images, train_labels = read("train")
    test_images, test_labels = read("test")
''')

_UPRIGHT = "\n    image = ImageOps.exif_transpose(image)  # cameras note which side is up"

_READ = _text('''
    def read_image(path):
        """One image, stretched to a square of SIZE pixels."""
        image = Image.open(path, formats=["PNG", "JPEG"])
        if min(image.size) >= 2 * SIZE:
            image.draft("$mode", (SIZE, SIZE))
        image.load()$upright
        image = image.convert("$mode")
        if image.size != (SIZE, SIZE):
            image = image.resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        return torch.from_numpy(np.array(image))$axes
''')

_READ_SPECIAL = _text('''
    # How deep the run's pictures are, and what it put behind those with transparency.
    READING = Reading(depths=$depths, behind=$behind)


    def read_image(path):
        """One image, stretched to a square of SIZE pixels."""
        with Image.open(path, formats=["PNG", "JPEG"]) as image:
            return torch.from_numpy(to_pixels(decode_picture(image, $colour, square=SIZE), READING).copy())$axes
''')

_LISTING = _text('''
    def read(split):
        """Images and labels of train/ or test/, which hold one folder a class."""
        images, labels = [], []
        # Unicode spells a letter with an accent in two ways; NFC is one of them.
        folders = {normalize("NFC", path.name): path for path in (FOLDER / split).iterdir()}
        for label, name in enumerate(CLASSES):
            files = [path for path in folders[name].iterdir() if path.suffix.lower() in (".png", ".jpg", ".jpeg")]
            files = [path for path in files if path.name[0] != "." and path.is_file()]
            for path in sorted(files, key=lambda path: (normalize("NFC", path.name), path.name)):
                images.append(read_image(path))
                labels.append(label)
        return torch.stack(images), torch.tensor(labels)


    FOLDER, SIZE = Path($folder), $size
    CLASSES = $classes
    train_images, train_labels = read("train")
    test_images, test_labels = read("test")
''')
