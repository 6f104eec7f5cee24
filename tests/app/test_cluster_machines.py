"""The machines of a cluster on the pages that show how much is trained."""

from dataclasses import replace

import pytest

from mnist_core.config.run_config import RunConfig
from mnist_core.store import ClusterNode, ClusterState, write_cluster
from mnist_core.store.store import Store
from tests.app.pages import opened, tables, texts

pytestmark = pytest.mark.usefixtures("quiet")
FIRST = ClusterNode("a" * 56, "lab1", "10.0.0.1", "A processor", 8.0, 1.0, 1.6e10, "trains")
HIDDEN = replace(
    FIRST, id="b" * 56, host="lab2", gpus=0.0, state="left out", reason="it does not see the folder /srv/*lab*."
)
KEY = "machines-class"


def test_machines_are_shown_where_nobody_is_in_the_class(store: Store):
    run = store.enqueue(RunConfig(), "first")
    assert store.claim(run.id, token=f"cluster-{FIRST.id[:8]}-1")
    write_cluster(store, ClusterState(store.clock(), (FIRST, HIDDEN)))
    at = opened("class", part="People")
    table = tables(at)[KEY]
    assert list(table["Machine"]) == ["lab1-aaaaaaaa", "lab2-bbbbbbbb"]
    assert list(table["Trains"]) == [f"{run.number} · first", ""]
    assert list(table["GPUs"]) == ["1", ""]
    assert r"/srv/\*lab\*" in texts(at)


def test_machines_that_were_last_heard_of_long_ago_are_not_shown(store: Store):
    write_cluster(store, ClusterState(store.clock() - 3600, (FIRST,)))
    assert KEY not in tables(opened("class", part="People"))
