"""Two apps with one store on one machine: either may be killed during a lesson, and the other goes on."""

import http.client
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from mnist_core.config.run_config import RunConfig
from mnist_core.store import name_person, processes, read_people, send_out
from mnist_core.store.concurrency import set_runs_at_once
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from tests.app_process import app_process, entry_cookie, free_port, wait_until
from tests.blank_files import write_blank_files
from tests.postgres_server import PostgresServer
from tests.protocol_client import Visitor, elements_of
from tests.watched_runs import stop_process

pytestmark = [pytest.mark.long, pytest.mark.sqlite]

LONG = RunConfig(dataset="mnist-5k", architecture="mlp-100", epochs=5000)


@pytest.fixture(params=["file", "server"])
def lab(request: pytest.FixtureRequest, own_lab: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store of both apps, in which one run trains at a time."""
    monkeypatch.setenv("MNIST_LAB_ACCESS", "on")
    write_blank_files("mnist", Path(os.environ["MNIST_LAB_DATA"]))
    if request.param == "file":
        yield one_at_a_time()
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = server.new_database()
    monkeypatch.setenv("MNIST_LAB_DATABASE", server.url(name))
    store = one_at_a_time()
    yield store
    store.engine.dispose()
    server.drop(name)


@pytest.fixture
def apps() -> Iterator[ExitStack]:
    with ExitStack() as running:
        yield running


def one_at_a_time() -> Store:
    store = Store.open()
    set_runs_at_once(store, 1)
    return store


def parent_of(pid: int | None) -> int:
    """The process that has started this one."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def trained_by(store: Store, run: Run, app: "subprocess.Popen[bytes]") -> bool:
    """Whether a worker of this app trains the run, and has ended an epoch."""
    run = store.run(run.id)
    with suppress(OSError):
        return run.state == "running" and run.pid is not None and run.epoch > 0 and parent_of(run.pid) == app.pid
    return False


def view_digest(port: int, cookie: str) -> str:
    """What an open page asks its app for every few seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/troubles", headers={"Cookie": cookie})
    digest = json.loads(connection.getresponse().read())["digest"]
    connection.close()
    return digest


def check_is_at_home(store: Store, port: int, cookie: str) -> None:
    """A pupil who came in by another app sees pages at this one, and is named."""
    with Visitor(port, cookie) as visitor:
        drawn = visitor.open("train")
        assert not [button for button in elements_of(drawn, "button") if button.form_id == "name"]
        assert elements_of(drawn, "button")


def test_either_app_may_be_killed_and_the_other_goes_on(lab: Store, own_lab: Path, apps: ExitStack):
    ports = [free_port(), free_port()]
    first = apps.enter_context(app_process(own_lab, ports[0]))
    cookie = entry_cookie(ports[0], own_lab)
    name_person(lab, read_people(lab, "student")[0].id, "Ada")
    run = lab.enqueue(LONG)
    wait_until(lambda: trained_by(lab, run, first))
    second = apps.enter_context(app_process(own_lab, ports[1]))
    waiting = lab.enqueue(LONG.replace(seed=1))
    check_is_at_home(lab, ports[1], cookie)

    # The worker outlives its app. The other app leaves it alone, counts it, and so trains nothing beside it.
    first.kill()
    first.wait()
    step = lab.run(run.id).step
    wait_until(lambda: lab.run(run.id).step > step)
    assert [other.id for other in lab.runs(states=["running"])] == [run.id]
    check_is_at_home(lab, ports[1], cookie)

    # Where it is killed, too, its run can be resumed, and the other app trains what waits.
    killed = lab.run(run.id).pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: lab.run(run.id).state == "interrupted")
    wait_until(lambda: trained_by(lab, waiting, second))
    assert processes.lives(killed, processes.start_of(killed)) is False
    epoch = lab.run(run.id).epoch
    assert epoch > 0

    # Now the other way round: the first app is back, and the second one is killed with its worker.
    first = apps.enter_context(app_process(own_lab, ports[0]))
    lab.requeue(run.id)
    worker = lab.run(waiting.id).pid
    assert worker is not None
    second.kill()
    second.wait()
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: lab.run(waiting.id).state == "interrupted")
    wait_until(lambda: trained_by(lab, run, first))
    wait_until(lambda: lab.run(run.id).epoch > epoch)
    check_is_at_home(lab, ports[0], cookie)
    lab.request(run.id, "stop")
    wait_until(lambda: lab.run(run.id).state == "stopped")
    assert lab.changed_parts(run.id) == []


def test_an_app_that_ends_in_good_order_takes_only_its_own_runs_with_it(lab: Store, own_lab: Path, apps: ExitStack):
    first = apps.enter_context(app_process(own_lab, free_port()))
    run = lab.enqueue(LONG)
    wait_until(lambda: trained_by(lab, run, first))
    second = apps.enter_context(app_process(own_lab, free_port()))
    set_runs_at_once(lab, 2)
    stop_process(lab, first.pid, while_it_writes=False)
    other = lab.enqueue(LONG.replace(seed=1))
    wait_until(lambda: trained_by(lab, other, second))
    os.kill(first.pid, signal.SIGCONT)
    first.terminate()
    wait_until(lambda: lab.run(run.id).state == "interrupted")
    assert trained_by(lab, other, second)
    lab.requeue(run.id)
    wait_until(lambda: trained_by(lab, run, second))


def test_a_class_at_two_apps_is_one_class(lab: Store, own_lab: Path, apps: ExitStack):
    ports = [free_port(), free_port()]
    with ThreadPoolExecutor(2) as pool:
        # Both make the links of the class, and the tables, at the same moment.
        list(pool.map(lambda port: apps.enter_context(app_process(own_lab, port)), ports))
    log = (own_lab / "app.log").read_text()
    tokens = json.loads((own_lab / "access.json").read_text())
    assert [log.count(token) for token in tokens.values()] == [2, 2]
    assert "Traceback" not in log
    cookies = [entry_cookie(port, own_lab) for port in ports]
    for cookie, student in zip(cookies, read_people(lab, "student"), strict=True):
        name_person(lab, student.id, "Ada")
        for port in ports:
            check_is_at_home(lab, port, cookie)
    # A view that one app sends reaches pages that the other serves.
    before = [view_digest(port, cookies[0]) for port in ports]
    lab.set_setting("sent_view", {"id": "1", "path": "compare"})
    wait_until(lambda: all(view_digest(port, cookies[0]) != old for port, old in zip(ports, before, strict=True)), 10)
    # Who is sent out at one app loses the pages that the other has open.
    with Visitor(ports[1], cookies[0]) as visitor:
        visitor.open("train")
        send_out(lab, [read_people(lab, "student")[0].id])
        assert visitor.seconds_until_closed(most=20) < 3
    # So many runs as may train at once train on the machine, not in each app.
    set_runs_at_once(lab, 2)
    lab.enqueue_all([(LONG.replace(seed=seed), "") for seed in range(6)])
    wait_until(lambda: len([run for run in lab.runs(states=["running"]) if run.epoch]) == 2)
    assert len(lab.runs(states=["running"])) == 2
    set_runs_at_once(lab, 0)
    for run in lab.runs(states=["running"]):
        lab.request(run.id, "stop")
    wait_until(lambda: not lab.runs(states=["running"]))
