"""Compare, "Is it real?": the sentence, the charts and the tables say what the stored predictions say."""

import json
import re
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.compare import verdict_models
from mnist_core.analysis import predictions, stats
from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store
from tests.app.pages import numbers_in, opened, ran, texts
from tests.labs import trained_run

pytestmark = pytest.mark.usefixtures("quiet")
TINY = RunConfig(dataset="mnist-5k", train_images=300, validation_images=100, architecture="softmax", epochs=1)
NARROW = TINY.replace(architecture="flatten linear(2) relu linear(10)")


def prepare(store: Store) -> None:
    """Runs 1 to 3: softmax with three seeds. 4 and 5: a far worse network with two. 6: a third one. 7: untrained."""
    plan = [(f"plain, seed {seed}", TINY.replace(seed=seed)) for seed in range(3)]
    plan += [(f"narrow, seed {seed}", NARROW.replace(seed=seed)) for seed in range(2)]
    plan += [("*alone*", TINY.replace(learning_rate=0.002))]
    for name, config in plan:
        trained_run(store, config, name)
    store.request(store.enqueue(TINY, "idle").id, "stop")


def section(*numbers: int, **query: str) -> AppTest:
    """The section as a link shows it."""
    return opened("compare", runs=[str(number) for number in numbers], look="Is it real?", **query)


def heading(at: AppTest) -> str:
    """The plain sentence, without the signs that keep Markdown from formatting it."""
    return at.header[-1].value.replace("\\", "")


def charts(at: AppTest) -> dict[str, Any]:
    """Figures by key."""
    figures = {}
    for chart in at.get("plotly_chart"):
        key = chart.proto.id.rpartition("-")[2]  # type: ignore[attr-defined]
        figures[key] = json.loads(chart.proto.spec)  # type: ignore[attr-defined]
    return figures


def right(store: Store, *numbers: int) -> np.ndarray:
    runs = {run.number: run for run in store.runs()}
    chosen = [runs[number] for number in numbers]
    aligned, _ = predictions.align(chosen, {run.id: predictions.load_split(store, run) for run in chosen})
    assert aligned is not None
    return aligned.right


def test_two_runs_get_their_sentence_and_their_counts(store: Store) -> None:
    at = section(1, 4)
    a, b = right(store, 1, 4)
    paired = stats.paired_test(a, b)
    assert paired.p < 0.001
    assert heading(at) == stats.pair_verdict("plain, seed 0", "narrow, seed 0", paired)
    bars = charts(at)["verdict_alone"]["data"]
    assert [bar["x"][0] for bar in bars] == [paired.only_a, paired.only_b]
    assert f"{int((a & b).sum()):,}" in numbers_in(texts(at))
    assert all(stats.points_text(bound) in texts(at) for bound in (paired.low, paired.high))
    least = stats.detectable_difference(1000, paired.disagreements)
    few, many = stats.detectable_range(1000, paired.disagreements)
    assert few <= least <= many
    assert all(f"{count:,}" in texts(at) for count in (least, few, many))
    assert len(charts(at)["verdict_standings"]["data"]) == 2


