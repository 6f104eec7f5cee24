"""Where the test images chose the epoch, every page calls the accuracy optimistic, run by run."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from mnist_core import sweeps
from mnist_core.analysis import measures
from mnist_core.analysis.comparison import judge_fairness
from mnist_core.config.run_config import RunConfig
from mnist_core.plots.style import dash_lengths
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from mnist_core.sweeps.axes import SweepAxis
from mnist_core.sweeps.sweep import Sweep
from tests.app.pages import answers_sent, curve_charts, opened, ran, tables
from tests.labs import train_now

pytestmark = pytest.mark.usefixtures("quiet")
TINY = RunConfig(dataset="mnist-5k", architecture="softmax", train_images=100, epochs=2)
OPTIMISTIC = "test (optimistic)"


def prepare(store: Store) -> None:
    """Run 1 chose its epoch on held-out images, run 2 on the test images; runs 3 and 4 did so in a sweep."""
    for run in (store.enqueue(TINY, "honest"), store.enqueue(TINY.replace(choose_on="test"), "flattered")):
        assert run
    sweeps.launch_sweep(store, Sweep("both ways", TINY, (SweepAxis("choose_on", ("validation", "test")),)))
    while (run := store.claim()) is not None:
        train_now(store, run)


def words(at: AppTest) -> str:
    """All texts of the page except those of tables and charts, and the guide's, which buttons open."""
    kinds = (at.title, at.header, at.subheader, at.info, at.caption, at.markdown, at.warning, at.metric)
    of_guide = {id(element) for block in at.get("popover") for element in block}  # type: ignore[attr-defined]
    texts = [str(getattr(element, "value", "")) for kind in kinds for element in kind if id(element) not in of_guide]
    return "\n".join(
        [
            *texts,
            *(str(element.proto) for element in at.get("html")),
            *(str(element.proto) for element in at.get("progress")),
        ]
    )


def number(store: Store, wanted: int) -> Run:
    return store.find(str(wanted))


def test_the_table_of_runs_and_the_results(store: Store) -> None:
    at = opened("compare", table="true", runs=["1", "2"])
    for name in ("runs-table", "results"):
        table = tables(at)[name].set_index("Run")
        assert table.loc[[1, 2], "Epoch chosen on"].tolist() == ["validation", OPTIMISTIC]
        assert table["Best validation accuracy (%)"].notna().loc[[1, 2]].tolist() == [True, False]
        for run in (1, 2):
            expected = pytest.approx(100 * (number(store, run).test_accuracy or 0))
            assert table.loc[run, "Test accuracy (%)"] == expected
    assert tables(at)["results"].set_index("Run")["Last validation accuracy (%)"].notna().tolist() == [True, False]
    assert measures.optimistic_note([number(store, run) for run in (1, 2)]) in words(at)
    judged = judge_fairness([number(store, run) for run in (1, 2)])
    assert not judged.kind.startswith("fair")
    assert judged.text in words(at)
    best = max((1, 2), key=lambda run: number(store, run).test_accuracy or 0)
    shown = f"{number(store, best).test_accuracy:.2%}"
    assert re.search(rf"\b{best}\b.* test accuracy{r' .optimistic.' if best == 2 else ''} {shown}", words(at))
    alone = opened("compare", runs=["1"])
    assert "Epoch chosen on" not in tables(alone)["results"]
    assert "optimistic" not in words(alone)


def test_a_lab_without_such_runs_has_no_column_for_them(store: Store) -> None:
    store.delete([run.id for run in store.runs() if run.optimistic])
    assert "Epoch chosen on" not in tables(opened("compare", table="true"))["runs-table"]


def test_the_curves_say_what_their_dashes_are(store: Store) -> None:
    mixed = opened("compare", look="Curves", runs=["1", "2"], metric="accuracy")
    assert all(dash in words(mixed) for dash in ("Dashed", "Dotted"))
    assert tables(mixed)["extremes"]["On"].tolist() == ["validation", OPTIMISTIC]
    alone = opened("compare", look="Curves", runs=["2"])
    assert "alidation" not in words(alone).split("Dotted")[1]
    assert "On" not in tables(alone)["extremes"]


@pytest.mark.parametrize(("look", "split"), [("Cost", "test"), ("Cost", "validation"), ("Is it real?", "")])
def test_other_sections_of_compare(store: Store, look: str, split: str) -> None:
    at = opened("compare", look=look, runs=["1", "2"], **({"cost_split": split} if split else {}))
    if split == "validation":
        assert any("run 2" in caption.value for caption in at.caption)
    else:
        assert measures.optimistic_note([number(store, run) for run in (1, 2)]) in words(at)


def test_the_card_and_the_chart_of_train(store: Store) -> None:
    at = opened("train", runs=["1", "2"], view="Training")
    shown = words(at)
    for run, label in ((1, "validation"), (2, OPTIMISTIC)):
        accuracy = number(store, run).validation_accuracy or 0
        assert f"{label} {accuracy:.2%}" in shown
    chart = curve_charts(at)["curves"]
    names = {entry["group"]: entry["name"] for entry in chart["entries"]}
    per_epoch = {(names[line["group"]], line["kind"]): line["dash"] for line in chart["lines"] if line["symbol"]}
    assert per_epoch == {
        (name, f"{kind} {metric}"): dash_lengths(dash)
        for name, kind, dash in (("1 · honest", "validation", "dash"), ("2 · flattered", OPTIMISTIC, "dot"))
        for metric in ("loss", "accuracy")
    }


def test_the_summary_of_inspect(store: Store) -> None:
    honest, flattered = words(opened("inspect", run="1")), words(opened("inspect", run="2"))
    assert "Validation accuracy" in honest
    assert "Test accuracy (optimistic)" not in honest
    assert "Validation accuracy" not in flattered
    assert "Test accuracy (optimistic)" in flattered
    assert f"{number(store, 2).test_accuracy:.2%}" in flattered


def test_the_board_and_the_table_of_a_sweep(store: Store) -> None:
    (row,) = store.sweeps()
    at = ran(opened("sweeps", sweep=row.id))
    table = tables(at)["sweep-runs"]
    assert sorted(zip(table["Epoch chosen on"], table["Validation"].notna(), strict=True)) == [
        (OPTIMISTIC, False),
        ("validation", True),
    ]
    assert len(table["Test"].dropna()) == 2
    assert f"{OPTIMISTIC} accuracy" in words(at)


def test_draw_says_whose_accuracy_is_optimistic(store: Store) -> None:
    shown = answers_sent(opened("draw", runs=["1", "2"]))["html"]
    assert f"{OPTIMISTIC} {number(store, 2).test_accuracy:.2%}" in shown
    assert f"test {number(store, 1).test_accuracy:.2%}" in shown
