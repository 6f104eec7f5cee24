"""The package as pip installs it: without the repository around it, and in a folder that is not the user's."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = (
    "import json; from mnist_core import environment as e; print(json.dumps([str(e.data_dir()), str(e.results_dir())]))"
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages with this one in it, built and installed by pip."""
    # pip builds in the folder itself, so it gets a copy of what the package consists of.
    source, packages = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("packages")
    shutil.copytree(ROOT / "mnist_core", source / "mnist_core", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--target", str(packages), str(source)], check=True)
    return packages


@pytest.fixture
def run_installed(installed: Path, tmp_path: Path):
    """Runs Python with the installed package, for a user whose home is an empty folder."""

    def run(*arguments: str) -> str:
        surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("MNIST_LAB", "XDG"))}
        surroundings |= {"HOME": str(tmp_path / "home"), "PYTHONPATH": str(installed)}
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=True
        ).stdout

    return run


@pytest.mark.long
def test_data_and_results_of_an_installed_package_lie_in_the_users_data_folder(run_installed, tmp_path: Path):
    data, results = (Path(folder) for folder in json.loads(run_installed("-c", FOLDERS)))
    assert (data.name, results.name) == ("data", "results")
    assert data.parent == results.parent
    assert tmp_path / "home" in data.parents
    train = ("train", "--dataset", "mnist-5k", "--train-images", "300", "--architecture", "softmax", "--epochs", "1")
    run_installed("-m", "mnist_core", *train)
    assert (results / "runs.db").is_file()
    (run,) = json.loads(run_installed("-m", "mnist_core", "list", "--json"))
    assert run["state"] == "finished"
    # Files that are no Python are installed, too.
    studies = json.loads(run_installed("-m", "mnist_core", "study", "list", "--json"))
    assert len({entry["study"] for entry in studies}) == 5


def test_data_and_results_of_a_checkout_lie_in_it():
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("MNIST_LAB")}
    folders = subprocess.run(
        [sys.executable, "-c", FOLDERS], cwd=ROOT, env=surroundings, capture_output=True, text=True, check=True
    ).stdout
    assert json.loads(folders) == [str(ROOT / "data"), str(ROOT / "results")]
