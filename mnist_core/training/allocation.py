"""How large tensors get their memory in a process that does nothing but train."""

import contextlib
import ctypes
import sys
from collections.abc import Mapping
from functools import cache

# Parameters of mallopt (glibc, malloc.h) and the largest value that it takes for the second on 64 bits.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST_MMAP_THRESHOLD = 32 << 20
_TRIM_BYTES = 1 << 30

# glibc reads its settings from this variable when a process starts. This one lets it ask for pages of 2 MB.
_SETTINGS, _HUGE_PAGES = "GLIBC_TUNABLES", "glibc.malloc.hugetlb"


def in_huge_pages(surroundings: Mapping[str, str]) -> dict[str, str]:
    """These environment variables, for a process that trains: its memory comes in pages of 2 MB instead of 4 KB.

    A step reads images from all over the data set and goes through all weights, and with few pages the processor finds
    them sooner (docs/benchmarks.md). Where glibc is older than 2.35 or the system has no such pages, nothing changes.
    What a person has chosen for glibc stays.
    """
    chosen = surroundings.get(_SETTINGS, "")
    settings = chosen if _HUGE_PAGES in chosen else ":".join(filter(None, [chosen, f"{_HUGE_PAGES}=1"]))
    return {**surroundings, _SETTINGS: settings}


def keep_large_tensors() -> bool:
    """Let glibc keep the memory of large tensors for the next step; returns whether it does.

    Otherwise tensors of some megabytes get fresh pages from the system and give them back at every step, and the system
    fills each page with zeros anew (docs/benchmarks.md says what that costs). It concerns the whole process, so only a
    process that does nothing but train may ask for it. No number that training computes depends on it.
    """
    library = _glibc()
    return library is not None and bool(
        library.mallopt(_TRIM_THRESHOLD, _TRIM_BYTES) and library.mallopt(_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
    )


def give_memory_back() -> None:
    """Give the system what the process holds unused, as at the end of a run."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    """The C library of this process if it is glibc; musl, macOS and Windows have other ways."""
    if not sys.platform.startswith("linux"):
        return None
    # A missing name means another library.
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        # Only glibc has a name for its version.
        if library.gnu_get_libc_version and library.mallopt and library.malloc_trim:
            return library
    return None
