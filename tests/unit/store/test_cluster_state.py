"""What the store knows of a cluster, and which runs come next."""

from typing import Any

import pytest

from mnist_core.config.run_config import RunConfig
from mnist_core.jobs import liveness
from mnist_core.store import (
    ClusterNode,
    ClusterState,
    claim_token,
    concurrency,
    is_of_cluster,
    next_runs,
    places,
    read_cluster,
    runs_on,
    write_cluster,
)
from mnist_core.store.store import Store

NODE = ClusterNode("0123456789abcdef", "lab2", "10.0.0.2", "AMD EPYC", 4.0, 0.0, 8e9, "trains")


def test_what_was_written_is_read(store: Store):
    state = ClusterState(store.clock(), (NODE,), ("lab3 is left out",))
    write_cluster(store, state)
    assert read_cluster(store) == state


@pytest.mark.parametrize("value", [None, [], "x", {"nodes": [{"id": 1}]}, {"seen": "x"}, {"nodes": 3}])
def test_what_cannot_be_read_is_no_cluster(store: Store, value: Any):
    store.set_setting("cluster", value)
    assert read_cluster(store) == ClusterState()


def test_a_cluster_that_says_nothing_for_long_does_not_live(store: Store):
    assert ClusterState(100.0).lives(120.0)
    assert not ClusterState(100.0).lives(140.0)
    assert not ClusterState().lives(store.clock())


def test_the_places_are_those_of_the_cluster_while_it_lives(store: Store):
    concurrency.set_runs_at_once(store, 3)
    assert places(store) == 3
    left_out = ClusterNode("ff", "lab3", "10.0.0.3", "", 8.0, 0.0, 8e9, "left out", "no folder")
    write_cluster(store, ClusterState(store.clock(), (NODE, left_out)))
    assert places(store) == 4
    write_cluster(store, ClusterState(store.clock() - 100, (NODE,)))
    assert places(store) == 3


def test_a_claim_of_the_cluster_tells_its_machine(store: Store):
    run = store.claim(store.enqueue(RunConfig()).id, token=claim_token(NODE.id, "salt"))
    other = store.claim(store.enqueue(RunConfig()).id)
    assert run is not None
    assert other is not None
    assert (is_of_cluster(run), is_of_cluster(other)) == (True, False)
    assert runs_on(NODE, [run, other]) == [run]


def test_runs_of_a_cluster_that_lives_are_not_ended_by_others(store: Store):
    run = store.claim(store.enqueue(RunConfig()).id, token=claim_token(NODE.id, "salt"))
    assert run is not None
    write_cluster(store, ClusterState(store.clock(), (NODE,)))
    assert liveness.running_here(store) == []
    write_cluster(store, ClusterState(store.clock() - 100, (NODE,)))
    assert [each.id for each in liveness.running_here(store)] == [run.id]


def test_the_next_runs_are_those_of_the_queue(store: Store):
    runs = [store.enqueue(RunConfig(seed=seed)) for seed in range(6)]
    store.claim(runs[0].id)
    store.delete([runs[1].id])
    assert [run.id for run in next_runs(store, 2, {runs[3].id})] == [runs[2].id, runs[4].id]
    assert [run.id for run in next_runs(store, 9)] == [run.id for run in runs[2:]]
