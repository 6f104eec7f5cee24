"""How often an open page looks at what it follows."""

from dashboard.access import open_pages

# So many times a second all open pages of a class together may look: each look takes some 20 ms of one processor core.
_LOOKS_A_SECOND = 12.0
# The same of pictures of strokes, of which fewer are sent at a time, and how often one page sends them.
_PICTURES_A_SECOND, _PICTURE_SECONDS = 60.0, 0.09


def pace(seconds: float, together: float = _LOOKS_A_SECOND) -> float:
    """Seconds between two looks of a page that looks every so many seconds while few pages are open.

    With a whole class each page looks less often, all `together` so many times a second at most, so that the runs that
    they watch keep their processor.
    """
    return max(seconds, open_pages() / together)


def pace_of_strokes() -> float:
    """Seconds between two pictures of a stroke while a person draws; the end of a stroke is always sent at once."""
    return pace(_PICTURE_SECONDS, _PICTURES_A_SECOND)
