"""`python -m mnist_core`: the command line."""

import signal

# Until the command line is imported nothing is under way that could be saved: Ctrl-C then simply ends it. An exception
# in the middle of an import would come out as any other error, or not at all.
_begun = signal.getsignal(signal.SIGINT)
if _begun is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from mnist_core.commands import main  # noqa: E402

signal.signal(signal.SIGINT, _begun)
main()
