"""The name of this machine's processor, and reading the recorded device of a run. Does not import torch."""

import platform
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Literal

DeviceKind = Literal["cpu", "cuda", "mps"]

# Most characters of a recorded device; an archive may hold no more.
_LENGTH = 200
_NAME_LENGTH = 80
# Stands between the devices of a run that continued on another device.
_THEN = "; then "
_THREADS = re.compile(r", \d+ threads?$")
_PRODUCT = re.compile(r"[A-Za-z][A-Za-z0-9 ()/+._-]+", re.ASCII)
# Words and signs that processors add to their name.
_NOISE = re.compile(r"\((?:R|TM|C)\)|\b(?:CPU|Processor)\b|[^\x20-\x7e]|,", re.IGNORECASE)


@cache
def processor_name() -> str:
    """The processor's own name, such as "AMD EPYC 9B45" or "Apple M2"; the machine's type where it has none.

    Without commas and in at most 80 characters. Linux is asked through /proc/cpuinfo, macOS through sysctl, Windows
    through its registry; whatever goes wrong there is no error.
    """
    reader = {"linux": _linux, "darwin": _macos, "win32": _windows}.get(sys.platform, platform.processor)
    try:
        name = reader()
    except Exception:
        # A missing name must not stop a run.
        name = ""
    return _tidy(name) or _tidy(platform.processor()) or _tidy(platform.machine()) or "unknown processor"


def device_kind(device: str) -> DeviceKind:
    """Kind of a run's recorded `device`, of several devices the first: a processor, an NVIDIA GPU or an Apple GPU.

    Examples are "AMD EPYC, AVX2, 1 thread", the name of a GPU, or in earlier versions "cpu, 1 thread". "" and "auto"
    count as a processor.
    """
    first = device.split(_THEN)[0]
    if first.startswith("mps"):
        return "mps"
    is_cpu = first in ("", "auto") or first.startswith("cpu") or _THREADS.search(first)
    # A text that does not look like the name of a product, such as one from an unknown archive, counts as a processor.
    return "cpu" if is_cpu or not _PRODUCT.fullmatch(first) else "cuda"


def names_processor(device: str) -> bool:
    """Whether every part of a recorded device names its processor or GPU; earlier versions said "cpu, 1 thread"."""
    return all(part not in ("", "auto", "cpu", "mps") for part in without_threads(device).split(_THEN))


def without_threads(device: str) -> str:
    """A recorded device without its number of threads."""
    return _THEN.join(_THREADS.sub("", part) for part in device.split(_THEN))


def append_device(before: str | None, now: str) -> str:
    """Recorded device of a run that was trained on the devices `before` and continues on the device `now`."""
    parts = before.split(_THEN) if before else []
    if not parts or parts[-1] != now:
        parts.append(now)
    while len(_THEN.join(parts)) > _LENGTH and len(parts) > 2:
        # Keep the first and the last device, which say most.
        del parts[1]
    return _THEN.join(parts)


def append_versions(before: dict[str, str], now: dict[str, str]) -> dict[str, str]:
    """Recorded versions of a run that continues with other versions: "2.12.0, then 2.13.0" where they differ."""
    versions = before | now
    for name in before.keys() & now.keys():
        parts = before[name].split(", then ")
        versions[name] = before[name] if parts[-1] == now[name] else f"{parts[0]}, then {now[name]}"
    return versions


def is_unchanged(text: str | None) -> bool:
    """Whether a recorded device or version stayed the same during the whole run."""
    return not text or (_THEN not in text and ", then " not in text)


def _tidy(name: str) -> str:
    return " ".join(_NOISE.sub(" ", name).split())[:_NAME_LENGTH].strip()


def _linux() -> str:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    # The entries of the first core.
    fields = dict(re.findall(r"^([^\t:]+)\s*: *(.+)$", text, re.MULTILINE)[::-1])
    # Names of the field on x86, ARM, MIPS and POWER.
    for name in ("model name", "Processor", "cpu model", "cpu"):
        if fields.get(name, "").strip():
            return fields[name]
    # 64-bit ARM gives only numbers.
    if "CPU part" in fields:
        return f"{platform.machine()} {fields.get('CPU implementer', '')}-{fields['CPU part']}"
    return ""


def _macos() -> str:
    asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
    return subprocess.run(asked, capture_output=True, text=True, timeout=5, check=True).stdout


def _windows() -> str:
    if sys.platform != "win32":
        return ""
    import winreg

    path = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
    with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path) as key:
        return str(winreg.QueryValueEx(key, "ProcessorNameString")[0])
