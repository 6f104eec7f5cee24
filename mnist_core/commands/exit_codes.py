"""The exit codes of commands that train."""

import threading


def exit_code(interrupt: threading.Event) -> int:
    """The exit code of a command that has not reached its end: 130 after Ctrl-C, as shells have it, otherwise 1."""
    return 130 if interrupt.is_set() else 1
