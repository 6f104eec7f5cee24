"""The commands for several machines: `cluster start`, `join`, `leave`, `status` and `drain`."""

import json
from dataclasses import asdict
from ipaddress import ip_address
from typing import Annotated

import typer

from mnist_core import environment
from mnist_core.commands.tables import print_table
from mnist_core.errors import ConfigError
from mnist_core.jobs import cluster_token_file, join_cluster, leave_cluster, start_cluster
from mnist_core.store import (
    ClusterNode,
    Run,
    Store,
    drained_nodes,
    is_of_cluster,
    read_cluster,
    runs_on,
    set_drained,
)
from mnist_core.text import counted, in_terminal

cluster_app = typer.Typer(help="Train on several machines.", no_args_is_help=True)

_Host = Annotated[str, typer.Option(help="The address of this machine at which the others reach it.")]


@cluster_app.command("start")
def start(host: _Host = "127.0.0.1", port: Annotated[int, typer.Option(min=1, max=65535)] = 6379) -> None:
    """Start the head of a cluster on this machine, which trains, too."""
    address = start_cluster(host, port)
    if not ip_address(host).is_loopback:
        print(
            "Ray answers nobody without the token, but listens at all addresses of this machine. If it has others\n"
            f"than {host}, close them with a firewall, here and on each machine that joins.\n"
        )
    print(
        f"The cluster has begun. Copy {cluster_token_file()} to the same place on each machine,\n"
        f"readable by its owner alone, and run there:\n  python -m mnist_core cluster join {address}\n"
        f"Start the app with:\n  MNIST_LAB_CLUSTER={address}"
    )


@cluster_app.command("join")
def join(
    address: Annotated[str, typer.Argument(help="The address that `cluster start` has printed.")],
    host: Annotated[str, typer.Option(help="The address of this machine, if it has several.")] = "",
) -> None:
    """Let this machine train for a cluster."""
    join_cluster(address, host or None)
    print("This machine trains for the cluster from now on; `python -m mnist_core cluster status` shows it.")


@cluster_app.command("leave")
def leave() -> None:
    """Take this machine out of its cluster; its runs go on elsewhere from their last checkpoints."""
    leave_cluster()


@cluster_app.command("status")
def status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False) -> None:
    """Show the machines of the cluster and what they do."""
    store = Store.open()
    state = read_cluster(store)
    running = store.runs(states=["running"], luck=None)
    lives = state.lives(store.clock())
    if as_json:
        nodes = [
            asdict(node) | {"name": node.name, "runs": [run.number for run in runs_on(node, running)]}
            for node in state.nodes
        ]
        print(json.dumps({"lives": lives, "seen": state.seen or None, "nodes": nodes, "troubles": state.troubles}))
        return
    if not lives:
        print(_silence(state.seen, store.clock()))
        return
    rows = [tuple(map(in_terminal, _row(node, running))) for node in state.nodes]
    print_table(("machine", "address", "cores", "GPUs", "state", "trains", "processor"), rows, folded="processor")
    waiting = store.count_queued()
    training = sum(map(is_of_cluster, running))
    print(f"{counted(training, 'run')} {'trains' if training == 1 else 'train'} on the cluster, {waiting} waiting.")
    for trouble in state.troubles:
        print(in_terminal(trouble))


@cluster_app.command("drain")
def drain(
    node: Annotated[str, typer.Argument(help="A name, an address or the beginning of an id, as `status` shows them.")],
    undo: Annotated[bool, typer.Option("--undo", help="Let it take runs again.")] = False,
) -> None:
    """Give a machine no more runs, and let its runs go on elsewhere from where they are."""
    store = Store.open()
    nodes = read_cluster(store).nodes
    matches = [known for known in nodes if node in (known.name, known.host, known.address) or known.id.startswith(node)]
    if not node or len(matches) != 1:
        names = ", ".join(known.name for known in nodes) or "none"
        raise ConfigError("node", f"{node!r} names {len(matches)} machines of the cluster; it has: {names}")
    ids = drained_nodes(store) & {known.id for known in nodes}
    set_drained(store, ids - {matches[0].id} if undo else ids | {matches[0].id})
    print(f"{matches[0].name} {'takes runs again' if undo else 'takes no more runs; what it trains is moved'}.")


def _row(node: ClusterNode, running: list[Run]) -> tuple[str, ...]:
    numbers = ", ".join(f"#{run.number}" for run in runs_on(node, running))
    gpus = f"{node.gpus:g}" if node.gpus else ""
    return node.name, node.address, f"{node.cpus:g}", gpus, node.state, numbers, node.processor


def _silence(seen: float, now: float) -> str:
    if not environment.cluster_address() and not seen:
        return "No cluster has trained for this store. docs/guide/cluster.md says how to set one up."
    if not seen:
        return "The cluster has not been heard of yet; open the app, or start a run."
    return f"The cluster was last heard of {now - seen:,.0f} s ago. The app connects to it by itself once it is back."
