"""What CONTRIBUTING says is carried out in a copy of the project, and the project's own tests pass with it."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import indent

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text()
PRESET, TEST, *EXAMPLES = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
# What each further example adds, its file, and the entry before which it goes, somewhere in the middle of the list.
PLACES = {
    "optimizer": ("mnist_core/config/optimizers.py", '            OptimizerKind(name="adam",'),
    "data set": ("mnist_core/config/dataset_catalogue.py", '            Dataset(\n                name="kmnist"'),
    "kind of layer": ("mnist_core/architectures/layers/activation.py", "GELU = "),
    "setting of an augmentation": ("mnist_core/config/run_config.py", "    rotate: float = _field("),
    "augmentation": (
        "mnist_core/data/augmentation.py",
        '            Augmentation(\n                field="elastic"',
    ),
    "corruption": ("mnist_core/analysis/robustness.py", '    Corruption(\n        name="Scale"'),
    "section of Compare": ("dashboard/compare/sections.py", '    "Cost": Section('),
}
ENTRIES = dict(zip(PLACES, EXAMPLES, strict=True))
# What the table counts as one, of several examples.
ROWS = {what: [what] for what in PLACES if "setting" not in what} | {
    "augmentation": ["setting of an augmentation", "augmentation"]
}
# Documents that are made from the entries, and the modules that print them.
DOCUMENTS = {
    "docs/settings.md": "mnist_core.commands.settings_reference",
    "docs/architectures.md": "mnist_core.architectures.layer_reference",
}
# Files for the copy: trains with the new optimizer and the new layer, takes the run away, and brings it back.
TRAIN = """
import sys
from pathlib import Path

from mnist_core.config import RunConfig
from mnist_core.export.archive.archive import read_archive
from mnist_core.export.formats import write_export
from mnist_core.export.script.script import script_of_run
from mnist_core.jobs.worker import work
from mnist_core.store import Store

store = Store.open()
config = RunConfig(
    dataset="mnist-5k",
    architecture="flatten linear(20) softplus linear(classes)",
    optimizer="nadam",
    train_images=200,
    noise=0.25,
    epochs=1,
)
run = store.enqueue(config, claimed=True)
for _ in work(store, run):
    pass
run = store.run(run.id)
assert run.state == "finished", run.note
Path("alone.py").write_text(script_of_run(store, run))
write_export(store, run, "zip", Path("run.zip"))
elsewhere = Store.open(Path("elsewhere"))
assert read_archive(elsewhere, Path("run.zip")).config == config
"""
FOLLOWS = """
import numpy as np
import pytest

from mnist_core.commands.cli import app
from mnist_core.config.run_config import RunConfig
from mnist_core.data.download.availability import dataset_status
from mnist_core.data.sources import load_arrays
from mnist_core.export.script.script import script_of_config
from mnist_core.store.store import Store
from tests.app.pages import opened, texts
from tests.blank_files import write_blank_files
from typer.testing import CliRunner


@pytest.mark.usefixtures("quiet")
def test_the_form_offers_the_entries(store):
    at = opened("train")
    assert {"nadam", "qmnist"} <= {option for box in at.selectbox for option in box.options}
    assert "Noise (fraction)" in [number.label for number in at.number_input]


@pytest.mark.usefixtures("quiet")
def test_the_section_shows_what_it_is_about(store):
    run = store.enqueue(RunConfig(seed=7))
    at = opened("compare", runs=[str(run.number)], look="Seeds")
    assert "Which seed each run began with." in texts(at)
    assert at.table[0].value.to_numpy().ravel().tolist()[-1] == 7


def test_the_help_of_a_command_names_the_entries():
    text = CliRunner().invoke(app, ["train", "--help"], terminal_width=200).output
    assert "nadam" in text
    assert "qmnist" in text


def test_the_files_of_the_data_set_are_read_as_its_script_reads_them(tmp_path):
    write_blank_files("qmnist", tmp_path)
    for split in ("train", "test"):
        with (tmp_path / f"QMNIST/raw/qmnist-{split}-labels-idx2-int").open("r+b") as stream:
            # The second image shows a three; what else is known of it does not matter.
            stream.seek(12 + 32 + 3)
            stream.write(bytes([3, 0, 0, 0, 9]))
    assert dataset_status("qmnist", tmp_path).state == "ready"
    line = "flatten linear(5) softplus linear(classes)"
    config = RunConfig(dataset="qmnist", validation_images=0, optimizer="nadam", architecture=line)
    arrays = load_arrays(config, tmp_path)
    assert arrays.train_images.shape == arrays.test_images.shape == (60_000, 1, 28, 28)
    script = script_of_config(config)
    assert "nn.Softplus()" in script
    assert "optim.NAdam(" in script
    beginning = script[: script.index("\\nMEAN")].replace("DATA = ", f"DATA = Path({str(tmp_path)!r})  # ")
    names = {}
    exec(beginning, names)
    for split in ("train", "test"):
        labels = getattr(arrays, f"{split}_labels")
        assert labels[:3].tolist() == [0, 3, 0]
        assert np.array_equal(names[f"{split}_labels"].numpy(), labels)
        assert np.array_equal(names[f"{split}_images"].numpy(), getattr(arrays, f"{split}_images"))
"""
DRAWS = """
import hashlib
import numpy as np
from mnist_core.analysis.robustness import CORRUPTIONS, corrupt

