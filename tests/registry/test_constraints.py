"""What is needed: ranges in pyproject.toml, exact versions in the requirements, and constraints.txt for the rest."""

import ast
import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
FILES = ("requirements.txt", "requirements-dev.txt", "requirements-mlflow.txt", "requirements-cluster.txt")


def exact(file: str) -> dict[str, str]:
    """The lines "name==version" of a file, as versions by canonical name."""
    lines = re.findall(r"^([\w.-]+)==([^\s#]+)", (ROOT / file).read_text(), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in lines}


def brought_along(name: str, extras: frozenset[str], packages: set[str]) -> None:
    """Add to `packages` the installed packages that a package asks for, directly or through others."""
    for text in distribution(name).requires or []:
        requirement = Requirement(text)
        wanted = requirement.marker is None or any(
            requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras)
        )
        other = canonicalize_name(requirement.name)
        if wanted and other not in packages and other != "pip":
            packages.add(other)
            brought_along(other, frozenset(requirement.extras), packages)


@pytest.mark.parametrize("file", FILES)
def test_the_constraints_have_the_versions_of_the_requirements(file: str):
    pinned = exact("constraints.txt")
    assert exact(file)
    assert {name: pinned.get(name) for name in exact(file)} == exact(file)


@pytest.mark.parametrize("file", FILES)
def test_everything_that_a_requirement_brings_along_is_pinned(file: str):
    packages: set[str] = set()
    for name in exact(file):
        try:
            brought_along(name, frozenset(), packages)
        except PackageNotFoundError as error:
            # An extra that is not installed, such as MLflow in an installation without tests.
            pytest.skip(f"{error} is not installed")
    pinned = exact("constraints.txt")
    assert packages - pinned.keys() == set()
    for name in packages:
        assert Version(distribution(name).version).public == Version(pinned[name]).public, name


def ranges(*extras: str) -> dict[str, Requirement]:
    """The ranges of pyproject.toml by canonical name: those of the package, and of these extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    texts = list(project["dependencies"])
    for extra in extras:
        texts += project["optional-dependencies"][extra]
    requirements = [Requirement(text) for text in texts]
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def test_the_package_allows_the_versions_that_were_tested():
    allowed = ranges("dashboard", "mlflow", "cluster")
    tested = exact("requirements.txt") | exact("requirements-mlflow.txt") | exact("requirements-cluster.txt")
    assert allowed.keys() == tested.keys()
    assert {name for name, version in tested.items() if version not in allowed[name].specifier} == set()


@pytest.mark.parametrize(
    ("part", "extras"),
    [("mnist_core", ("mlflow", "cluster")), ("dashboard", ("dashboard",)), ("pages", ("dashboard",))],
)
def test_what_is_imported_is_needed_or_brought_along(part: str, extras: tuple[str, ...]):
    imported = {module for file in (ROOT / part).rglob("*.py") for module in imported_modules(file)}
    owners = packages_distributions()
    packages = set(ranges(*extras))
    for name in list(packages):
        brought_along(name, frozenset(), packages)
    foreign = imported - sys.stdlib_module_names - {"mnist_core", "dashboard"}
    assert foreign
    assert {
        module for module in foreign if not {canonicalize_name(name) for name in owners[module]} & packages
    } == set()


def imported_modules(file: Path) -> set[str]:
    """The first parts of the names of all modules that a file imports, at any place in it."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            modules.add(node.module)
    return {module.partition(".")[0] for module in modules}
