"""Compare as a workspace: the rail of runs, what is hidden, the baseline, and the sentence of each section."""

import json
import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.compare import meanings, run_results, sections
from dashboard.components import RailActions
from dashboard.components.run_rail import run_rail as rail_component
from mnist_core.analysis import newest_comparable, predictions, stats
from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store
from tests.app.pages import numbers_in, opened, running_text, tables, texts
from tests.labs import trained_run

pytestmark = pytest.mark.usefixtures("quiet")
TINY = RunConfig(dataset="mnist-5k", train_images=300, validation_images=100, architecture="softmax", epochs=1)


def prepare(store: Store) -> None:
    """Runs 1 and 2 differ in the seed only, 3 is another network, 4 never began."""
    for config, name in (
        (TINY, "plain"),
        (TINY.replace(seed=1), "plain, seed 1"),
        (TINY.replace(architecture="flatten linear(2) relu linear(10)"), "narrow"),
    ):
        trained_run(store, config, name)
    store.request(store.enqueue(TINY, "idle").id, "stop")


def rail(at: AppTest) -> dict[str, Any]:
    """What the rail was sent."""
    (sent,) = [
        json.loads(component.proto.json)
        for component in at.get("bidi_component")
        if component.proto.component_name == "mnist_lab_run_rail"
    ]
    return sent


def test_the_rail_has_every_chosen_run_and_one_row_for_the_seeds_of_a_network(store: Store) -> None:
    sent = rail(opened("compare", runs=["1", "2", "3", "4"], hidden="3", baseline="2"))
    rows = {row["number"]: row for row in sent["rows"]}
    assert {number: (row["hidden"], row["baseline"]) for number, row in rows.items()} == {
        1: (False, False),
        2: (False, True),
        3: (True, False),
        4: (False, False),
    }
    assert rows[1]["score"] == f"{store.find('1').test_accuracy:.2%}"
    assert rows[4]["score"] == "stopped"
    assert [group["numbers"] for group in sent["groups"]] == [[1, 2, 4], [3]]


def test_a_hidden_run_leaves_the_figures_but_not_the_choice(store: Store) -> None:
    at = opened("compare", runs=["1", "2", "3"], hidden=["3", "99"])
    assert tables(at)["results"]["Run"].tolist() == [1, 2]
    assert at.query_params["runs"] == ["1", "2", "3"]
    at = opened("compare", runs="1", hidden="1")
    assert len(at.info) == 1
    assert not tables(at)


def test_differences_from_the_baseline_are_those_of_the_paired_test(store: Store) -> None:
    at = opened("compare", runs=["1", "3", "4"], baseline="3")
    chosen = [store.find(text) for text in "13"]
    aligned, _ = predictions.align(chosen, {run.id: predictions.load_split(store, run) for run in chosen})
    assert aligned is not None
    test = stats.paired_test(*aligned.right)
    rows = tables(at)["results"].set_index("Run")
    assert rows.loc[1, run_results._DIFFERENCE] == pytest.approx(100 * test.difference)
    assert rows.loc[1, run_results._DIFFERENCE_INTERVAL] == (
        f"{stats.points_text(test.widest[0])} to {stats.points_text(test.widest[1])}"
    )
    assert np.isnan(rows[run_results._DIFFERENCE].astype(float)[[3, 4]]).all()
    assert "narrow" in running_text(at)[0]
    # A baseline that is not chosen, or no number, is none.
    for text in ("2", "x"):
        at = opened("compare", runs=["1", "3"], baseline=text)
        assert run_results._DIFFERENCE not in tables(at)["results"]


@pytest.mark.parametrize("section", sections.SECTIONS)
def test_each_section_begins_with_its_sentence_and_says_what_it_means(store: Store, section: str) -> None:
    at = opened("compare", runs=["1", "2", "3"], look=section)
    chosen = [store.find(text) for text in "123"]
    meaning = sections.SECTIONS[section].meaning
    for text in (meaning.formula, meaning.question, meanings.guide_part(meaning.page, meaning.part)):
        assert text
        assert text in texts(at)
    first = numbers_in(running_text(at)[0])
    aligned, _ = predictions.align(chosen, {run.id: predictions.load_split(store, run) for run in chosen})
    assert aligned is not None
    right = aligned.right
    expected = {
        "Curves": [f"{max(run.validation_accuracy or 0 for run in chosen):.2%}"],
        "Disagreements": [f"{int(right.all(axis=0).sum()):,}", f"{int((~right.any(axis=0)).sum()):,}"],
        "Cost": [f"{max(run.test_accuracy or 0 for run in chosen):.2%}"],
    }.get(section, [])
    assert set(expected) <= set(first)


def test_what_the_browser_asks_of_the_rail_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[object] = []
    actions = RailActions(done.append, done.append, done.append, done.append)
    for change in (
        {"kind": "hidden", "numbers": [1, 9, "2", {"a": 1}]},
        {"kind": "baseline", "number": 2},
        {"kind": "baseline", "number": None},
        {"kind": "edit", "number": 1, "name": "new", "tags": [" a ", "", 3, "a"], "note": "why"},
        {"kind": "edit", "number": 9, "name": "new", "tags": [], "note": ""},
        {"kind": "edit", "number": 1, "name": "\ud800", "tags": [], "note": ""},
        {"kind": "remove", "number": [1]},
        {"kind": "remove", "number": 2},
        "nonsense",
    ):
        state = SimpleNamespace(get={"rail": {"change": change}}.get)
        monkeypatch.setattr(rail_component.st, "session_state", state)
        rail_component._take("rail", {1, 2}, actions)
    edit = rail_component.RailEdit(1, "new", ("a",), "why")
    assert done == [[1], 2, None, edit, 2]


def test_the_newest_runs_on_one_data_set_are_offered() -> None:
    def run(number: int, dataset: str, accuracy: float | None = 0.9, state: str = "finished") -> Any:
        return SimpleNamespace(number=number, dataset=dataset, test_accuracy=accuracy, state=state, data=None)

    newest = [
        run(9, "mnist", None),
        run(8, "kmnist"),
        run(7, "mnist"),
        run(6, "mnist", state="running"),
        *(run(number, "mnist") for number in range(5, 0, -1)),
    ]
    assert [found.number for found in newest_comparable(newest)] == [7, 5, 4, 3]
    assert [found.number for found in newest_comparable(newest[:2])] == [8]
    assert newest_comparable(newest[:1]) == []


def test_what_a_person_writes_about_a_run_is_kept_on_one_line(store: Store) -> None:
    run = store.find("4")
    store.set_comment(run.id, " try\nmore epochs \u202e" + "x" * 2000)
    comment = store.find("4").comment
    assert re.match(r"try more epochs x+$", comment)
    assert len(comment) == 1000
    store.set_comment(run.id, "")
    assert store.find("4").comment == ""