images = np.random.default_rng(0).integers(0, 256, (4, 1, 28, 28), dtype=np.uint8)
for kind in CORRUPTIONS:
    print(kind.name, hashlib.sha256(corrupt(images, kind, 3).tobytes()).hexdigest())
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project's files without its history, results, virtual environment and what a running app writes."""
    target = tmp_path / "copy"
    for folder in (".streamlit", "mnist_core", "dashboard", "pages", "benchmarks", "tests", "docs"):
        shutil.copytree(
            ROOT / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__", "images", "static", ".*")
        )
    for file in ROOT.iterdir():
        if file.is_file() and not file.name.startswith("."):
            shutil.copy(file, target)
    return target


def run(copy: Path, *arguments: str) -> str:
    """What a Python in the copy prints; its results lie in the copy."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MNIST_LAB_RESULTS": str(copy / "results"), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def passed(copy: Path, *arguments: str) -> int:
    """How many of these tests pass in the copy; none may fail."""
    output = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments)
    return int(re.findall(r"(\d+) passed", output)[0])


def entry_and_next(what: str) -> tuple[str, str]:
    """An example as it stands in its list, indented and ended like its neighbours, and the entry that follows it."""
    before = PLACES[what][1]
    depth = before[: len(before) - len(before.lstrip())]
    end = "\n" if "setting" in what else ",\n" if depth else "\n\n"
    return indent(ENTRIES[what].rstrip(), depth) + end, before


def add_entries(copy: Path) -> None:
    for what, (file, _) in PLACES.items():
        entry, before = entry_and_next(what)
        text = (copy / file).read_text()
        assert text.count(before) == 1, what
        (copy / file).write_text(text.replace(before, entry + before))


def remove_entries(copy: Path) -> None:
    for what, (file, _) in PLACES.items():
        text = (copy / file).read_text()
        (copy / file).write_text(text.replace(entry_and_next(what)[0], ""))


def write_documents(copy: Path) -> None:
    for document, module in DOCUMENTS.items():
        (copy / document).write_text(run(copy, "-m", module))


def digests(copy: Path) -> dict[str, str]:
    """SHA-256 of every file that belongs to the project."""
    files = [path for path in sorted(copy.rglob("*")) if path.is_file() and "results" not in path.parts]
    return {path.relative_to(copy).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("what", ROWS)
def test_an_entry_is_as_long_as_the_table_says(what: str) -> None:
    row = next(line for line in GUIDE.splitlines() if line.startswith(f"| {what}"))
    files, lines = len(ROWS[what]), sum(len(ENTRIES[part].splitlines()) for part in ROWS[what])
    assert row.split("|")[2].strip() == f"{files} file{'s' * (files > 1)}, {lines} line{'s' * (lines > 1)}"


def test_the_preset_of_the_guide_passes_the_tests_that_find_it(copy: Path) -> None:
    (copy / "mnist_core" / "architectures" / "presets" / "wide.py").write_text(PRESET)
    (copy / "tests" / "unit" / "test_wide.py").write_text(TEST)
    reference = run(copy, "-m", "mnist_core.architectures.layer_reference")
    assert "`wide-and-shallow`" in reference
    (copy / "docs" / "architectures.md").write_text(reference)
    tests = ("tests/unit/test_wide.py", "tests/registry/test_presets.py", "tests/registry/test_architecture_docs.py")
    assert passed(copy, *tests, "-k", "wide or docs") > 5


@pytest.mark.long
def test_everything_follows_from_the_entries_of_the_guide_and_goes_with_them(copy: Path) -> None:
    before, draws = digests(copy), run(copy, "-c", DRAWS).splitlines()
    add_entries(copy)
    write_documents(copy)
    changed = {file for file, digest in digests(copy).items() if digest != before[file]}
    assert changed == {*DOCUMENTS, *(file for file, _ in PLACES.values())}
    settings, layers = ((copy / document).read_text() for document in DOCUMENTS)
    assert "`nadam`" in settings
    assert "`qmnist`" in settings
    assert "`noise`" in settings
    assert "### `softplus`" in layers
    with_another = run(copy, "-c", DRAWS).splitlines()
    assert [line for line in with_another if not line.startswith("Brightness ")] == draws
    assert with_another.index(next(line for line in with_another if line.startswith("Brightness "))) == 2
    (copy / "tests" / "app" / "test_follows.py").write_text(FOLLOWS)
    assert passed(copy, "tests/app/test_follows.py") == 4
    quick = [f"tests/registry/test_{name}.py" for name in ("architecture_docs", "extension_points", "documents")]
    assert passed(copy, *quick, "-k", "not links and not files and not inside") > 50
    kinds = ("analysis/test_robustness", "architectures/test_architecture_shapes", "data/test_data_fallback")
    assert passed(copy, *(f"tests/unit/{name}.py" for name in kinds), "-m", "not mnist") > 50
    assert passed(copy, "tests/app/test_compare_page.py", "-k", "Seeds") == 1
    remove_entries(copy)
    write_documents(copy)
    after = digests(copy)
    assert {file: after[file] for file in before} == before


@pytest.mark.long
def test_a_run_of_the_entries_trains_and_its_script_ends_with_the_same_weights(copy: Path) -> None:
    add_entries(copy)
    run(copy, "-c", TRAIN)
    assert run(copy, "alone.py").count("the run's, bit for bit") == 2
