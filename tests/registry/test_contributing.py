"""What CONTRIBUTING says is carried out in a copy of the project, and the project's own tests pass with it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRESET, TEST, OPTIMIZER = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
TRAIN = """
from mnist_core.config import RunConfig
from mnist_core.export.script.script import script_of_run
from mnist_core.store import Store
from mnist_core.jobs.worker import work

store = Store.open()
config = RunConfig(dataset="mnist-5k", architecture="mlp-50", optimizer="nadam", train_images=200, epochs=1)
run = store.enqueue(config, claimed=True)
for _ in work(store, run):
    pass
run = store.run(run.id)
assert run.state == "finished", run.note
print(script_of_run(store, run))
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project without its history, results and virtual environment."""
    target = tmp_path / "copy"
    for folder in ("mnist_core", "tests", "docs"):
        shutil.copytree(ROOT / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__", "images"))
    shutil.copy(ROOT / "pyproject.toml", target)
    return target


def run(copy: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_the_preset_of_the_guide_passes_the_tests_that_find_it(copy: Path) -> None:
    (copy / "mnist_core" / "architectures" / "presets" / "wide.py").write_text(PRESET)
    (copy / "tests" / "unit" / "test_wide.py").write_text(TEST)
    reference = run(copy, "-m", "mnist_core.architectures.layer_reference")
    assert "`wide-and-shallow`" in reference
    (copy / "docs" / "architectures.md").write_text(reference)
    output = run(
        copy,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/unit/test_wide.py",
        "tests/registry/test_presets.py",
        "tests/registry/test_architecture_docs.py",
        "-k",
        "wide or docs",
    )
    assert int(re.findall(r"(\d+) passed", output)[0]) > 5


@pytest.mark.long
def test_the_optimizer_of_the_guide_trains_and_its_script_ends_with_the_same_weights(copy: Path) -> None:
    table = copy / "mnist_core" / "config" / "optimizers.py"
    text = table.read_text()
    before = '            OptimizerKind(name="adam"'
    assert before in text
    table.write_text(text.replace(before, f"            {OPTIMIZER.strip()},\n{before}"))
    (copy / "alone.py").write_text(run(copy, "-c", TRAIN))
    output = run(copy, "alone.py")
    assert output.count("the run's, bit for bit") == 2
