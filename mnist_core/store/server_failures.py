"""Turns errors of a PostgreSQL server into messages for a person, by their five-letter codes."""

from mnist_core.errors import StorageError, StorageKind

_WHERE = "The database of MNIST_LAB_DATABASE"
# https://www.postgresql.org/docs/current/errcodes-appendix.html: whole codes first, then the classes they begin with.
_KINDS: dict[str, StorageKind] = {
    "53100": "full",
    "55P03": "locked",
    "40001": "locked",
    "40P01": "locked",
    "57014": "locked",
    "25P03": "unreachable",
    "42501": "read-only",
    "25006": "read-only",
    "42P01": "incomplete",
    "42703": "incomplete",
    "3F000": "incomplete",
    "08": "unreachable",
    "28": "unreachable",
    "3D": "unreachable",
    "53": "unreachable",
    "57": "unreachable",
    "58": "disk",
    "23": "conflict",
    "XX": "disk",
}
_TEXT_CODES, _NUMBER_CODE = ("22021", "22P05"), "22003"
# What its driver raises without a code where there is no connection, or no more.
_NO_CONNECTION = ("OperationalError", "InterfaceError")

_SENTENCES: dict[StorageKind, str] = {
    "unreachable": f"{_WHERE} cannot be reached. See that its server runs, and that the address, the user, the "
    "password and the name of the database are right.",
    "full": f"{_WHERE} cannot be written: the disk of its server is full. Make room there.",
    "locked": f"Another program keeps {_WHERE[0].lower()}{_WHERE[1:]} locked for long. Close what else has it open.",
    "disk": f"The server of {_WHERE[0].lower()}{_WHERE[1:]} reports that its disk or its files are not in order. Look "
    "into its log.",
    "read-only": f"{_WHERE} may only be read by this user. Let the user write and create tables there.",
    "incomplete": f"{_WHERE} lacks a table or a column. Bring it back from a backup, or name an empty database.",
    "conflict": f"{_WHERE} refuses an entry that contradicts another one. Look at what is there now.",
}


def of_server(error: BaseException) -> StorageError:
    """An error of a server's driver as one of ours: never its own text, which holds SQL, values and addresses."""
    code = getattr(error, "sqlstate", None) or ""
    if code in _TEXT_CODES:
        return StorageError("A text holds a character that cannot be stored. Type it again.")
    if code == _NUMBER_CODE:
        return StorageError("A number is too large to be stored. Choose a smaller one.")
    kind = _KINDS.get(code) or _KINDS.get(code[:2], "other")
    if not code and type(error).__name__ in _NO_CONNECTION:
        kind = "unreachable"
    named = code or type(error).__name__
    return StorageError(_SENTENCES.get(kind) or f"{_WHERE} fails (PostgreSQL's error {named}).", kind)
