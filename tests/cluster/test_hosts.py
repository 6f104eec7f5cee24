"""A cluster of machines with own networks, set up with the commands of the guide: one is cut off, the head ends.

Needs root, for namespaces of Linux.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

import pytest

from mnist_core.config.run_config import RunConfig
from mnist_core.store import ClusterNode, read_cluster
from mnist_core.store.store import Store
from tests.app_process import wait_until
from tests.lab_hosts import OUTSIDE, Host, can_play_hosts, lab_hosts
from tests.postgres_server import programs, temporary_server
from tests.watched_runs import assert_weights_of_an_undisturbed_run, begun, ended

if not can_play_hosts() or programs() is None:
    pytest.skip("needs root and a PostgreSQL server", allow_module_level=True)

ADDRESS = "10.213.7.1:6379"
# Minutes of training, so that it is still under way when something happens.
LONG = RunConfig(dataset="mnist-5k", architecture="mlp-100", epochs=10_000)
SECONDS = 240


class Lab:
    """Three machines that train, one that has another folder, and the store that all use."""

    def __init__(self, hosts: list[Host], store: Store, variables: dict[str, str]) -> None:
        self.head, self.second, self.third, self.stranger = hosts
        self.store, self.variables = store, variables

    def start_head(self) -> None:
        self.head.lab("cluster", "start", "--host", self.head.address, env=self.variables)

    def join(self, host: Host) -> None:
        (host.home / ".ray").mkdir(exist_ok=True)
        shutil.copy(self.head.home / ".ray" / "auth_token", host.home / ".ray")
        host.lab("cluster", "join", ADDRESS, env=self.variables)

    def start_app(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
        surroundings = self.variables | {"HOME": str(self.head.home), "MNIST_LAB_CLUSTER": ADDRESS}
        with (self.head.home / "app.log").open("wb") as log:
            return subprocess.Popen(self.head.command(*command), stdout=log, stderr=log, env=os.environ | surroundings)

    def machines(self) -> dict[str, ClusterNode]:
        """The living machines by their host names."""
        cluster = read_cluster(self.store)
        return {node.host: node for node in cluster.nodes} if cluster.lives(self.store.clock()) else {}

    def wait_for_all(self) -> None:
        """Return as soon as head, second and third take runs."""
        wait_until(lambda: [node.state for node in self.machines().values()] == ["trains"] * 3, SECONDS)

    @contextmanager
    def drained_head(self) -> Iterator[None]:
        """Within it the head takes no runs."""
        self.head.lab("cluster", "drain", self.head.name, env=self.variables)
        wait_until(lambda: self.machines()[self.head.name].state == "drained", SECONDS)
        yield
        self.head.lab("cluster", "drain", self.head.name, "--undo", env=self.variables)

    def host_of(self, run_id: str) -> str:
        return self.store.run(run_id).host or ""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    with ExitStack() as stack:
        hosts = stack.enter_context(lab_hosts(folder, ["lab1", "lab2", "lab3", "lab4"]))
        server = stack.enter_context(temporary_server(OUTSIDE))
        variables = {
            "MNIST_LAB_RESULTS": str(folder / "results"),
            "MNIST_LAB_DATABASE": server.url(server.new_database()),
            "MNIST_LAB_DATA": str(folder / "data"),
        }
        stack.enter_context(mock.patch.dict(os.environ, variables))
        lab = Lab(hosts, Store.open(), variables)
        stack.callback(lab.store.engine.dispose)
        lab.start_head()
        for host in (lab.second, lab.third):
            lab.join(host)
        app = lab.start_app()
        stack.callback(app.wait)
        stack.callback(app.terminate)
        lab.wait_for_all()
        yield lab


def test_each_machine_is_known_by_its_name_and_trains(lab: Lab):
    assert lab.machines().keys() == {"lab1", "lab2", "lab3"}
    status = lab.head.lab("cluster", "status", env=lab.variables)
    assert all(host.name in status for host in (lab.head, lab.second, lab.third))
    runs = [lab.store.enqueue(LONG.replace(epochs=10, seed=seed)) for seed in range(6)]
    for run in runs:
        begun(lab.store, run)
    assert {lab.host_of(run.id) for run in runs} == {"lab1", "lab2", "lab3"}
    for run in runs:
        assert ended(lab.store, run).state == "finished"


def test_a_cluster_on_loopback_listens_nowhere_else(lab: Lab):
    lab.stranger.lab("cluster", "start")
    assert {address.strip("[]").removeprefix("::ffff:") for address in lab.stranger.listens_at()} == {"127.0.0.1"}
    lab.stranger.lab("cluster", "leave")


def test_a_machine_without_the_shared_folder_is_left_out_by_its_name(lab: Lab):
    # Another folder stands there under the same name.
    lab.stranger.run("mount", "-t", "tmpfs", "none", lab.variables["MNIST_LAB_RESULTS"])
    lab.join(lab.stranger)
    wait_until(lambda: "lab4" in lab.machines() and lab.machines()["lab4"].state == "left out", SECONDS)
    assert lab.variables["MNIST_LAB_RESULTS"] in lab.machines()["lab4"].reason
    assert any("lab4" in trouble for trouble in read_cluster(lab.store).troubles)
    run = lab.store.enqueue(LONG.replace(epochs=1))
    assert ended(lab.store, run).state == "finished"
    assert lab.host_of(run.id) != "lab4"
    lab.stranger.lab("cluster", "leave")
    wait_until(lambda: "lab4" not in lab.machines(), SECONDS)


def test_a_machine_that_is_cut_off_loses_its_run_and_writes_nothing_once_it_is_back(lab: Lab):
    with lab.drained_head():
        run = begun(lab.store, lab.store.enqueue(LONG.replace(epochs=300)))
    (cut_off,) = [host for host in (lab.second, lab.third) if host.name == run.host]
    cut_off.unplug()
    try:
        wait_until(lambda: lab.store.run(run.id).worker not in (None, run.worker), SECONDS)
        assert lab.host_of(run.id) != cut_off.name
    finally:
        cut_off.plug_in()
    assert ended(lab.store, run).state == "finished"
    assert all(lab.store.intact(run.id, artifact) for artifact in lab.store.artifacts(run.id))
    assert not list(lab.store.folder(run.id).glob(".claim-*"))
    assert_weights_of_an_undisturbed_run(lab.store, run)
    # Ray has given the machine up meanwhile. Once it has joined again, it takes runs.
    cut_off.lab("cluster", "leave")
    lab.join(cut_off)
    lab.wait_for_all()


@pytest.mark.parametrize("kept", [True, False], ids=["with what it knew", "without"])
def test_no_run_is_lost_when_the_head_is_started_anew(lab: Lab, kept: bool):
    with lab.drained_head():
        run = begun(lab.store, lab.store.enqueue(LONG.replace(epochs=300)))
    lab.head.lab("cluster", "leave")
    if not kept:
        shutil.rmtree(lab.head.home / ".ray" / "mnist-lab-head")
    lab.start_head()
    if not kept:
        for host in (lab.second, lab.third):
            host.lab("cluster", "leave")
            lab.join(host)
    assert ended(lab.store, run).state == "finished"
    lab.wait_for_all()
    assert_weights_of_an_undisturbed_run(lab.store, run)
