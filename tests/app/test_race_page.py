"""Train: a lab without runs greets; several networks start as a race, which ends with a podium."""

import pytest
from streamlit.testing.v1 import AppTest

from mnist_core.analysis import races
from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store
from tests.app.pages import opened, ran, texts
from tests.labs import follow_here, trained_run

pytestmark = pytest.mark.usefixtures("quiet")
TINY = RunConfig(dataset="mnist-5k", train_images=300, validation_images=100, architecture="softmax", epochs=1)
FORM = {"dataset": "mnist-5k", "train_images": 300, "validation_images": 100, "epochs": 1}


def html(at: AppTest) -> str:
    return "\n".join(str(element.proto.body) for element in at.get("html"))


def has(at: AppTest, key: str) -> bool:
    return key in {button.key for button in at.button}


def test_only_a_lab_without_runs_greets_and_no_link_with_settings_does(store: Store) -> None:
    assert has(opened("train"), "teach")
    assert not has(opened("train", architecture="softmax"), "teach")
    trained_run(store, TINY)
    assert not has(opened("train"), "teach")


def test_one_click_teaches_a_network_with_the_form_folded_away(store: Store) -> None:
    at = ran(opened("train").button(key="teach").click())
    (run,) = store.runs()
    assert run.config.architecture == "lenet-5"
    assert at.session_state["view"] == "Training"
    assert at.session_state["runs"] == [run.number]
    assert at.toggle(key="form").value is False


def test_several_networks_start_as_a_race_with_a_name(store: Store) -> None:
    at = opened("train", architecture=["softmax", "mlp-10"], seeds=2, **FORM)
    at.text_input(key="name").set_value("small ones")
    start = next(button for button in at.button if button.label == "Start 2 networks × 2 seeds")
    ran(start.click())
    runs = store.runs()[::-1]
    assert [(run.config.architecture, run.config.seed) for run in runs] == [
        ("softmax", 0),
        ("mlp-10", 0),
        ("softmax", 1),
        ("mlp-10", 1),
    ]
    assert races.common_race(runs) == "small ones"
    assert at.session_state["runs"] == [run.number for run in runs]
    assert html(at).count("class='lane waits'") == 4


def test_a_race_ends_with_a_podium_and_can_be_run_again_or_challenged(store: Store) -> None:
    configs = [TINY, TINY.replace(architecture="mlp-10")]
    runs = [trained_run(store, config, name, ["race: two"]) for config, name in races.race_entries(configs, 2)]
    numbers = [run.number for run in runs]
    at = opened("train", runs=numbers, view="Training")
    assert html(at).count("class='rank'") == 2
    for run in runs:
        assert f"test {run.test_accuracy:.2%}" in html(at)

    ran(at.button(key="race-again").click())
    again = store.runs(states=["queued"])
    assert {(run.config.architecture, run.config.seed) for run in again} == {
        (name, seed) for name in ("softmax", "mlp-10") for seed in (2, 3)
    }
    assert races.common_race(again) not in (None, "two")
    follow_here(store, again, None)

    at = opened("train", runs=numbers, view="Training")
    challenge = next(button for button in at.button if str(button.key).endswith("-with dropout"))
    ran(challenge.click())
    challengers = store.runs(states=["queued"])
    assert {run.config.seed for run in challengers} == {0, 1}
    assert all("dropout" in run.config.architecture for run in challengers)
    assert races.common_race([*challengers, *runs]) == "two"
    assert set(at.session_state["runs"]) == {*numbers, *(run.number for run in challengers)}


def test_a_race_of_two_runs_has_a_podium_too(store: Store) -> None:
    configs = [TINY, TINY.replace(architecture="mlp-10")]
    numbers = [trained_run(store, config, tags=["race: pair"]).number for config in configs]
    assert html(opened("train", runs=numbers, view="Training")).count("class='rank'") == 2
    assert "class='rank'" not in html(opened("train", runs=numbers[0], view="Training"))


def test_a_finished_run_counts_what_it_gets_wrong_and_shows_six_of_them(store: Store) -> None:
    run = trained_run(store, TINY)
    at = opened("train", runs=run.number, view="Training")
    assert run.test_accuracy is not None
    wrong = round((1 - run.test_accuracy) * 1000)
    assert f"{run.test_accuracy:.2%}" in html(at)
    assert f"{wrong:,} of 1,000" in html(at)
    assert html(at).count("<figure>") == 6
    assert "Traceback" not in texts(at)
