"""Training gives way: a worker leaves the processor to the pages of the app, and to whatever else a person does."""

import contextlib
import os
from pathlib import Path

# 5 of 19: beside a program of usual priority it gets a quarter of a core, and all of it while nothing else wants it.
# With 10, a tenth, a pupil's short run waited up to four seconds while others opened pages, and no page came sooner.
_NICENESS = 5
# 15 of 19: beside another worker it gets a tenth of a core.
_LONG_NICENESS = 15
# Linux may weigh sessions of processes before it weighs processes, and a worker is a session of its own:
# https://man7.org/linux/man-pages/man7/sched.7.html, "The autogroup feature".
_SESSION = "/proc/{}/autogroup"


def give_way() -> None:
    """Lower the priority of this process, where the system has such a thing."""
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    if os.name == "nt" or os.getsid(0) != os.getpid():
        # The other programs of a session that is not this process's own are none of its business.
        return
    with contextlib.suppress(OSError):
        Path(_SESSION.format("self")).write_text(str(_NICENESS))


def stand_back(pid: int) -> bool:
    """Lower the priority of a worker further, for good, so that others come before it; whether the system can do that.

    A process that was lowered may not be raised again.
    """
    if not hasattr(os, "setpriority"):
        return False
    # The worker may have ended meanwhile.
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, _LONG_NICENESS)
        Path(_SESSION.format(pid)).write_text(str(_LONG_NICENESS))
    return True
