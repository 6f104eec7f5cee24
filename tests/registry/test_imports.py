"""Imports go one way between rooms, through what a room hands on; what must be quick to import leaves torch out."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# From the ground up: each room may import those before it. Files beside the rooms count as rooms of their own.
CORE = [
    "errors",
    "environment",
    "events",
    "text",
    "config",
    "architectures",
    "data",
    "training",
    "store",
    "analysis",
    "sweeps",
    "luck",
    "tournament",
    "plots",
    "studies",
    "jobs",
    "api",
    "report",
    "export",
    "upkeep",
    "commands",
    "__main__",
]
SHARED = ["access", "components", "frame", "controls"]
PAGES = ["train", "sweeps", "inspect", "draw", "compare", "studies", "data", "lesson"]
TORCH_FREE = [
    "mnist_core.config",
    "mnist_core.events",
    "mnist_core.store",
    "mnist_core.jobs",
    "mnist_core.text",
    "mnist_core.architectures",
    "mnist_core.data",
    "mnist_core.sweeps",
    "mnist_core.luck",
    "mnist_core.studies",
    "mnist_core.plots",
    "mnist_core.report",
    "mnist_core.analysis",
    "mnist_core.upkeep",
    "mnist_core.commands",
    "mnist_core.config.fields",
    "mnist_core.jobs.queue",
    "mnist_core.jobs.liveness",
    "mnist_core.jobs.worker_process",
    "mnist_core.jobs.troubles",
    "mnist_core.data.identity",
    "mnist_core.data.folder_remarks",
    "mnist_core.data.handwriting",
    "mnist_core.data.sources",
    "mnist_core.data.download.availability",
    "mnist_core.architectures.inheriting",
    "mnist_core.architectures.diagram.diagram",
    "mnist_core.plots.training_curves",
    "mnist_core.plots.confusion",
    "mnist_core.plots.images",
    "mnist_core.plots.agreement",
    "mnist_core.plots.sweeps",
    "mnist_core.plots.studies",
    "mnist_core.analysis.stats",
    "mnist_core.analysis.scores",
    "mnist_core.analysis.comparison",
    "mnist_core.analysis.single_change",
    "mnist_core.analysis.calibration",
    "mnist_core.analysis.robustness",
    "mnist_core.analysis.costs",
    "mnist_core.analysis.trained",
    "mnist_core.analysis.agreement",
    "mnist_core.analysis.doubtful",
    "mnist_core.analysis.forgetting",
    "mnist_core.export.formats",
    "mnist_core.commands.export_command",
    "dashboard.frame.run_choice",
    "dashboard.frame.store",
    "dashboard.frame.navigation",
    "dashboard.controls.forms",
    "dashboard.controls.live_curves",
    "dashboard.train.live_runs",
    "dashboard.inspect.prediction_views",
    "dashboard.inspect.weight_views",
]


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


SOURCES = [*sources("mnist_core"), *sources("dashboard"), *sources("pages"), ROOT / "app.py"]


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in SOURCES}


def imported(path: Path) -> set[str]:
    """Whole dotted names of what a file imports anywhere, with the names taken out of modules."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def room_of(name: str) -> str:
    """The room of a dotted name: `mnist_core.store` of `mnist_core.store.runs.Run`, "pages", "app"."""
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] in ("mnist_core", "dashboard") else parts[0]


def below(room: str) -> set[str]:
    """The rooms that this one may import."""
    core = [f"mnist_core.{name}" for name in CORE]
    shared = [f"dashboard.{name}" for name in SHARED]
    if room in core:
        return set(core[: core.index(room)])
    if room in shared:
        return {*core, *shared[: shared.index(room)]}
    pages = {f"dashboard.{name}" for name in PAGES}
    # The app gives its server the addresses at which a room answers.
    return {*core, *shared, *(pages if room in ("pages", "app") else ())}


def test_every_room_has_its_place():
    rooms = {room_of(name) for name in MODULES if "." in name} - {"pages"}
    expected = {f"mnist_core.{name}" for name in CORE} | {f"dashboard.{name}" for name in [*SHARED, *PAGES]}
    assert rooms == expected


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down_and_not_past_what_a_room_hands_on(path: Path):
    importer = room_of(module_name(path))
    for name in imported(path):
        room = room_of(name)
        if not name.startswith(("mnist_core.", "dashboard.", "pages.")) or room == importer:
            continue
        if name == "mnist_core.__version__" or importer == "mnist_core":
            continue
        assert room in below(importer), f"{importer} must not import {name}"
        # A room, or one name out of it.
        assert name == room or name.count(".") == 2, f"{name} reaches past what {room} hands on"


def circle(edges: dict[str, set[str]]) -> bool:
    try:
        TopologicalSorter(edges).prepare()
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("room", sorted({room_of(name) for name in MODULES}))
def test_no_room_has_a_circle(room: str):
    edges: dict[str, set[str]] = {}
    for name, path in MODULES.items():
        if room_of(name) != room:
            continue
        targets = {target if target in MODULES else target.rpartition(".")[0] for target in imported(path)}
        edges[name] = {target for target in targets if target in MODULES and target != name}
    assert not circle(edges)
    assert circle({"a": {"b"}, "b": {"a"}})


@pytest.mark.parametrize("stub", [*sorted(ROOT.glob("mnist_core/**/*.pyi")), *sorted(ROOT.glob("dashboard/**/*.pyi"))])
def test_a_room_has_what_its_stub_hands_on(stub: Path):
    room = import_module(module_name(stub))
    for node in ast.parse(stub.read_text()).body:
        if not isinstance(node, ast.ImportFrom):
            continue
        for alias in node.names:
            source = f"{room.__name__}.{node.module}" if node.module else room.__name__
            if node.module:
                assert getattr(room, alias.name) is getattr(import_module(source), alias.name)
            else:
                assert getattr(room, alias.name) is import_module(f"{source}.{alias.name}")


@pytest.mark.parametrize("path", sources("mnist_core"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_never_imports_streamlit(path: Path):
    assert not {name for name in imported(path) if name.split(".")[0] in ("streamlit", "dashboard", "pages", "app")}


@pytest.mark.parametrize("path", [*sources("dashboard"), *sources("pages")], ids=lambda path: path.as_posix())
def test_pages_and_dashboard_never_import_torch(path: Path):
    assert not {name for name in imported(path) if name.split(".")[0] in ("torch", "torchvision")}


def test_what_the_app_imports_leaves_torch_out():
    script = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
    assert "torch" not in sys.modules, name
"""
    result = subprocess.run(
        [sys.executable, "-c", script, *TORCH_FREE], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("path", sources("pages"), ids=lambda path: path.name)
def test_pages_stay_short_enough_to_be_read_at_once(path: Path):
    assert len(path.read_text().splitlines()) <= 120


def test_what_the_app_imports_in_the_background_is_what_pages_would_wait_for():
    script = """
import gc, sys
from dashboard.frame import store
assert "torch" not in sys.modules
store._warm_up()
assert {"torch", "mnist_core.analysis.explain", "mnist_core.architectures.building"} <= set(sys.modules)
assert "mnist_core.training.checkpoints" in sys.modules
assert gc.get_freeze_count() > 10 * len(gc.get_objects()), "what is imported is not looked through for garbage"
"""
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
