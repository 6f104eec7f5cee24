"""Change one thing: from a run's card to the form on Compare, and from there to a pair of runs."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from mnist_core.analysis.comparison import fairness
from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store
from tests.app.pages import numbers_in, opened, ran, texts
from tests.labs import trained_run

pytestmark = pytest.mark.usefixtures("quiet")
TINY = RunConfig(dataset="mnist-5k", train_images=300, architecture="flatten linear(8) relu linear(10)", epochs=1)
LEARNING_RATE, ARCHITECTURE = "Optimisation · Learning rate", "Architecture · Architecture"


def prepare(store: Store) -> None:
    """A lab with one trained run, and one that waits."""
    trained_run(store, TINY, "plain")
    store.enqueue(TINY.replace(epochs=2), "waiting")


def start(at: AppTest):
    return next(button for button in at.button if button.label == "Start the second run")


def test_a_link_opens_the_form_with_its_setting(store: Store) -> None:
    assert "change_field" not in {box.key for box in opened("compare", runs="1").selectbox}
    at = opened("compare", runs="1", change="true", change_field=LEARNING_RATE)
    box = at.selectbox(key="change_field")
    assert box.value == "learning_rate"
    assert ARCHITECTURE in box.options
    assert not [option for option in box.options if "Momentum" in option or "Seed" in option.split(" · ")[1:]]
    assert at.number_input(key="change1_learning_rate").value == TINY.learning_rate
    # A run with nothing changed cannot be started.
    assert start(at).disabled


def test_a_changed_setting_starts_a_second_run_and_both_are_compared(store: Store) -> None:
    at = opened("compare", runs=["2", "1"], change="true", change_run="1", change_field=LEARNING_RATE)
    at.number_input(key="change1_learning_rate").set_value(0.01)
    ran(at)
    for part in ("initial weights", "order of the batches"):
        assert re.search(rf"^- ✓.*\*\*{part}\*\*", texts(at), re.MULTILINE)
    start(at).click()
    ran(at)
    second = store.runs()[0]
    assert (second.number, second.state) == (3, "queued")
    assert second.name == "plain, learning rate 0.01 instead of 0.001"
    assert second.config == TINY.replace(learning_rate=0.01)
    assert at.query_params["runs"] == ["1", "3"]
    assert fairness([store.find("1"), second], "learning_rate") in texts(at)
    assert not at.toggle(key="change").value


def test_another_architecture_takes_its_weights_over(store: Store) -> None:
    at = opened("compare", runs="1", change="true", change_field=ARCHITECTURE)
    layers = at.text_area(key="change1_architecture")
    assert layers.value == TINY.architecture
    layers.set_value("flatten linear(8) relu dropout(0.5) linear(10)")
    (line,) = [line for line in texts(ran(at)).splitlines() if "**initial weights**" in line]
    assert numbers_in(line)[:2] == ["2", "2"]
    start(at).click()
    ran(at)
    second = store.runs()[0]
    assert second.name == "plain, with dropout(0.5)"
    assert second.config.initial_weights == TINY.architecture
    assert fairness([store.find("1"), second], "architecture") in texts(at)


def test_what_cannot_be_started_says_why(store: Store) -> None:
    at = opened("compare", runs="1", change="true", change_field=ARCHITECTURE)
    at.text_area(key="change1_architecture").set_value("flatten linear(8) relo linear(10)")
    assert all(name in ran(at).error[0].value for name in ("relo", "relu"))
    assert start(at).disabled
    at = opened("compare", runs="1", change="true", change_field="Data · Data set")
    at.selectbox(key="change1_dataset").set_value("folder")
    assert "give the folder" in ran(at).error[0].value
    assert start(at).disabled
    at = opened("compare", runs="1", change="true", change_field="Data · Training images")
    at.number_input(key="change1_train_images").set_value(200)
    assert re.search(r"^- ✗.*\*\*order", texts(ran(at)), re.MULTILINE)
    assert len(store.runs()) == 2


def test_the_card_of_a_run_leads_there(store: Store) -> None:
    at = opened("train", runs="1", view="Training")
    links = [link.proto for link in at.get("page_link")]
    (link_to_page,) = [link for link in links if link.label == "Change one thing"]
    assert link_to_page.query_string == "runs=1&look=Results&change=true"
