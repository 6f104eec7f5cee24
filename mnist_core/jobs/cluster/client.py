"""The child by which the app reaches the cluster: it connects, and makes sure that there is a dispatcher.

`python -m mnist_core.jobs.cluster.client` prints lines of JSON that say whether it is connected, or what is wrong. It
ends when its standard input closes; the dispatcher and its runs go on.
"""

import json
import logging
import os
import sys
import threading
import time
from typing import Any

from mnist_core import environment
from mnist_core.jobs.cluster.connection import ClusterError, check_token, in_environment
from mnist_core.jobs.cluster.surroundings import Surroundings
from mnist_core.jobs.troubles import STORE_ERRORS, explain
from mnist_core.store import Store

_NAMESPACE = "mnist-lab"
# The first answer waits for a process that imports this program.
_PING_SECONDS, _ANSWER_SECONDS = 2.0, 60.0
# A store that is locked or away holds up a step for less than this.
_HANGING_SECONDS = 120.0


def _watch_input() -> None:
    sys.stdin.buffer.read()
    # Ray may hang where its head is gone; the dispatcher needs no farewell.
    os._exit(0)


def _say(**message: object) -> None:
    print(json.dumps(message), flush=True)


def _keep_dispatcher(surroundings: Surroundings) -> None:
    """Find or make the dispatcher, and look again and again whether it lives. Raises RayError or ClusterError."""
    import ray

    from mnist_core.jobs.cluster.dispatcher import Dispatcher

    address = environment.cluster_address()
    try:
        ray.init(address=address, namespace=_NAMESPACE, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ClusterError(
            f"MNIST_LAB_CLUSTER: no cluster answers at {address!r} with this token ({type(error).__name__}). Start one "
            "with `python -m mnist_core cluster start`, or unset MNIST_LAB_CLUSTER to train on this machine."
        ) from None
    kind: Any = ray.remote(Dispatcher)
    dispatcher = kind.options(
        name=surroundings.dispatcher,
        lifetime="detached",
        get_if_exists=True,
        num_cpus=0,
        max_restarts=-1,
        # If the head is gone, so is everything; on any other machine the dispatcher could be lost alone.
        resources={"node:__internal_head__": 0.001},
    ).remote(surroundings)
    while True:
        at_step: Any = ray.get(dispatcher.ping.remote(), timeout=_ANSWER_SECONDS)
        if at_step > _HANGING_SECONDS:
            # Ray starts it anew. Its tasks end with it, and their runs go on from their last checkpoints.
            ray.kill(dispatcher, no_restart=False)
        _say(connected=True)
        time.sleep(_PING_SECONDS)


def main() -> int:
    """Keep a dispatcher until the input closes; 1 if that is not possible now."""
    threading.Thread(target=_watch_input, daemon=True).start()
    os.environ.update(in_environment(environment.cluster_address()))
    try:
        check_token()
        _keep_dispatcher(Surroundings.of(Store(environment.results_dir(), environment.database_url(), only_look=True)))
    # Before OSError, of which Python makes it a kind.
    except TimeoutError:
        _say(trouble="The cluster does not answer.")
    except STORE_ERRORS as error:
        _say(trouble=explain(error))
    except Exception as error:
        # Ray has many errors, with texts of many lines: its log has them.
        print(error, file=sys.stderr)
        _say(trouble=f"The cluster cannot be used now ({type(error).__name__}).")
    return 1


if __name__ == "__main__":
    # Ray leaves threads that would keep the process.
    code = main()
    sys.stdout.flush()
    os._exit(code)
