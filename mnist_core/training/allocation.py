"""How large tensors get their memory in a process that does nothing but train."""

import contextlib
import ctypes
import sys
from functools import cache

# Parameters of mallopt (glibc, malloc.h) and the largest value that it takes for the second on 64 bits.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST_MMAP_THRESHOLD = 32 << 20
_TRIM_BYTES = 1 << 30


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
