"""What a text becomes before a database keeps it: one that every database can keep."""

import json
from typing import Any

# Stands for a sign that no database can keep: U+FFFD, the sign for "unknown".
_UNKNOWN = "\ufffd"
# How JSON writes such signs: NUL, and the halves of pairs, of which some are whole pairs.
_ESCAPES = ("\\u0000", "\\ud")


def storable(text: Any) -> Any:
    """The text without NUL and lone surrogates, which PostgreSQL refuses; anything else than a text as it is."""
    if not isinstance(text, str) or (text.isascii() and "\0" not in text):
        return text
    # Encoding makes whole pairs of surrogates one sign, and a lone one an unknown sign.
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\0", _UNKNOWN)


def storable_json(value: Any) -> str:
    """The value as JSON, its texts as `storable` gives them. Raises ValueError or TypeError as `json.dumps` does."""
    written = json.dumps(value)
    return json.dumps(_cleaned(value)) if any(escape in written for escape in _ESCAPES) else written


def _cleaned(value: Any) -> Any:
    if isinstance(value, dict):
        return {storable(name): _cleaned(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(part) for part in value]
    return storable(value)
