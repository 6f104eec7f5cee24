"""Machines of a lab, as far as one machine can play them: own network, processes, host name and temporary files of Ray.

They are Linux namespaces on one bridge and need root. The folder of the test is the one that they share.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.app_process import wait_until

ROOT = Path(__file__).parents[1]
# At this address the machine of the test, with its database, is reached by the others.
OUTSIDE = "10.213.7.254"
_BRIDGE = "lab-bridge"
# The first process of a machine: programs whose parents have ended are forgotten when they end, too.
_FIRST = "import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN); signal.pause()"
_NAMESPACES = ("--net", "--uts", "--mount", "--pid")


def can_play_hosts() -> bool:
    """Whether this process may make namespaces and networks."""
    if sys.platform != "linux" or os.geteuid() != 0 or not (shutil.which("unshare") and shutil.which("ip")):
        return False
    tried = subprocess.run(["unshare", *_NAMESPACES, "--fork", "--mount-proc", "true"], capture_output=True)
    return tried.returncode == 0


class Host:
    """A machine that runs; its programs end with it."""

    def __init__(self, name: str, number: int, home: Path) -> None:
        """`home` is the machine's own folder, and `number` the end of its address."""
        self.name, self.address, self.home = name, f"10.213.7.{number}", home
        home.mkdir()
        # Ray finds what runs on its machine by files in this folder.
        Path("/tmp/ray").mkdir(exist_ok=True)
        begin = f"hostname {name} && mount -t tmpfs none /tmp/ray && echo ready && exec {sys.executable} -c '{_FIRST}'"
        self._outer = subprocess.Popen(
            ["unshare", *_NAMESPACES, "--fork", "--mount-proc", "--kill-child", "sh", "-c", begin],
            stdout=subprocess.PIPE,
        )
        assert self._outer.stdout is not None
        assert self._outer.stdout.readline() == b"ready\n"
        children = Path(f"/proc/{self._outer.pid}/task/{self._outer.pid}/children").read_text().split()
        self._first = children[0]
        self._cable = f"lab-{number}"
        for command in (
            f"ip link add {self._cable} type veth peer name eth0 netns {self._first}",
            f"ip link set {self._cable} master {_BRIDGE} up",
            f"nsenter -t {self._first} -n ip addr add {self.address}/24 dev eth0",
            f"nsenter -t {self._first} -n ip link set eth0 up",
            f"nsenter -t {self._first} -n ip link set lo up",
        ):
            subprocess.run(command.split(), check=True)

    def command(self, *words: str) -> list[str]:
        """What starts a program there, in the folder of this project."""
        return ["nsenter", "-t", self._first, "-n", "-u", "-m", "-p", f"--wd={ROOT}", "--", *words]

    def run(self, *words: str, env: Mapping[str, str] | None = None) -> str:
        """Run a program there to its end, and return what it prints; it must succeed."""
        surroundings = os.environ | {"HOME": str(self.home)} | dict(env or {})
        done = subprocess.run(
            self.command(*words), env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def lab(self, *words: str, env: Mapping[str, str] | None = None) -> str:
        """Run a command of this project there."""
        return self.run(sys.executable, "-m", "mnist_core", *words, env=env)

    def unplug(self) -> None:
        """Cut the machine off from all others; its programs go on."""
        subprocess.run(["ip", "link", "set", self._cable, "down"], check=True)

    def plug_in(self) -> None:
        """Undo `unplug`."""
        subprocess.run(["ip", "link", "set", self._cable, "up"], check=True)

    def listens_at(self) -> set[str]:
        """The addresses at which programs there wait for connections."""
        lines = self.run("ss", "-Hltn").splitlines()
        return {line.split()[3].rpartition(":")[0] for line in lines}

    def end(self) -> None:
        """Cut its power."""
        assert self._outer.stdout is not None
        self._outer.stdout.close()
        self._outer.kill()
        self._outer.wait()
        wait_until(lambda: not Path(f"/proc/{self._first}").exists(), 20)
        subprocess.run(["ip", "link", "del", self._cable], capture_output=True)


@contextmanager
def lab_hosts(folder: Path, names: list[str]) -> Iterator[list[Host]]:
    """These machines, with addresses that end in 1, 2 and so on; they end afterwards."""
    with ExitStack() as stack:
        subprocess.run(["ip", "link", "add", _BRIDGE, "type", "bridge"], check=True)
        stack.callback(subprocess.run, ["ip", "link", "del", _BRIDGE])
        subprocess.run(["ip", "addr", "add", f"{OUTSIDE}/24", "dev", _BRIDGE], check=True)
        subprocess.run(["ip", "link", "set", _BRIDGE, "up"], check=True)
        hosts = []
        for number, name in enumerate(names, 1):
            hosts.append(Host(name, number, folder / name))
            stack.callback(hosts[-1].end)
        yield hosts
