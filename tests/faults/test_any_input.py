"""Values, texts and files that nobody would write on purpose: each is accepted, or refused with a MnistLabError.

hypothesis makes them up: the same ones at every run of `make test`, and new ones, for longer, of `make test-all`.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mnist_core.architectures.building import build_network
from mnist_core.architectures.diagram.diagram import architecture_diagram
from mnist_core.architectures.layers import KINDS
from mnist_core.architectures.presets import presets
from mnist_core.architectures.table import describe_architecture
from mnist_core.config.run_config import RunConfig
from mnist_core.data import pictures
from mnist_core.errors import MnistLabError
from mnist_core.export import formats
from mnist_core.export.archive import archive
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from mnist_core.sweeps.axes import SweepAxis, parse_values
from mnist_core.training.checking import check_trainable
from tests.faults.hostile_archives import packed, signed
from tests.labs import trained_run

COMMON: dict[str, Any] = {
    "deadline": None,
    "database": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture],
}
# More characters than any message has.
MOST_LETTERS = 20_000


def quick(examples: int) -> settings:
    return settings(max_examples=examples, derandomize=True, **COMMON)


def long(examples: int) -> settings:
    return settings(max_examples=examples, **COMMON)


def borne(act: Callable[[], object]) -> object:
    """The result of the function, or the text of a MnistLabError; every other error is raised."""
    try:
        return act()
    except MnistLabError as error:
        text = str(error)
    assert 0 < len(text) < MOST_LETTERS
    return text


HALF_SIGNS = st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF, categories=["Cs"])
TEXTS = st.text(max_size=40) | st.text(HALF_SIGNS, max_size=3) | st.sampled_from(["", "inf", "9" * 5000, "a" * 5000])
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.sampled_from([1e308, -(10**400), 2**63, "softmax", "mnist-5k", "folder", "/dev/zero", "../.."])
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2), max_leaves=5
)
CONFIGS = st.dictionaries(st.sampled_from([*RunConfig.model_fields]) | TEXTS, VALUES, max_size=5)

WORDS = st.sampled_from(
    [*KINDS, *presets(), "classes", "tokens", "same", "padding=", "stride=", "bias=false", "->", "×"]
)
NUMBERS = st.integers(-1, 40).map(str) | st.sampled_from(["0.5", "1e9", "1e400", "nan", "9" * 30, "-1"])
PARTS = WORDS | NUMBERS | st.sampled_from(["(", ")", ",", "*", "=", ";", " "]) | st.text(max_size=3)
CALLS = st.builds("{}({})".format, st.sampled_from([*KINDS]), st.lists(NUMBERS, max_size=3).map(", ".join))
LINES = st.lists(CALLS | PARTS, max_size=12).map(" ".join)


def parse_config(values: dict[str, Any]) -> RunConfig:
    config = RunConfig.parse(values)
    check_trainable(config)
    assert RunConfig.model_validate_json(config.model_dump_json()) == config
    assert config.digest()
    return config


def draw_network(text: str) -> object:
    network = describe_architecture(text, (1, 28, 28), 10)
    assert architecture_diagram(network)
    if network.parameters < 20_000:
        built = build_network(text, (1, 28, 28), 10)
        assert sum(parameter.numel() for parameter in built.parameters()) == network.parameters
    return network


def parse_axis(field: str, text: str) -> SweepAxis:
    axis = parse_values(field, text)
    if axis.low is None or axis.count:
        assert len(axis.grid()) <= 1000
    assert axis.text()
    return axis


@quick(300)
@given(CONFIGS)
def test_settings(values: dict[str, Any]) -> None:
    borne(lambda: parse_config(values))


@quick(400)
@given(LINES)
def test_networks(text: str) -> None:
    borne(lambda: draw_network(text))


AXES = st.lists(NUMBERS | TEXTS | st.sampled_from(["..", ",", ";", " log ", " linear ", "\n"]), max_size=6).map("".join)


@quick(200)
@given(st.sampled_from([*RunConfig.model_fields, "width", "dropout"]) | TEXTS, AXES)
def test_axes(field: str, text: str) -> None:
    borne(lambda: parse_axis(field, text))


@pytest.mark.long
@long(5_000)
@given(CONFIGS)
def test_settings_for_long(values: dict[str, Any]) -> None:
    borne(lambda: parse_config(values))


@pytest.mark.long
@long(5_000)
@given(LINES)
def test_networks_for_long(text: str) -> None:
    borne(lambda: draw_network(text))


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of a run of one epoch."""
    folder = tmp_path_factory.mktemp("away")
    store = Store.open(folder / "results")
    small = RunConfig(dataset="mnist-5k", train_images=100, epochs=1, architecture="flatten linear(classes)")
    run = trained_run(store, small)
    formats.write_export(store, run, "zip", folder / "run.zip")
    return folder / "run.zip"


