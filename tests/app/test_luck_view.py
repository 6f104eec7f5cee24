"""Luck on Train and Studies: a question is asked, followed, stopped and deleted, and its answer is shown."""

import pytest
from streamlit.testing.v1 import AppTest

from mnist_core import luck
from mnist_core.config.run_config import RunConfig
from mnist_core.jobs.worker import work
from mnist_core.store.store import Store
from mnist_core.studies.catalogue import find_study
from mnist_core.studies.luck_of_study import luck_config, luck_figure
from tests.app.pages import opened, ran, texts

pytestmark = pytest.mark.usefixtures("quiet")
TINY = RunConfig(dataset="mnist-5k", architecture="linear-10", train_images=300, epochs=1, device="cpu")
LINK = {"view": "Luck", "dataset": "mnist-5k", "architecture": "linear-10", "train_images": "300", "epochs": "1"}


def train_all(store: Store) -> None:
    while run := store.claim():
        list(work(store, run))


def button(at: AppTest, label: str):
    return next(each for each in at.button if each.label == label)


def test_a_question_is_asked_stopped_and_deleted(store: Store) -> None:
    at = opened("train", **LINK)
    assert not at.exception
    at.number_input(key="luck_seeds_True").set_value(30)
    at.number_input(key="luck_figure_None").set_value(85.5)
    ran(at)
    button(at, "Train 30 seeds").click()
    ran(at)
    (group,) = luck.groups(store)
    assert (group.seeds, group.figure, group.state) == (30, 0.855, "queued")
    assert group.config.architecture == "linear-10"
    button(at, "Stop").click()
    ran(at)
    assert luck.groups(store)[0].state == "stopped"
    button(at, "Go on").click()
    ran(at)
    assert luck.groups(store)[0].state == "queued"
    button(at, "Delete it with its seeds").click()
    ran(at)
    assert luck.groups(store) == []
    assert not at.exception


def test_the_answer_stands_with_its_figure_and_every_seed(store: Store) -> None:
    luck.start_group(store, TINY, 5, 0.5, "a blog")
    train_all(store)
    at = opened("train", view="Luck")
    assert not at.exception
    (group,) = luck.groups(store)
    shown = texts(at).replace("\\", "")
    assert all(sentence in shown for sentence in group.sentences())
    assert at.get("plotly_chart")
    at.number_input(key="luck_difference").set_value(3.5)
    ran(at)
    others = set(group.sentences(0.035)) - set(group.sentences())
    assert others
    shown = texts(at).replace("\\", "")
    assert all(sentence in shown for sentence in others)


def test_a_link_opens_its_question(store: Store) -> None:
    first = luck.start_group(store, TINY, 5, name="first")
    second = luck.start_group(store, TINY, 5, name="second")
    at = opened("train", view="Luck")
    assert at.selectbox(key="luck").value == second
    assert at.query_params["luck"] == second
    at = opened("train", view="Luck", luck=first)
    assert at.selectbox(key="luck").value == first
    next(each for each in at.button if each.label.endswith(" seeds")).click()
    ran(at)
    newest = luck.groups(store)[0].id
    assert newest not in (first, second)
    assert at.selectbox(key="luck").value == newest
    at = opened("train", view="Luck", luck="none such")
    assert not at.exception
    assert at.selectbox(key="luck").value == newest


def test_settings_that_cannot_be_trained_are_told_and_ask_nothing(store: Store) -> None:
    at = opened("train", **LINK | {"train_images": "4900", "validation_images": "4900"})
    assert not at.exception
    assert not [each for each in at.button if each.label.endswith("seeds")]


def test_a_study_shows_the_questions_about_its_own_network(store: Store) -> None:
    study = find_study("deep-mlp")
    (experiment,) = study.experiments
    (variant,) = experiment.variants
    config = luck_config(experiment, variant)
    assert luck_figure(study, experiment, variant) == pytest.approx(0.9784)
    # The study reports the last epoch.
    assert (config.choose_on, config.validation_images, config.epochs) == ("validation", 0, 50)
    assert luck_config(experiment, variant, 0.1).epochs == 5
    luck.start_group(store, TINY, 5, name="of another network")
    luck.start_group(store, config, 20, 0.9784, "reported", name="of the study")
    at = opened("studies", study="deep-mlp", results="Luck")
    button(at, "Show without answering").click()
    ran(at)
    assert not at.exception
    options = next(box.options for box in at.selectbox if box.label == "Question")
    assert options == ["of the study"]
    assert at.number_input(key="luck_figure_0.9784").value == pytest.approx(97.84)
