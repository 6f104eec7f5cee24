"""What a process takes of the machine, read from Linux's /proc: memory, threads, open files, processor time."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True)
class Taken:
    """Memory in bytes, counts, and processor seconds since the start, of one process; children are counted only."""

    # Pages shared with other processes count in parts (PSS), so that sums over processes are true.
    pss: int
    # All pages that are in memory now (RSS).
    rss: int
    threads: int
    files: int
    # Processes below this one, at any depth.
    children: int
    cpu_seconds: float


def taken_by(pid: int) -> Taken:
    """What the process takes now. Raises OSError if it has ended or there is no /proc."""
    memory = _fields((_PROC / f"{pid}/smaps_rollup").read_text())
    status = (_PROC / f"{pid}/status").read_text()
    threads = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("Threads:"))
    files = len(os.listdir(_PROC / f"{pid}/fd"))
    return Taken(memory["Pss"], memory["Rss"], threads, files, len(descendants(pid)), cpu_seconds(pid))


def cpu_seconds(pid: int) -> float:
    """Processor time of a process, all threads together, without its children's."""
    # The name before the last ) may hold spaces; fields 14 and 15 of proc(5) are user and system time.
    after_name = (_PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def exact_cpu_seconds(pid: int) -> float:
    """The same to the nanosecond, for short pieces of work. Raises OSError if the process has ended."""
    # Linux makes the number of a process's clock of its id in this way: it is what clock_getcpuclockid(3) gives.
    return time.clock_gettime(~pid << 3 | 2)


def descendants(pid: int) -> list[int]:
    """Ids of all processes below this one."""
    parents: dict[int, list[int]] = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                # It has ended since the folder was listed.
                continue
            parents.setdefault(parent, []).append(int(folder.name))
    found, look_at = [], [pid]
    while look_at:
        below = parents.get(look_at.pop(), [])
        found += below
        look_at += below
    return found


def _fields(text: str) -> dict[str, int]:
    """Bytes by name of the lines "Pss:  123 kB"."""
    pairs = (line.split() for line in text.splitlines() if line.endswith("kB"))
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in pairs}