def picture(form: str, **how: Any) -> bytes:
    content = io.BytesIO()
    Image.linear_gradient("L").resize((9, 7)).convert(how.pop("mode", "L")).save(content, form, **how)
    return content.getvalue()


PICTURES = [
    picture("PNG"),
    picture("JPEG"),
    picture("PNG", mode="1"),
    picture("PNG", mode="P"),
    picture("PNG", mode="LA"),
    picture("PNG", mode="I;16"),
    picture("JPEG", mode="CMYK"),
]
CHANGES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=4)


def changed(content: bytes, changes: list[tuple[float, int]], length: float) -> bytes:
    """The first bytes of the content, up to this share of its length, with some of them replaced."""
    altered = bytearray(content[: int(length * len(content)) + 1])
    for position, value in changes:
        altered[int(position * len(altered))] = value
    return bytes(altered)


@quick(300)
@given(st.sampled_from(PICTURES), CHANGES, st.sampled_from([0.0, 0.3, 0.9, 1.0]) | st.floats(0, 1), st.booleans())
def test_pictures(content: bytes, changes: list[tuple[float, int]], length: float, colour: bool) -> None:
    try:
        pixels = pictures.single_picture_pixels(
            pictures.open_picture(changed(content, changes, length)), colour, square=28
        )
    except pictures.UNREADABLE:
        return
    assert pixels.shape[:2] == (28, 28)


@quick(20)
@given(st.integers(0, 5), CHANGES, st.booleans(), st.booleans())
def test_archives_whose_bytes_are_others(
    away: Path,
    tmp_path_factory: pytest.TempPathFactory,
    which: int,
    changes: list[tuple[float, int]],
    ends: bool,
    whole: bool,
) -> None:
    """Change bytes of the zip's directory, or of one member whose hash in the manifest is made to fit."""
    folder = tmp_path_factory.mktemp("in")
    with zipfile.ZipFile(away) as opened:
        members = {info.filename: opened.read(info) for info in opened.infolist()}
        directory = opened.start_dir
    if whole:
        content = away.read_bytes()
        (folder / "x.zip").write_bytes(content[:directory] + changed(content[directory:], changes, 1.0))
    else:
        name = sorted(members)[which % len(members)]
        content = members[name]
        head = min(3000, len(content))
        part = content[:-head] + changed(content[-head:], changes, 1.0) if ends else b""
        packed(
            signed(members, **{name: part or changed(content[:head], changes, 1.0) + content[head:]}), folder / "x.zip"
        )
    store = Store.open(folder / "lab")
    taken = borne(lambda: archive.read_archive(store, folder / "x.zip"))
    assert len(store.runs()) == isinstance(taken, Run)
    assert isinstance(taken, Run) or not [path for path in store.root.iterdir() if not path.name.startswith("runs.db")]


@quick(60)
@given(st.sampled_from(["run.json", "config.json", "manifest.json"]), st.data())
def test_archives(away: Path, tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("in")
    with zipfile.ZipFile(away) as whole:
        members = {info.filename: whole.read(info) for info in whole.infolist()}
    values = json.loads(members[name])
    values[data.draw(st.sampled_from([*values]) | TEXTS)] = data.draw(VALUES)
    members[name] = json.dumps(values, default=str).encode("utf-8", "surrogatepass")
    if name != "manifest.json":
        manifest = json.loads(members["manifest.json"])
        manifest["members"][name] = {"sha256": hashlib.sha256(members[name]).hexdigest(), "size": len(members[name])}
        members["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(folder / "x.zip", "w") as changed_zip:
        for member, content in members.items():
            changed_zip.writestr(member, content)
    store = Store.open(folder / "lab")
    taken = borne(lambda: archive.read_archive(store, folder / "x.zip"))
    assert len(store.runs()) == isinstance(taken, Run)
    assert isinstance(taken, Run) or not [path for path in store.root.iterdir() if not path.name.startswith("runs.db")]
