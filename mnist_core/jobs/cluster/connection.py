"""How programs of this project reach Ray: at the address that is asked for, with a token that only its owner reads."""

import contextlib
import os
import secrets
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

from mnist_core.errors import MnistLabError
from mnist_core.store import system_errors

_TOKEN_PATH = "RAY_AUTH_TOKEN_PATH"
# Ray's own place for it.
_TOKEN_FILE = Path(".ray/auth_token")


class ClusterError(MnistLabError):
    """The cluster cannot be reached or started."""


def cluster_token_file() -> Path:
    """The file with the token that all machines of a cluster share."""
    return Path(os.environ.get(_TOKEN_PATH) or Path.home() / _TOKEN_FILE)


def make_token() -> Path:
    """Write a new token unless there is one; returns its file. Raises StorageError."""
    path = cluster_token_file()
    with system_errors(path, "written"):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            # Nobody else can read the file at any moment, whatever the umask.
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32))
    return path


def check_token() -> None:
    """Make sure that there is a token, and that nobody else can read its file. Raises ClusterError or StorageError."""
    if os.environ.get("RAY_AUTH_TOKEN"):
        return
    path = cluster_token_file()
    if not path.is_file():
        raise ClusterError(
            f"The token of the cluster is missing: {path}. Copy it from the machine on which the cluster was started "
            "(`python -m mnist_core cluster start` makes it)."
        )
    with system_errors(path, "used"):
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)


def variables_for(address: str) -> dict[str, str]:
    """Variables that Ray needs in every process that starts or joins a cluster at this address."""
    variables = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(cluster_token_file()),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DEDUP_LOGS": "0",
        # A task without a GPU sees none. Ray warns where this is not said.
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",
    }
    if is_loopback(address):
        # Without it Ray replaces the loopback's address by the outward one, and listens on all of them.
        variables["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    return variables


def is_loopback(address: str) -> bool:
    """Whether an address, with or without a port, is of this machine alone; "auto" is taken for one that is not."""
    host = address.rsplit(":", 1)[0] if address.count(":") == 1 else address
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def in_environment(address: str, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """An environment for a process of Ray at this address; what a person has set goes first."""
    return variables_for(address) | dict(base)
