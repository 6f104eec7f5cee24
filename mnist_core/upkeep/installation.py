"""Whether this installation can train: Python, the packages that were tested together, torch, the data sets."""

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mnist_core import __version__
from mnist_core.data import dataset_statuses
from mnist_core.errors import MnistLabError
from mnist_core.upkeep.finding import Finding

_OLDEST = (3, 11)
_REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements.txt"
_INSTALL = "Install it: python -m pip install -r requirements.txt"


def installation() -> list[Finding]:
    """Findings about Python, the packages and the device."""
    running = ".".join(map(str, sys.version_info[:3]))
    findings = [Finding("installation", "well", f"MNIST Lab {__version__}, Python {running}")]
    if sys.version_info < _OLDEST:
        findings = [Finding("installation", "wrong", f"Python {running} is too old", "Install Python 3.11 or newer.")]
    return [*findings, *_packages(), *_torch()]


def data(root: Path) -> list[Finding]:
    """Findings about the data sets below `root`."""
    findings = []
    for status in dataset_statuses(root):
        if status.name == "folder":
            continue
        wrong = status.state == "damaged" or (status.name == "mnist-5k" and status.state != "ready")
        state = "well" if status.state == "ready" else "wrong" if wrong else "note"
        findings.append(Finding("data", state, f"{status.name}: {status.state}. {status.message}"))
    return findings


def _packages() -> list[Finding]:
    findings = []
    for name, tested in _tested().items():
        try:
            installed = version(name)
        except PackageNotFoundError:
            findings.append(Finding("installation", "wrong", f"{name} is not installed", _INSTALL))
            continue
        # Ignore the suffix of a build, such as +cpu, which does not change the version.
        if installed.split("+")[0] != tested:
            text = f"{name} is version {installed}; this program was tested with {tested}"
            findings.append(Finding("installation", "note", text, "If something fails, install the tested version."))
    return findings


def _tested() -> dict[str, str]:
    """Tested versions by package; empty if the program's list of them is not there."""
    if not _REQUIREMENTS.is_file():
        return {}
    lines = (line.split("#")[0].strip() for line in _REQUIREMENTS.read_text(encoding="utf-8").splitlines())
    return dict(line.split("==") for line in lines if "==" in line)


def _torch() -> list[Finding]:
    try:
        import torch

        from mnist_core.data import make_torchvision_importable

        make_torchvision_importable()
        import torchvision  # noqa: F401

        from mnist_core.config import RunConfig
        from mnist_core.training import devices

        device = devices.prepare_device(RunConfig())
        (torch.ones(8, 8, device=device) @ torch.ones(8, 8, device=device)).sum().item()
        text = f"torch {torch.__version__} computes on {devices.describe_device(device)}"
    except ImportError as error:
        return [Finding("installation", "wrong", f"torch or torchvision cannot be imported ({error})", _INSTALL)]
    except MnistLabError as error:
        return [Finding("installation", "wrong", str(error))]
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        return [Finding("installation", "wrong", f"torch cannot compute here ({reason})", "Choose cpu as device.")]
    return [Finding("installation", "well", text)]
