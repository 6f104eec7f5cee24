"""Writes constraints.txt: the exact version of everything that an installation for development consists of.

`make constraints` resolves requirements-dev.txt anew, as if nothing were installed. Run it after a change of a
requirements file, and now and then for newer versions; then run the tests.
"""

import json
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_PIP = (sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-")
# pip comes with the virtual environment; constraints cannot choose it.
_LEFT_OUT = {"pip"}


def main() -> None:
    """Resolve the requirements and write a line for each package, sorted by name."""
    report = subprocess.run([*_PIP, "-r", "requirements-dev.txt"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    versions: dict[str, str] = {}
    for package in json.loads(report)["install"]:
        name = package["metadata"]["name"].lower().replace("_", "-").replace(".", "-")
        # "+cpu" names a build of torch; its version fits every build.
        versions[name] = package["metadata"]["version"].partition("+")[0]
    python = f"Python {platform.python_version()} on {platform.system()}"
    header = (
        f"# Every package of an installation, made by `make constraints` with {python}.\n"
        "# requirements.txt says what is needed; this says which versions were tested together.\n"
    )
    lines = [f"{name}=={versions[name]}\n" for name in sorted(versions) if name not in _LEFT_OUT]
    (ROOT / "constraints.txt").write_text(header + "".join(lines))
    print(f"constraints.txt: {len(lines)} packages")


if __name__ == "__main__":
    main()
