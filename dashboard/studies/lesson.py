"""The lesson of a study, and a demonstration of it on the networks that were trained here."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components import data_table, table_rows
from dashboard.controls import SplitPredictions, split_predictions
from dashboard.frame import cached_by_run, errors_as_messages, open_store, show_figure
from dashboard.studies.chosen_experiment import ChosenExperiment
from dashboard.studies.study_weights import choose_network, weight_grid
from mnist_core.analysis import explain_linear, trained
from mnist_core.plots import clipped_logits, weight_images
from mnist_core.store import Run
from mnist_core.text import in_markdown

_LOGITS = (2.0, -1.0, 0.5)


def show_lesson(chosen: ChosenExperiment) -> None:
    """The lesson in a few sentences, and its demonstration."""
    st.markdown(chosen.study.lesson)
    if demonstration := _DEMONSTRATIONS.get(chosen.study.name):
        with st.container(border=True, key="demonstration"), errors_as_messages():
            demonstration(chosen)


def _show_product(chosen: ChosenExperiment) -> None:
    """The product of all weight matrices as ten images, and its rank."""
    st.markdown("### All its layers, multiplied into one matrix")
    trained_runs = chosen.trained()
    if not trained_runs:
        st.info("Train these networks live: then this page shows the one matrix that each of them is equal to.")
        return
    run = choose_network(trained_runs, "product-of", last=True)
    product = _product(run)
    if product is None:
        st.info("This network has an activation between its layers, so no single matrix does the same.")
        return
    layers = list(zip(product.widths, product.widths[1:], strict=False))
    # The last layer stands first, as in the product of the matrices.
    factors = " · ".join(f"({outputs} × {inputs})" for inputs, outputs in reversed(layers))
    parameters = sum(outputs * (inputs + 1) for inputs, outputs in layers)
    left, right = st.columns([3, 2], gap="large")
    with left:
        pictures, limit = weight_images(product.matrix.reshape(-1, *_image_shape(run)))
        weight_grid(pictures, [str(digit) for digit in range(len(pictures))], 5, limit)
    with right:
        st.metric(
            "Rank of the product",
            f"{product.rank} of {len(product.matrix)}",
            help="How many rows of the matrix are independent: at most the width of the narrowest layer.",
        )
        st.markdown(
            f"{factors} = **({product.matrix.shape[0]} × {product.matrix.shape[1]})**\n\nThe narrowest layer is "
            f"**{product.narrowest}** wide. {parameters:,} parameters were trained, but a single matrix of "
            f"{product.matrix.size:,} numbers with {len(product.matrix)} constants computes the same."
        )
        shares = product.singular_values / product.singular_values[0]
        st.caption("Singular values, the largest as 1: " + ", ".join(f"{share:.2g}" for share in shares))


def _show_clipped_logits(chosen: ChosenExperiment) -> None:
    """Which classes the ReLU after the last layer has silenced, in each trained network."""
    st.markdown("### Which logits are stuck at zero?")
    runs = {f"seed {planned.seed}": run for planned, run in chosen.runs() if run.state == "finished"}
    if not runs:
        st.info("Train this network live: then this page shows the classes whose score (logit) is stuck at zero.")
        return
    run = next(iter(runs.values()))
    if len(runs) > 1:
        help = "Which classes are stuck depends on the initial weights, and so on the seed."
        run = runs[st.selectbox("Of the network", list(runs), key="clipped-of", width=420, help=help)]
    predictions = split_predictions(run, "test")
    table = _clipped_table(run, predictions)
    stuck = [predictions.classes[index] for index in table.index[(table["any"] == 1).to_numpy()]]
    if stuck:
        names = ", ".join(map(in_markdown, stuck))
        st.warning(
            f"Stuck: {names}. Their logit is zero for every test image. So no gradient reaches it, and the network "
            "never gives this answer, unless all logits are zero."
        )
    else:
        st.success("No class is stuck in this network. With another seed one may be.")
    show_figure(clipped_logits(table, predictions.classes), key="clipped")
    st.caption(
        "A red bar: on how many test images of this class its own logit is clipped to zero. There the network cannot "
        "tell the class from others at zero, and no gradient raises the score."
    )


def _show_log_softmax_twice(_: ChosenExperiment) -> None:
    """Log-softmax of log-softmax, with numbers."""
    st.markdown("### Log-softmax, once and twice")
    first = st.slider(
        "First logit",
        -5.0,
        5.0,
        _LOGITS[0],
        0.5,
        key="logit",
        width=420,
        help="Move it: the second and the third row stay equal.",
    )
    values = np.array([first, *_LOGITS[1:]])
    once = explain_linear.log_softmax(values)
    rows = {"logits": values, "log-softmax": once, "log-softmax again": explain_linear.log_softmax(once)}
    table = pd.DataFrame(
        [[*row, np.exp(row).sum()] for row in rows.values()],
        index=pd.Index(list(rows), name=""),
        columns=["class 1", "class 2", "class 3", "sum of exponentials"],
    )
    numbers = {name: st.column_config.NumberColumn(format="%.4f") for name in table.columns}
    data_table("twice", table_rows(table.reset_index(), numbers), "Log-softmax applied twice")
    st.caption(
        "Log-softmax subtracts the logarithm of the last column. The second time this is log 1 = 0, so nothing "
        "changes, and the loss stays the same."
    )


_DEMONSTRATIONS: dict[str, Callable[[ChosenExperiment], None]] = {
    "linear-depth": _show_product,
    "cnn": _show_log_softmax_twice,
    "deep-mlp": _show_clipped_logits,
}


def _image_shape(run: Run) -> tuple[int, int]:
    return trained.load_network(open_store(), run).shape[1:]


@cached_by_run(max_entries=32, show_spinner="Multiplying …")
def _product(run: Run) -> explain_linear.LinearProduct | None:
    return explain_linear.linear_product(open_store(), run)


@cached_by_run(max_entries=16, show_spinner="The network answers every test image …")
def _clipped_table(run: Run, _predictions: SplitPredictions) -> pd.DataFrame:
    outputs = explain_linear.run_logits(open_store(), run, _predictions.images(_predictions.table))
    return explain_linear.clipped_logits(outputs, _predictions.table["label"].to_numpy())
