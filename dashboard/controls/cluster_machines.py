"""The machines of a cluster and what they do, on pages that show how much is trained."""

import pandas as pd
import streamlit as st

from dashboard.components import data_table, table_rows
from dashboard.frame import open_store
from mnist_core.plots import run_label
from mnist_core.store import ClusterNode, Run, read_cluster, runs_on
from mnist_core.text import in_markdown


def show_machines(key: str) -> None:
    """A table of the machines that train now; nothing where this machine trains alone."""
    store = open_store()
    state = read_cluster(store)
    if not state.seen or not state.nodes or not state.lives(store.clock()):
        return
    running = store.runs(states=["running"], luck=None)
    able = [node for node in state.nodes if node.state == "trains"]
    busy = sum(bool(runs_on(node, running)) for node in able)
    cores = sum(node.cpus for node in able)
    trains = "**1 machine** trains" if len(able) == 1 else f"**{len(able)} machines** train"
    st.markdown(f"{trains}, with {cores:g} cores; {busy} {'is' if busy == 1 else 'are'} busy.")
    rows = [_row(node, running) for node in state.nodes]
    data_table(f"machines-{key}", table_rows(pd.DataFrame(rows)), "The machines of the cluster and what they train")
    for node in state.nodes:
        if node.reason:
            st.caption(f"{in_markdown(node.name)} is left out: {in_markdown(node.reason)}")


def _row(node: ClusterNode, running: list[Run]) -> dict[str, str]:
    return {
        "Machine": node.name,
        "State": _STATES[node.state],
        "Trains": ", ".join(run_label(run) for run in runs_on(node, running)),
        "Cores": f"{node.cpus:g}",
        "GPUs": f"{node.gpus:g}" if node.gpus else "",
        "Processor": node.processor,
    }


_STATES = {"trains": "takes runs", "drained": "takes no more runs", "asked": "is asked", "left out": "left out"}
