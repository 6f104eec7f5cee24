"""Processes of this machine: whether one still lives, identified by its number and the time of its start."""

import os
import subprocess
from functools import cache
from pathlib import Path

_PROC = Path("/proc")
# States of a process that has ended but whose parent has not collected its exit code.
_ENDED = ("Z", "X", "x")
_STOPPED = ("T", "t")
_PS_SECONDS = 5.0


def start_of(pid: int) -> str | None:
    """A text that tells the process from all others that ever had its number; None if the system does not give it.

    On Linux: "BOOT-NAMESPACE-TICKS", the boot, the space in which process numbers count, and the ticks of the clock
    from the boot to the process's start. Elsewhere the date of the start, as `ps` tells it.
    """
    if _linux():
        fields = _stat(pid)
        return None if fields is None else f"{_here()}-{fields[1]}"
    fields = _ps(pid)
    return None if fields is None else fields[1]


def lives(pid: int, start: str | None) -> bool | None:
    """Whether the process with this number and this `start_of` still lives; None if the system cannot tell.

    A stopped process (Ctrl-Z) and one of a sleeping machine live. None: `start` is not known, or is of another boot or
    container, whose process numbers say nothing here.
    """
    if not _exists(pid):
        return False if start is None or _comparable(start) else None
    if start is None or not _comparable(start):
        return None
    fields = _stat(pid) if _linux() else _ps(pid)
    # The process belongs to another user, or has just ended.
    if fields is None:
        return _exists(pid)
    state, since = fields
    return state not in _ENDED and start == (f"{_here()}-{since}" if _linux() else since)


def is_stopped(pid: int | None) -> bool:
    """Whether the process lives but is stopped, as by Ctrl-Z."""
    fields = None if pid is None else _stat(pid) if _linux() else _ps(pid)
    return fields is not None and fields[0] in _STOPPED


def command(pid: int) -> str:
    """The command line with which a process was started; "" if the system does not tell."""
    try:
        if _linux():
            return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        return _output_of_ps(pid, "command=")
    except OSError:
        return ""


def _linux() -> bool:
    return (_PROC / "self/stat").exists()


@cache
def _here() -> str:
    """The boot of this machine and the space of process numbers that this process sees."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        space = os.readlink(_PROC / "self/ns/pid")
    except OSError:
        # /proc hides these files from this process, and so from every other with the same limits.
        return "unknown-0"
    return f"{boot.replace('-', '')}-{''.join(filter(str.isdigit, space))}"


def _comparable(start: str) -> bool:
    return start.startswith(f"{_here()}-") if _linux() else os.name != "nt"


def _exists(pid: int) -> bool:
    # On Windows signal 0 would end the process.
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _stat(pid: int) -> tuple[str, str] | None:
    """State and ticks at the start (proc_pid_stat(5)); None if it cannot be read."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The second field is the name in brackets, which may hold spaces and brackets itself.
    fields = text.rpartition(")")[2].split()
    return fields[0], fields[19]


def _ps(pid: int) -> tuple[str, str] | None:
    """State and date of the start, in universal time; None if `ps` does not tell."""
    try:
        state, _, since = _output_of_ps(pid, "state=,lstart=").partition(" ")
    except OSError:
        return None
    return (state[:1], " ".join(since.split())) if since else None


def _output_of_ps(pid: int, columns: str) -> str:
    if os.name == "nt":
        return ""
    surroundings = os.environ | {"LC_ALL": "C", "TZ": "UTC"}
    try:
        result = subprocess.run(
            ["ps", "-o", columns, "-p", str(pid)], capture_output=True, text=True, timeout=_PS_SECONDS, env=surroundings
        )
    except subprocess.TimeoutExpired:
        return ""
    return result.stdout.strip()
