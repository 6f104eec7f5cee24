"""A home directory of a user whom nobody knows, wherever a path may stand: the field and the remedy, no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app_process import ROOT

UNKNOWN = "~nobody-of-that-name/lab"


@pytest.mark.parametrize(
    ("words", "variable"),
    [
        (("list",), "MNIST_LAB_RESULTS"),
        pytest.param(("doctor",), "MNIST_LAB_RESULTS", marks=pytest.mark.long),
        pytest.param(("data", "list"), "MNIST_LAB_DATA", marks=pytest.mark.long),
        pytest.param(("train", "--dataset", "folder", "--folder", UNKNOWN), "", marks=pytest.mark.long),
        pytest.param(("study", "run", "mlp-course", "--folder", UNKNOWN), "", marks=pytest.mark.long),
    ],
)
def test_an_unknown_user_in_a_path(words: tuple[str, ...], variable: str, own_lab: Path):
    surroundings = os.environ | ({variable: UNKNOWN} if variable else {})
    command = [sys.executable, "-m", "mnist_core", *words]
    done = subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, timeout=100)
    assert done.returncode in (1, 2)
    text = done.stderr + done.stdout
    assert "~nobody-of-that-name" in text
    assert variable in text
    assert "Traceback" not in text
    assert not list(Path.cwd().glob("~*"))
