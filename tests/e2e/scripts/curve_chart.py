"""A page with fourteen flat learning curves: run k has a loss of k, run 7 one of 30 at step 50."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import streamlit as st

from dashboard.components.curve_chart.curve_chart import curve_chart
from mnist_core.plots.learning_chart import learning_chart
from mnist_core.store import MetricSeries

steps = np.arange(1, 101)
runs: list[Any] = [
    SimpleNamespace(id=f"r{k}", number=k, name=f"net <i>&{k}", steps_per_epoch=10, train_images=640)
    for k in range(1, 15)
]
metrics = {}
for run in runs:
    loss = np.full(100, float(run.number))
    if run.number == 7:
        loss[49] = 30.0
    metrics[run.id] = {"train_loss": MetricSeries(steps, steps / 10, steps / 100, loss)}
log_x = st.toggle("log")
curve_chart("lines", learning_chart(metrics, runs, ["loss"], smoothing=0, log_x=log_x), "fourteen runs")
