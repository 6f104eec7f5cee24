"""The secret tokens in the links: one lets in students, one teachers. They lie in a file that only its owner reads."""

import hmac
import json
import os
import secrets
import threading
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from mnist_core import environment
from mnist_core.errors import StorageError
from mnist_core.store import Role, make_results_folder, system_errors, write_atomically

_FILE = "access.json"
# 256 random bits: nobody finds one by trying, whatever the limit of guesses.
_BYTES = 32
_SHORTEST = 32


@dataclass(frozen=True)
class Tokens:
    """One token a role."""

    teacher: str
    student: str

    def role_of(self, token: str) -> Role | None:
        """Who a token lets in; every comparison takes the same time, however much of the token is right."""
        secret = token.encode("utf-8", "replace")
        is_teacher = hmac.compare_digest(secret, self.teacher.encode())
        is_student = hmac.compare_digest(secret, self.student.encode())
        return "teacher" if is_teacher else "student" if is_student else None


class TokenFile:
    """The tokens of one results folder: made at the first start, kept over restarts, and replaced when a person asks.

    The file is read anew each time, because another process may have replaced a token. While it cannot be read or is
    damaged, the tokens that were read last count.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._last: Tokens | None = None
        self._lock = threading.Lock()

    def begin(self) -> bool:
        """Read the tokens, or make new ones; returns whether a damaged file was replaced.

        Nobody can guess what a damaged file held, so that its links are lost. Raises StorageError if the file cannot be
        read or written.
        """
        with system_errors(self._path, "read"):
            was_there = self._path.exists()
            tokens = self._read()
            if tokens is not None:
                self._path.chmod(0o600)
        if tokens is None:
            with system_errors(self._path, "written"):
                # The links are made before the first run is.
                make_results_folder(self._path.parent)
                self._make() if not was_there else self._write(Tokens(_new(), _new()))
        return was_there and tokens is None

    def current(self) -> Tokens:
        """The tokens that let people in now. Raises StorageError if none could ever be read."""
        try:
            tokens = self._read()
        except OSError:
            tokens = None
        self._last = tokens or self._last
        if self._last is None:
            raise StorageError(f"{self._path} cannot be read; start the app again, which makes new links")
        return self._last

    def renew(self, role: Role) -> None:
        """Make a new token for a role; links with the old one let nobody in any more. Raises StorageError."""
        with self._lock, system_errors(self._path, "written"):
            self._write(replace(self.current(), **{role: _new()}))

    def _read(self) -> Tokens | None:
        """The file's tokens; None if it is missing or damaged. Raises OSError."""
        try:
            value = json.loads(self._path.read_bytes())
            tokens = Tokens(value["teacher"], value["student"])
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, LookupError, RecursionError):
            return None
        texts = (tokens.teacher, tokens.student)
        # A short token could be guessed, and two equal ones would let students in as teachers.
        sound = all(isinstance(text, str) and text.isascii() and len(text) >= _SHORTEST for text in texts)
        if not sound or tokens.teacher == tokens.student:
            return None
        self._last = tokens
        return tokens

    def _make(self) -> None:
        """Make the file; where another app on the same folder makes it at this moment, one of both counts for both."""
        begun = TokenFile(self._path.parent)
        begun._path = self._path.with_name(f".{_FILE}.{os.getpid()}.part")
        begun._write(Tokens(_new(), _new()))
        try:
            # Unlike a renaming, a link takes no place that is taken.
            os.link(begun._path, self._path)
            begun._path.unlink()
        except FileExistsError:
            begun._path.unlink()
        except OSError:
            # Some file systems have no links.
            begun._path.replace(self._path)

    def _write(self, tokens: Tokens) -> None:
        def write(path: Path) -> None:
            # A process before this one with the same number may have left it.
            path.unlink(missing_ok=True)
            # Nobody else can read the file at any moment, whatever the umask.
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(tokens), file)

        write_atomically(self._path, write)
        self._last = tokens


def token_file() -> TokenFile:
    """The one of the results folder that the environment names."""
    return _token_file(environment.results_dir())


@cache
def _token_file(folder: Path) -> TokenFile:
    return TokenFile(folder)


def _new() -> str:
    return secrets.token_urlsafe(_BYTES)
