"""constraints.txt pins everything that the requirements bring along, in versions that they allow."""

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
FILES = ("requirements.txt", "requirements-dev.txt", "requirements-mlflow.txt")


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
