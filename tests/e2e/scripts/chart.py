"""A page with the live chart: a run of 600 measurements that measures 20 times a second from now on."""

import time

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components.live_chart.live_chart import ChartedRun, live_chart

st.set_page_config(layout="wide")
start = st.session_state.setdefault("start", time.time())
st.html(f"<i id='start' data-seconds='{start!r}'></i>")
smoothing = st.slider("Smoothing", 0.0, 0.99, 0.5)
log_x, log_y = st.toggle("Log x"), st.toggle("Log y")


def read(after):
    step = np.arange(after // 2 + 1, 601 + int(20 * (time.time() - start)))
    loss = pd.DataFrame({"id": 2 * step - 1, "step": step, "value": 2 / step**0.5, "seconds": step / 20})
    loss["name"] = "train_loss"
    accuracy = loss.assign(id=2 * step, name="train_accuracy", value=1 - 0.9 / step**0.5)
    epochs = loss[loss["step"] % 100 == 0].assign(name="validation_loss")
    return pd.concat([loss, accuracy, epochs]).sort_values("id")


@st.fragment(run_every=0.3)
def live():
    if not st.toggle("Put the chart away"):
        runs = [ChartedRun("a", "CNN <b>& co</b>", "#3078cf", "solid", 100, read)]
        live_chart("chart", runs, smoothing=smoothing, log_x=log_x, log_y=log_y)


live()
