"""Imports go one way, and what must be quick to import does not drag torch along."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Each layer may import from itself and from those above it.
LAYERS = [
    {"errors", "events", "environment", "limits", "machine", "optimizers", "processes", "rounding", "rules", "text"},
    {"config", "silence", "troubles"},
    {"fields", "data_facts"},
    {"schedules"},
    {"store"},
    {
        "plots",
        "results",
        "answers",
        "agreement",
        "comparison",
        "doubtful",
        "intervals",
        "measures",
        "stats",
        "calibration",
        "robustness",
        "resuming",
        "retention",
    },
    {"data", "handwriting", "strokes", "architectures", "devices"},
    {"concurrency", "run_images"},
    {
        "checking",
        "jobs",
        "liveness",
        "needs",
        "queueing",
        "recipes",
        "controlled",
        "report",
        "upkeep",
        "worker_process",
    },
    {"sweeps", "optimization", "checkpoints", "evaluation", "memory", "pulse"},
    {"studies", "perceptron"},
    {"training", "trained", "forgetting", "explain", "estimators", "costs"},
    {"classical", "recording", "explain_linear", "export"},
    {"worker"},
    {"following", "flags"},
    {"study_commands", "sweep_commands", "export_commands", "report_commands", "upkeep_commands", "api"},
    {"cli"},
    {"reference"},
    {"__main__"},
]
TORCH_FREE = [
    "mnist_core.config", "mnist_core.fields", "mnist_core.events", "mnist_core.store", "mnist_core.jobs",
    "mnist_core.liveness", "mnist_core.worker_process", "mnist_core.troubles",
    "mnist_core.data_facts", "mnist_core.data.identity", "mnist_core.data.remarks",
    "mnist_core.plots.curves", "mnist_core.plots.confusion", "mnist_core.plots.images", "mnist_core.results",
    "mnist_core.comparison", "mnist_core.controlled", "mnist_core.handwriting", "mnist_core.trained",
    "mnist_core.architectures", "mnist_core.architectures.inheriting",
    "mnist_core.architectures.diagram", "mnist_core.data.sources", "mnist_core.data.availability",
    "mnist_core.sweeps", "mnist_core.studies", "mnist_core.plots.sweeps", "mnist_core.plots.studies",
    "mnist_core.stats", "mnist_core.calibration", "mnist_core.robustness", "mnist_core.costs",
    "mnist_core.export.formats", "mnist_core.export_commands",
    "mnist_core.agreement", "mnist_core.doubtful", "mnist_core.forgetting", "mnist_core.plots.agreement",
    "dashboard.state", "dashboard.forms", "dashboard.live", "dashboard.live_curves", "dashboard.navigation",
]  # fmt: skip


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Full names of the modules that a file imports anywhere."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def layer_of(module: str) -> int | None:
    return next((place for place, layer in enumerate(LAYERS) if module in layer), None)


def test_every_module_of_the_core_has_its_layer():
    found = {path.relative_to(ROOT / "mnist_core").parts[0].removesuffix(".py") for path in sources("mnist_core")}
    assert found - {"__init__"} == set().union(*LAYERS)


@pytest.mark.parametrize("path", sources("mnist_core"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_imports_downwards_only_and_never_streamlit(path: Path):
    own = path.relative_to(ROOT / "mnist_core").parts[0].removesuffix(".py")
    for name in imported(path):
        assert name.split(".")[0] not in ("streamlit", "dashboard", "pages", "app"), name
        parts = name.split(".")
        if parts[0] == "mnist_core" and len(parts) > 1 and own != "__init__":
            other, mine = layer_of(parts[1]), layer_of(own)
            assert other is None or (mine is not None and other <= mine), f"{own} must not import {name}"


@pytest.mark.parametrize("path", [*sources("dashboard"), *sources("pages")], ids=lambda path: path.name)
def test_pages_and_dashboard_never_import_torch(path: Path):
    assert not {name for name in imported(path) if name.split(".")[0] in ("torch", "torchvision")}


def test_what_the_app_imports_leaves_torch_out():
    """One process imports them one after the other, up to the first that brings torch."""
    script = (
        "import importlib, sys\nfor name in sys.argv[1:]:\n    importlib.import_module(name)\n"
        "    if 'torch' in sys.modules:\n        sys.exit(name + ' imports torch')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *TORCH_FREE], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", sources("pages"), ids=lambda path: path.name)
def test_pages_stay_short_enough_to_be_read_at_once(path: Path):
    assert len(path.read_text().splitlines()) <= 120
