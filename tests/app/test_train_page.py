"""The Train page without a browser: the form, wrong values in it, and what a click puts into the queue."""

import contextlib
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from dashboard.components import without_terms
from mnist_core.config.fields import list_config_fields
from mnist_core.config.recipes import RECIPES
from mnist_core.config.run_config import RunConfig
from mnist_core.events import EpochEnd
from mnist_core.jobs import queue
from mnist_core.jobs.worker import work
from mnist_core.store import concurrency
from mnist_core.store.store import Store
from tests.labs import trained_run
from tests.small_folders import write_images

TINY = RunConfig(dataset="mnist-5k", architecture="softmax", train_images=500, epochs=1)


@pytest.fixture
def page(own_lab) -> Iterator[AppTest]:
    """The page on an empty store whose queue is held, so that no run starts."""
    store = Store.open()
    concurrency.set_runs_at_once(store, 0)
    st.cache_resource.clear()
    yield AppTest.from_file("../../pages/train.py", default_timeout=30)
    queue.start(store).end()
    st.cache_resource.clear()


def button(page: AppTest, label: str):
    return next(button for button in page.button if button.label == label)


def test_the_form_shows_every_field_under_its_label_and_with_its_help(page: AppTest):
    page.run()
    assert not page.exception
    shown = {
        widget.key: widget
        for kind in (page.selectbox, page.number_input, page.toggle, page.text_input)
        for widget in kind
    }
    values = RunConfig().model_dump()
    for field in list_config_fields():
        if field.group not in ("Architecture", "Origin") and field.matters(values):
            assert shown[field.name].label == field.label
            assert without_terms(shown[field.name].help)[0] == field.help
            assert shown[field.name].value == field.default


def test_a_recipe_fills_the_form(page: AppTest):
    page.run()
    button(page, "Use fast-99").click().run()
    assert not page.exception
    assert Store.open().runs() == []
    button(page, "Start training").click().run()
    (run,) = Store.open().runs()
    assert run.config == RECIPES["fast-99"].config


def test_a_click_puts_what_was_chosen_into_the_queue(page: AppTest):
    page.query_params["architecture"] = "lenet-5"
    page.run()
    page.text_input(key="name").set_value("my run")
    page.selectbox(key="optimizer").set_value("sgd").run()
    page.number_input(key="learning_rate").set_value(0.05)
    page.number_input(key="momentum").set_value(0.5)
    page.number_input(key="train_images").set_value(1000).run()
    button(page, "Start training").click().run()
    assert not page.exception
    (run,) = Store.open().runs()
    expected = RunConfig(architecture="lenet-5", optimizer="sgd", learning_rate=0.05, momentum=0.5, train_images=1000)
    assert (run.name, run.state, run.config) == ("my run", "queued", expected)
    assert page.session_state["view"] == "Training"
    assert page.session_state["runs"] == [run.number]


def test_several_seeds_start_at_once_and_all_join_the_chart(page: AppTest):
    page.query_params["seeds"] = "3"
    page.query_params["seed"] = "4"
    page.run()
    page.text_input(key="name").set_value("mine").run()
    assert "Start training" not in {button.label for button in page.button}
    button(page, "Start 3 runs").click().run()
    assert not page.exception
    runs = Store.open().runs()[::-1]
    assert [(run.config.seed, run.name) for run in runs] == [(seed, f"mine, seed {seed}") for seed in (4, 5, 6)]
    assert {run.config.replace(seed=4).digest() for run in runs} == {runs[0].digest}
    assert page.session_state["runs"] == page.multiselect(key="runs").value == [1, 2, 3]


def test_fields_appear_only_where_they_matter(page: AppTest):
    page.run()
    assert "nesterov" not in {widget.key for widget in page.toggle}
    page.selectbox(key="optimizer").set_value("sgd").run()
    assert "nesterov" in {widget.key for widget in page.toggle}


def test_a_mistake_in_a_line_of_layers_is_pointed_at_and_nothing_can_be_started(page: AppTest):
    page.run()
    page.toggle(key="own").set_value(True).run()
    page.text_area(key="layers").set_value("flatten linear(30) relo linear(classes)").run()
    assert len(page.error) == 1
    assert page.code[0].value.splitlines()[1] == " " * 19 + "^^^^"
    assert button(page, "Start training").disabled
    page.text_area(key="layers").set_value("flatten linear(30) relu linear(classes)").run()
    assert not page.error
    assert not button(page, "Start training").disabled


def test_settings_that_contradict_each_other_are_named(page: AppTest):
    page.run()
    page.number_input(key="validation_images").set_value(0)
    page.number_input(key="early_stopping").set_value(3).run()
    assert page.error[0].value.replace("\\", "").startswith("early_stopping:")


