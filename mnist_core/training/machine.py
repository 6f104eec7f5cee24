"""The name of this machine's processor, and whether it computes in bfloat16. Does not import torch."""

import platform
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

_NAME_LENGTH = 80
# Words and signs that processors add to their name.
_NOISE = re.compile(r"\((?:R|TM|C)\)|\b(?:CPU|Processor)\b|[^\x20-\x7e]|,", re.IGNORECASE)
# Names of the instructions that multiply in bfloat16: three of x86, one of ARM.
_BFLOAT16 = {"avx512_bf16", "amx_bf16", "avx_ne_convert", "bf16"}


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


def cpuinfo() -> str:
    """What Linux says of the processors of this machine; "" where it says nothing, and on other systems."""
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


@cache
def emulates_bfloat16() -> bool:
    """Whether this processor has no instructions for bfloat16, so that it takes longer than float32. Linux only."""
    return lacks_bfloat16(cpuinfo())


def lacks_bfloat16(text: str) -> bool:
    """Whether a processor with this /proc/cpuinfo lists its instructions, and none for bfloat16 is among them."""
    listed = re.search(r"^(?:flags|Features)[ \t]*:[ \t]*(.+)$", text, re.MULTILINE)
    return listed is not None and not _BFLOAT16 & set(listed[1].split())


def _tidy(name: str) -> str:
    return " ".join(_NOISE.sub(" ", name).split())[:_NAME_LENGTH].strip()


def _linux() -> str:
    # The entries of the first core.
    fields = dict(re.findall(r"^([^\t:]+)\s*: *(.+)$", cpuinfo(), re.MULTILINE)[::-1])
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
