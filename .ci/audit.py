"""Asks whether a package of constraints.txt has a known vulnerability: pip-audit, with the database of PyPI.

Where that database cannot be reached, the step says why it is skipped and succeeds. Otherwise its exit status is
pip-audit's: 0 if nothing is known, 1 if something is.
"""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# An old release with a known vulnerability: an answer without it comes from a mirror that has no such data.
_PROBE = "https://pypi.org/pypi/requests/2.19.0/json"
_TIMEOUT_SECONDS = 10


def why_unreachable() -> str:
    """Why the database of vulnerabilities cannot be asked; "" if it can."""
    try:
        with urllib.request.urlopen(_PROBE, timeout=_TIMEOUT_SECONDS) as response:
            answer = json.load(response)
    except (OSError, ValueError) as error:
        return f"{_PROBE} does not answer ({error})"
    if not isinstance(answer, dict) or not answer.get("vulnerabilities"):
        return f"{_PROBE} answers without vulnerabilities, as a mirror does"
    return ""


def main() -> int:
    """Audit the pinned packages; returns the exit status."""
    if reason := why_unreachable():
        print(f"audit skipped: {reason}. Run `make audit` where PyPI can be reached.")
        return 0
    command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "-r", "constraints.txt"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