def test_an_address_carries_the_form(page: AppTest):
    page.query_params["architecture"] = "vgg-small"
    page.query_params["epochs"] = "12"
    page.run()
    assert page.session_state["networks"] == ["vgg-small"]
    assert page.number_input(key="epochs").value == 12


def test_an_address_with_a_run_that_is_gone_still_opens(page: AppTest):
    page.query_params["runs"] = ["99", "x"]
    page.query_params["view"] = "Training"
    page.run()
    assert not page.exception


def test_a_finished_run_shows_its_result_and_can_be_continued_as_a_new_one(page: AppTest):
    store = Store.open()
    trained_run(store, TINY)
    page.run()
    assert not page.exception
    assert any(f"test {store.runs()[0].test_accuracy:.2%}" in part.value for part in page.html)
    button(page, "Start the new run").click().run()
    child = store.runs()[0]
    assert child.config.continue_epoch == 1
    assert child.config.continue_from == store.runs()[1].id
    assert child.state == "queued"


def test_a_started_run_joins_those_that_the_address_names(page: AppTest):
    store = Store.open()
    shown = [store.enqueue(TINY).number for _ in range(2)]
    page.query_params["runs"] = [str(number) for number in shown]
    page.query_params["view"] = "Network"
    page.run()
    button(page, "Start training").click().run()
    assert page.session_state["runs"] == [*shown, 3]
    assert page.query_params["runs"] == ["1", "2", "3"]


def test_a_started_run_stays_when_the_browser_answers_late_with_the_old_choice(page: AppTest):
    page.run()
    button(page, "Start training").click().run()
    button(page, "Start training").click().run()
    assert page.multiselect(key="runs").value == [1, 2]
    page.query_params["runs"] = ["1"]
    # The browser sent this choice before it got the page with both runs.
    page.multiselect(key="runs").set_value([1]).run()
    assert page.multiselect(key="runs").value == [1, 2]
    assert page.query_params["runs"] == ["1", "2"]


def test_a_click_that_the_browser_sends_twice_is_obeyed_once():
    def script():
        import streamlit as st

        from dashboard.frame import count_clicks, is_new_click

        def obey(count: int) -> None:
            for _ in range(2):
                st.session_state["times"] = st.session_state.get("times", 0) + is_new_click("go", count)

        st.button("Go", on_click=obey, args=(count_clicks("go"),))

    at = AppTest.from_function(script).run()
    at.button[0].click().run()
    assert at.session_state["times"] == 1
    at.button[0].click().run()
    assert at.session_state["times"] == 2


def test_left_out_and_blank_files_of_a_folder_are_named_before_the_start(page: AppTest, tmp_path: Path):
    root = write_images(tmp_path / "images")
    page.query_params.update({"dataset": "folder", "folder": str(root)})
    page.run()
    assert not page.exception
    assert not page.warning
    (root / "train" / "2" / "left.webp").write_bytes(b"not read")
    Image.new("L", (8, 8)).save(root / "test" / "10" / "blank.png")
    page.run()
    warnings = "\n".join(warning.value for warning in page.warning)
    assert "1 .webp" in warnings
    assert "test/10/blank.png" in warnings
    assert not button(page, "Start training").disabled
    (root / "train" / "2" / "00.png").write_bytes(b"damaged")
    page.run()
    assert "00.png" in "\n".join(warning.value for warning in page.warning)


@pytest.mark.sqlite
def test_a_run_whose_metrics_are_damaged_is_named_and_the_others_are_drawn(page: AppTest):
    store = Store.open()
    for seed in (0, 1):
        trained_run(store, TINY.replace(seed=seed))
    with contextlib.closing(sqlite3.connect(store.root / "runs.db")) as connection, connection:
        connection.execute("UPDATE measurements SET validation_loss = validation_loss + 1e-9 WHERE run = 1")
    page.query_params["runs"] = ["1", "2"]
    page.run()
    assert not page.exception
    assert [("#1" in error.value, "validation loss" in error.value) for error in page.error] == [(True, True)]


def test_a_run_without_a_whole_checkpoint_is_started_anew_only_by_choice(page: AppTest):
    store = Store.open()
    run = store.enqueue(TINY.replace(epochs=3), claimed=True)
    interrupt = threading.Event()
    for event in work(store, run, interrupt):
        if isinstance(event, EpochEnd):
            interrupt.set()
    recorded = store.count_metrics(run.id)
    shutil.rmtree(store.folder(run.id))
    page.run()
    button(page, "Continue").click().run()
    # The page may also say that MNIST is not here, once its download has failed.
    assert any(f"{recorded:,}" in warning.value for warning in page.warning)
    assert store.run(run.id).state == "interrupted"
    button(page, "Leave it").click().run()
    assert store.count_metrics(run.id) == recorded
    button(page, "Continue").click().run()
    button(page, "Start over").click().run()
    assert not page.exception
    assert (store.run(run.id).state, store.run(run.id).step, store.count_metrics(run.id)) == ("queued", 0, 0)
