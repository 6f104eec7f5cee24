"""`python -m mnist_core`: the command line."""

import signal

# While the command line is being imported there is nothing to save, so Ctrl-C just ends the process. A
# KeyboardInterrupt in the middle of an import could be turned into another error or be swallowed.
_begun = signal.getsignal(signal.SIGINT)
if _begun is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from mnist_core.commands import main  # noqa: E402

signal.signal(signal.SIGINT, _begun)
main()
