"""A page with a growing chart: a run of 600 measurements that measures 20 times a second from now on."""

import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components.curve_chart.curve_chart import growing_curve_chart, visible_range
from dashboard.controls.live_curves import FollowedRuns
from mnist_core.plots.learning_chart import learning_chart
from tests.long_tables import as_curves

st.set_page_config(layout="wide")
start = st.session_state.setdefault("start", time.time())
st.html(f"<i id='start' data-seconds='{start!r}'></i>")
smoothing = st.slider("Smoothing", 0.0, 0.99, 0.5)
log_x, log_y = st.toggle("Log x"), st.toggle("Log y")
run: Any = SimpleNamespace(id="a", number=1, name="CNN <b>& co</b>", steps_per_epoch=100, train_images=6400)


def read(after):
    step = np.arange(after // 2 + 1, 601 + int(20 * (time.time() - start)))
    loss = pd.DataFrame({"id": 2 * step - 1, "step": step, "value": 2 / step**0.5, "seconds": step / 20})
    loss["name"] = "train_loss"
    accuracy = loss.assign(id=2 * step, name="train_accuracy", value=1 - 0.9 / step**0.5)
    epochs = loss[loss["step"] % 100 == 0].assign(name="validation_loss")
    return pd.concat([loss, accuracy, epochs]).sort_values("id").assign(epoch=1)


@st.fragment(run_every=0.3)
def live():
    if not st.toggle("Put the chart away"):
        followed = st.session_state.setdefault("followed", FollowedRuns())
        rows = read(followed.last_row("a"))
        if len(rows):
            followed.add("a", int(rows["id"].to_numpy().max()), as_curves(rows))
        steps = followed.curves("a")["train_loss"].step
        chart = learning_chart(
            {"a": followed.curves("a")},
            [run],
            smoothing=smoothing,
            log_x=log_x,
            log_y=log_y,
            window=visible_range("chart", "step"),
            cache=followed.lines,
        )
        growing_curve_chart("chart", chart, "Learning curves", points=len(steps), last_step=int(steps[-1]))


live()
