"""Starting, joining and leaving a Ray cluster on this machine."""

import os
import socket
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path

from mnist_core import environment
from mnist_core.errors import ConfigError
from mnist_core.jobs.cluster.connection import ClusterError, check_token, in_environment, make_token

_PORT = 6379
_PATIENCE_SECONDS = 120
_CONNECT_SECONDS = 3.0
_ROOT = Path(__file__).resolve().parents[3]


def start_cluster(host: str, port: int = _PORT) -> str:
    """Start the head of a cluster that is reached at this address of the machine; returns what others join.

    On loopback nothing else can reach it. At any other address Ray listens at all addresses of the machine.
    The head keeps what it knows on the disk, so that it may be started anew. Raises ConfigError or ClusterError.
    """
    _check_free(host, port)
    # Beside the token and not in the folder that all share, whose locks may not hold.
    storage = make_token().with_name("mnist-lab-head")
    storage.mkdir(mode=0o700, exist_ok=True)
    kept = {"RAY_gcs_storage": "rocksdb", "RAY_gcs_storage_path": str(storage)}
    _ray(host, ["--head", f"--node-ip-address={host}", f"--port={port}", "--include-dashboard=false"], kept)
    return f"{host}:{port}"


def join_cluster(address: str, host: str | None = None) -> None:
    """Let this machine train for the cluster at this address; `host` is its own address.

    Raises ConfigError or ClusterError.
    """
    if host is not None:
        _check_free(host, 0)
    _check_answers(address)
    check_token()
    _ray(address, [f"--address={address}", *([f"--node-ip-address={host}"] if host else [])], {})


def leave_cluster() -> None:
    """End what `start_cluster` or `join_cluster` started on this machine. Raises ClusterError."""
    _call(["stop"], dict(os.environ))


def _check_free(host: str, port: int) -> None:
    """Raise ConfigError unless this machine can listen at this address and port."""
    try:
        address = ip_address(host)
        with socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET) as probe:
            # Connections that have just ended do not count, or a head that has ended could not be started anew at once.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except ValueError:
        raise ConfigError("host", f"{host[:80]!r} is no address. Give one of this machine, such as 10.0.0.1") from None
    except OSError as error:
        raise ConfigError("host", f"nothing can listen at {host}:{port} ({os.strerror(error.errno or 0)})") from None


def _check_answers(address: str) -> None:
    """Raise ConfigError unless somebody listens at this "host:port"."""
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdecimal() or not 0 < int(port[:6]) < 65536:
        raise ConfigError("address", f"{address[:80]!r} is no address of a cluster. Give one such as 10.0.0.1:6379")
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()
    except (OSError, UnicodeError):
        raise ConfigError("address", f"nothing answers at {address[:80]}. Is the cluster started there?") from None


def _ray(address: str, arguments: list[str], variables: dict[str, str]) -> None:
    # Workers find this program by PYTHONPATH, and their settings in the environment of the node.
    path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH", "")]))
    surroundings = in_environment(address) | variables | {"PYTHONPATH": path}
    _call(["start", "--disable-usage-stats", *arguments], surroundings)


def _call(arguments: list[str], surroundings: dict[str, str]) -> None:
    program = Path(sys.executable).with_name("ray")
    if not program.is_file():
        raise ClusterError(
            f"Ray is not installed. Install it with `python -m pip install -r {environment.CLUSTER_REQUIREMENTS}`."
        )
    try:
        done = subprocess.run(
            [program, *arguments], env=surroundings, capture_output=True, text=True, timeout=_PATIENCE_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise ClusterError(f"Ray has not answered within {_PATIENCE_SECONDS} s.") from None
    if done.returncode:
        if "already running" in done.stderr + done.stdout:
            raise ClusterError(
                "This machine is in a cluster, or processes of one are left. End them first with "
                "`python -m mnist_core cluster leave`."
            )
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise ClusterError(f"Ray says: {lines[-1][:300] if lines else f'exit code {done.returncode}'}")