def test_all_pairs_are_corrected_and_a_click_chooses_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    at = section(1, 2, 3, 4)
    table = right(store, 1, 2, 3, 4)
    pairs = stats.all_pairs(table)
    order = (np.argsort(-table.mean(axis=1), kind="stable") + 1).tolist()
    assert order[-1] == 4
    cells = charts(at)["verdict_matrix"]["data"][-1]["customdata"]
    by_numbers = {(first, other): (images, p) for first, other, images, p in cells}
    assert len(by_numbers) == 12
    for pair in pairs:
        images, p = by_numbers[pair.a + 1, pair.b + 1]
        assert images == f"{pair.paired.only_a - pair.paired.only_b:+,}".replace("-", "−")
        assert p == stats.p_text(pair.adjusted) == by_numbers[pair.b + 1, pair.a + 1][1]
    groups = stats.indistinguishable(table, pairs)
    drawn = charts(at)["verdict_standings"]["data"]
    assert len(drawn) == 4 + len(groups)
    assert [len(line["y"]) for line in drawn[4:]] == [len(group) for group in groups]
    assert at.selectbox(key="verdict_pair").value == f"{order[0]} and {order[1]}"
    at = section(1, 2, 3, 4, verdict_pair=f"{order[1]} and 4")
    pair = next(pair for pair in pairs if {pair.a, pair.b} == {order[1] - 1, 3})
    assert heading(at) == stats.pair_verdict(
        f"plain, seed {order[1] - 1}", "narrow, seed 0", pair.paired, pair.adjusted
    )
    assert re.search(r"\bHolm\b.*\b6\b", texts(at))

    state: dict[str, Any] = {"verdict_matrix": {"selection": {"points": [{"customdata": [4, 2, "", ""]}]}}}
    monkeypatch.setattr(verdict_models.st, "session_state", state)
    verdict_models._take_cell({"2 and 4": (1, 3)})
    assert state["verdict_pair"] == "2 and 4"


def test_architectures_are_tested_over_seeds(store: Store) -> None:
    at = section(1, 2, 3, 4, 5, verdict_about="These architectures")
    accuracies = right(store, 1, 2, 3, 4, 5).mean(axis=1).tolist()
    a, b = accuracies[:3], accuracies[3:]
    tested = stats.group_test(a, b)
    sentence = stats.group_verdict("plain", "narrow", a, b, tested)
    assert heading(at) == sentence
    # Five seeds can be divided into three and two in only ten ways: too few for the permutation test to show much.
    assert sentence.claim.evidence in ("welch only", "none")
    assert stats.p_text(tested.permutation) in texts(at)
    assert stats.floor_text(3, 2) in texts(at)
    spreads = float(np.std(a, ddof=1)), float(np.std(b, ddof=1))
    least = stats.detectable_by_seeds(spreads[0], 3, seeds_b=2, deviation_b=spreads[1])
    low, high = stats.detectable_by_seeds_range(spreads, (3, 2))
    assert low < least < high
    for value in (least, min(low, 1), min(high, 1)):
        assert f"{100 * value:.2f}" in texts(at) or value == 1
    mean, dots, *_ = charts(at)["verdict_seeds"]["data"]
    assert [facts[0] for facts in dots["customdata"]] == [0, 1, 2]
    assert mean["x"][0] == pytest.approx(100 - 100 * np.mean(a))
    assert "verdict_pairs" not in texts(at)
    at.segmented_control(key="verdict_band").set_value("standard deviation")
    mean = charts(ran(at))["verdict_seeds"]["data"][0]
    assert mean["error_x"]["array"][0] == pytest.approx(100 * np.std(a, ddof=1))


def test_a_single_seed_says_what_it_lacks(store: Store) -> None:
    at = section(1, 2, 6, verdict_about="These architectures")
    assert r"**\*alone\***" in texts(at)
    assert not at.header
    assert "verdict_seeds" in charts(at)
    at = section(1, 2, verdict_about="These architectures")
    assert len(at.info) == 1


def test_one_run_and_untested_runs(store: Store) -> None:
    at = section(2)
    correct = int(right(store, 2).sum())
    low, high = stats.wilson(correct, 1000)
    assert {str(correct), "1,000"} <= set(numbers_in(heading(at)))
    assert all(f"{100 * bound:.2f}" in heading(at) for bound in (low, high))
    for about in ("These trained models", "These architectures"):
        at = section(7, verdict_about=about)
        assert len(at.info) == 1
        assert not charts(at)
        assert not at.header


def test_every_control_has_its_help(store: Store) -> None:
    for at in (section(1, 2, 4), section(1, 2, 4, 5, 6, verdict_about="These architectures")):
        controls = [widget for kind in ("button_group", "selectbox") for widget in at.get(kind)]
        assert len(controls) >= 2
        assert all(widget.proto.help for widget in controls)  # type: ignore[attr-defined]
