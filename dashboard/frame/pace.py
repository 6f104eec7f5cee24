"""How often an open page looks at what it follows."""

from dashboard.access import open_pages

# So many times a second all open pages of a class together may look: each look takes some 20 ms of one processor core.
_LOOKS_A_SECOND = 12.0


def pace(seconds: float) -> float:
    """Seconds between two looks of a fragment that looks every so many seconds while few pages are open.

    With a whole class each page looks less often, so that the runs that it watches keep their processor.
    """
    return max(seconds, open_pages() / _LOOKS_A_SECOND)
