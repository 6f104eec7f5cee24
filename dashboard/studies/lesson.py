"""The lesson of a study, and what shows it on the class's own networks."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components import data_table, table_rows
from dashboard.controls import SplitPredictions, split_predictions
from dashboard.frame import errors_as_messages, open_store
from dashboard.studies.chosen_experiment import ChosenExperiment
from dashboard.studies.study_weights import choose_network, weight_grid
from mnist_core.analysis import explain_linear, trained
from mnist_core.plots import clipped_logits, weight_images
from mnist_core.store import Run
from mnist_core.text import in_markdown

_CHART = {"displayModeBar": False}
_LOGITS = (2.0, -1.0, 0.5)


def show_lesson(chosen: ChosenExperiment) -> None:
    """What there is to learn from the study, in a few sentences, and its demonstration."""
    st.markdown(chosen.study.lesson)
    if show := _DEMONSTRATIONS.get(chosen.study.name):
        with st.container(border=True, key="demonstration"), errors_as_messages():
            show(chosen)


def _one_matrix(chosen: ChosenExperiment) -> None:
    """The product of the weight matrices as ten images, and its rank."""
    st.markdown("#### All its layers, multiplied into one matrix")
    found = chosen.trained()
    if not found:
        st.info("Train these networks live, and the one matrix that each of them amounts to is drawn here.")
        return
    run = choose_network(found, "product-of", last=True)
    product = _product(run.id, trained.chosen_checkpoint(open_store(), run).sha256)
    if product is None:
        st.info("This network has an activation between its layers, so it is not one matrix.")
        return
    shapes = " · ".join(f"({out} × {into})" for into, out in zip(product.widths, product.widths[1:], strict=False))
    factors = " · ".join(reversed(shapes.split(" · ")))
    parameters = sum(out * (into + 1) for into, out in zip(product.widths, product.widths[1:], strict=False))
    left, right = st.columns([3, 2], gap="large")
    with left:
        pictures, limit = weight_images(product.matrix.reshape(-1, *_image_shape(run)))
        weight_grid(pictures, [str(place) for place in range(len(pictures))], 5, limit)
    with right:
        st.metric(
            "Rank of the product",
            f"{product.rank} of {len(product.matrix)}",
            help="How many of its rows are independent: at most the width of the narrowest layer.",
        )
        st.markdown(
            f"{factors} = **({product.matrix.shape[0]} × {product.matrix.shape[1]})**\n\n"
            f"The narrowest layer is **{product.narrowest}** wide. {parameters:,} parameters were trained; what the "
            f"network computes is one matrix of {product.matrix.size:,} numbers and {len(product.matrix)} constants."
        )
        shares = product.singular_values / product.singular_values[0]
        st.caption("Singular values, the largest as 1: " + ", ".join(f"{share:.2g}" for share in shares))


def _clipped(chosen: ChosenExperiment) -> None:
    """Which classes the ReLU on the logits has silenced, in each trained network."""
    st.markdown("#### Which logits are stuck at zero?")
    runs = {f"seed {planned.seed}": run for planned, run in chosen.runs() if run.state == "finished"}
    if not runs:
        st.info("Train this network live, and the classes whose score is clipped to zero are shown here.")
        return
    run = next(iter(runs.values()))
    if len(runs) > 1:
        help = "Whether a class is stuck depends on the first weights, so on the seed."
        run = runs[st.selectbox("Of the network", list(runs), key="clipped-of", width=420, help=help)]
    answers = split_predictions(run, "test")
    table = _clipped_table(run.id, trained.chosen_checkpoint(open_store(), run).sha256, answers)
    stuck = [answers.classes[place] for place in table.index[(table["any"] == 1).to_numpy()]]
    if stuck:
        named = ", ".join(map(in_markdown, stuck))
        st.warning(
            f"Stuck: {named}. Their logit is zero for every one of the test images, so no gradient ever reaches "
            "it and they are never the answer."
        )
    else:
        st.success("No class is stuck for every image in this network. Another seed may be less lucky.")
    st.plotly_chart(clipped_logits(table, answers.classes), key="clipped", config=_CHART)
    st.caption(
        "A red bar: of this class's own test images, how many have its logit clipped to zero. They cannot be "
        "told from any other class at zero, and no gradient asks for a higher score."
    )


def _twice(_: ChosenExperiment) -> None:
    """Log-softmax of log-softmax, with numbers."""
    st.markdown("#### Log-softmax, once and twice")
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
        "Log-softmax subtracts the logarithm of the last column. The second time that is log 1 = 0: nothing "
        "changes, and neither does the loss."
    )


_DEMONSTRATIONS: dict[str, Callable[[ChosenExperiment], None]] = {
    "linear-depth": _one_matrix,
    "cnn": _twice,
    "deep-mlp": _clipped,
}


def _image_shape(run: Run) -> tuple[int, int]:
    return trained.load_network(open_store(), run).shape[1:]


@st.cache_resource(max_entries=32, show_spinner="Multiplying …")
def _product(run_id: str, sha256: str) -> explain_linear.LinearProduct | None:
    return explain_linear.linear_product(open_store(), open_store().run(run_id))


@st.cache_resource(max_entries=16, show_spinner="Asking the network about every test image …")
def _clipped_table(run_id: str, sha256: str, _answers: SplitPredictions) -> pd.DataFrame:
    store = open_store()
    outputs = explain_linear.run_logits(store, store.run(run_id), _answers.images(_answers.table))
    return explain_linear.clipped_logits(outputs, _answers.table["label"].to_numpy())
