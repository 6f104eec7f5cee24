"""Whether this server asks who somebody is: always in a network; on this machine alone only if a setting says so."""

import threading

import streamlit as st

from dashboard.access.hosts import is_loopback
from mnist_core import environment
from mnist_core.errors import MnistLabError

# Set once a gate stands in this process. Whatever a setting is changed to afterwards, the server still listens where it
# was started.
_gate_stands = threading.Event()


def access_is_on() -> bool:
    """Whether only people with a link get in, so that each has a role."""
    return _gate_stands.is_set() or is_wanted()


def is_wanted() -> bool:
    """Whether the settings ask for a gate.

    Raises MnistLabError for a value of MNIST_LAB_ACCESS that means nothing, such as "off" for a network.
    """
    setting = environment.access_setting()
    if setting not in ("", "on"):
        raise MnistLabError(
            f"MNIST_LAB_ACCESS: {setting[:100]!a} means nothing. Write on, or leave it out: then people need a link "
            "unless the server listens on this machine only (--server.address 127.0.0.1)."
        )
    return setting == "on" or not is_loopback(st.get_option("server.address"))


def remember_gate() -> None:
    """From now on there is a gate, as long as this process lives."""
    _gate_stands.set()
