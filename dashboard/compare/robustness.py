"""Accuracy on test images that are turned, moved, blurred or covered: measured on demand, in the background."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.compare import robustness_task
from dashboard.compare.legend import show_legend
from dashboard.components import data_table, table_rows
from dashboard.controls import compared_runs, run_columns
from dashboard.frame import cached_by_run, show_figure, type_scale
from mnist_core.analysis import CORRUPTIONS, LEVELS, Predictions, measures, robustness, stats
from mnist_core.errors import MnistLabError
from mnist_core.plots import corruption_panel
from mnist_core.store import Run
from mnist_core.text import in_markdown

_QUICK = 1000
# Panels beside each other, with usual and with large type.
_COLUMNS, _LARGE_COLUMNS = 3, 2


def show_robustness(runs: Sequence[Run]) -> None:
    """The choice of images, runs that are still to be measured, and a panel for each kind of change."""
    predictions = compared_runs.gather_predictions(runs)
    if predictions is None:
        return
    st.header("How much change can they take?", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom", key="robustness-controls"):
        all_of_them = predictions.images > _QUICK and st.toggle(
            f"All {predictions.images:,} images",
            key="robustness_all",
            bind="query-params",
            help=f"Without this, always the same {_QUICK:,} of them. All images take longer and are more exact.",
        )
        chosen = robustness.sample_images(predictions.images, predictions.images if all_of_them else _QUICK)
        example = st.number_input(
            "Example image",
            1,
            len(chosen),
            key="robustness_example",
            bind="query-params",
            width=160,
            help="Which of the measured images the charts show below, after each change.",
        )
    able = _able(predictions, compared_runs.load_images(predictions, chosen[:1]).shape[1:])
    if not able:
        return
    results = robustness_task.load_results(able, len(chosen))
    waiting = [run for run in able if run.id not in results]
    if waiting or robustness_task.running_task():
        _measure(waiting, predictions, chosen)
    if results:
        st.markdown(_sentence([run for run in able if run.id in results], results, len(chosen)))
    _panels(able, results, len(chosen), _examples(predictions, chosen, int(example) - 1))
    if results:
        _table([run for run in able if run.id in results], results, len(chosen))
    st.caption(
        "0 is the unchanged image, with the answers that each run stored when it was tested. Directions and positions "
        "are drawn once for each image, so all runs see the same changes. Amounts in pixels are for images 28 pixels "
        "wide; wider images are changed in proportion."
    )
    compared_runs.show_precision_notes(able)


def _able(predictions: Predictions, shape: tuple[int, ...]) -> list[Run]:
    """The runs that have weights and take images of this shape; the page names the others."""
    able = []
    for run in predictions.runs:
        try:
            fits = robustness_task.image_shape(run) == shape
        except MnistLabError as error:
            st.caption(in_markdown(str(error)))
            continue
        if fits:
            able.append(run)
        else:
            st.caption(f"Run {run.number} is not measured here: it takes images of another size.")
    return able


def _measure(waiting: Sequence[Run], predictions: Predictions, chosen: np.ndarray) -> None:
    """The measurement under way with its progress, or else a button that measures the missing runs."""
    before = robustness_task.running_task()

    @st.fragment(run_every=1.0 if before else None)
    def follow() -> None:
        task = robustness_task.running_task()
        if task is not None:
            st.progress(task.done, f"Measuring {task.label}: {task.images:,} of {task.total_images:,} images …")
            st.button(
                "Stop",
                on_click=task.stop,
                key="robustness stop",
                help="End the measurement; its unfinished part is lost.",
            )
        elif before is not None:
            # The charts are drawn outside this fragment.
            st.rerun()
        else:
            _offer(waiting, predictions, chosen)

    follow()


def _offer(waiting: Sequence[Run], predictions: Predictions, chosen: np.ndarray) -> None:
    error = robustness_task.last_failure()
    if error:
        st.error(in_markdown(error))
    seconds = robustness.measuring_seconds(waiting, len(chosen))
    with st.container(horizontal=True, vertical_alignment="center", key="robustness-offer"):
        pressed = st.button(
            "Measure",
            type="primary",
            key="robustness measure",
            help="This runs in the background: you can look at something else meanwhile.",
        )
        st.markdown(f"Not measured yet: {measures.run_numbers(waiting)}. Measuring takes {_about(seconds)}.")
    if pressed:
        right = dict(zip((run.id for run in predictions.runs), predictions.right[:, chosen], strict=True))
        robustness_task.start_measuring(
            waiting, compared_runs.load_images(predictions, chosen), predictions.labels[chosen], right
        )
        st.rerun()


def _about(seconds: float) -> str:
    if seconds < 90:
        return f"about {max(5, 5 * round(seconds / 5))} seconds"
    return f"about {round(seconds / 60)} minutes"


def _sentence(runs: Sequence[Run], results: dict[str, np.ndarray], images: int) -> str:
    means = {run.id: results[run.id][:, 1:].mean() / images for run in runs}
    best = max(runs, key=lambda run: means[run.id])
    clean = results[best.id][0, 0] / images
    losses = (results[best.id][0, 0] - results[best.id][:, 1:].mean(axis=1)) / images
    worst = CORRUPTIONS[int(losses.argmax())]
    text = (
        f"**Run {best.number}** is right on {means[best.id]:.1%} of changed images on average, and on {clean:.1%} of "
        f"unchanged ones. The most harmful change is **{worst.name.lower()}**."
    )
    if len(runs) < 2:
        return text
    indices = stats.close_to_best([means[run.id] * images for run in runs], [images] * len(runs))
    if not indices:
        return f"{text} That is better than any other measured run, by more than chance explains."
    close = measures.run_numbers([runs[index] for index in indices])
    return f"{text} No other measured run is better, but {images:,} images are too few to tell it apart from {close}."


def _panels(runs: Sequence[Run], results: dict[str, np.ndarray], images: int, examples: np.ndarray) -> None:
    show_legend([run for run in runs if run.id in results])
    columns = st.columns(_COLUMNS if type_scale() == 1 else _LARGE_COLUMNS)
    for row, kind in enumerate(CORRUPTIONS):
        with columns[row % len(columns)]:
            st.markdown(f"**{kind.name}** ({kind.unit})", help=kind.help)
            figure = corruption_panel(
                {run.number: results[run.id][row] / images for run in runs if run.id in results},
                runs,
                [kind.label(severity) for severity in range(LEVELS)],
                examples[row],
            )
            show_figure(figure, key=f"robustness {kind.name}")


def _examples(predictions: Predictions, chosen: np.ndarray, index: int) -> np.ndarray:
    # Random draws are made for a whole chunk of images, so the example needs its chunk to look as it was measured.
    first = index - index % robustness.CHUNK
    images = compared_runs.load_images(predictions, chosen[first : first + robustness.CHUNK])
    return _changed(predictions.runs[0], len(chosen), index, images)


@cached_by_run(max_entries=50)
def _changed(run: Run, images: int, index: int, _chunk: np.ndarray) -> np.ndarray:
    """One image after every change: uint8 (corruptions, LEVELS, C, H, W)."""
    first = index - index % robustness.CHUNK
    return np.stack(
        [
            np.stack([robustness.corrupt(_chunk, kind, severity, first)[index - first] for severity in range(LEVELS)])
            for kind in CORRUPTIONS
        ]
    )


def _table(runs: Sequence[Run], right: dict[str, np.ndarray], images: int) -> None:
    rows = []
    for run, line in zip(runs, run_columns.line_images(runs), strict=True):
        share = 100 * right[run.id] / images
        rows.append(
            {
                "Line": line,
                "Run": run.number,
                "Name": run.name,
                "Untouched": share[0, 0],
                "Changed": share[:, 1:].mean(),
                **{kind.name: share[row, 1:].mean() for row, kind in enumerate(CORRUPTIONS)},
            }
        )
    number, configs = st.column_config.NumberColumn, run_columns.column_configs()
    columns = {
        **{name: configs[name] for name in ("Line", "Run", "Name")},
        "Untouched": number(format="%.2f%%", help="Accuracy on the unchanged images, from the stored answers."),
        "Changed": number(format="%.2f%%", help="Mean over all kinds of change and all severities above 0."),
        **{
            kind.name: number(format="%.2f%%", help=f"{kind.help} Mean over the severities above 0.")
            for kind in CORRUPTIONS
        },
    }
    data_table("robustness-table", table_rows(pd.DataFrame(rows), columns), "Mean accuracy under each kind of change")
