"""The networks of the form on Train: what links, the picker, recipes and one's own lines choose."""

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.network_picker.network_picker import plain_letters
from mnist_core.architectures import LayerChange, presets
from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store
from tests.app.pages import opened, ran

pytestmark = pytest.mark.usefixtures("quiet", "own_lab")

LINE = "flatten linear(30) relu linear(classes)"


def picker(at: AppTest) -> dict[str, Any]:
    """What the picker was sent."""
    (sent,) = [
        component.proto.json
        for component in at.get("bidi_component")
        if component.proto.component_name == "mnist_lab_network_picker"
    ]
    return json.loads(sent)


def chosen(at: AppTest) -> list[str]:
    """Names in the address, which stand for the form's networks; the usual network if there are none."""
    names = at.query_params.get("architecture", [RunConfig().architecture])
    return [names] if isinstance(names, str) else names


def press(at: AppTest, key: str) -> AppTest:
    return ran(at.button(key=key).click())


@pytest.mark.parametrize(
    ("query", "names", "others"),
    [
        ({}, ["mlp-300"], 0),
        ({"architecture": "lenet-5"}, ["lenet-5"], 0),
        ({"architecture": ["lenet-5", "mlp-100", "lenet-5"]}, ["lenet-5", "mlp-100"], 0),
        # One network beside own=true is where the line began, in links of old.
        ({"architecture": "lenet-5", "own": "true", "layers": LINE}, [], 1),
        ({"own": "true", "layers": LINE}, [], 1),
        ({"architecture": ["lenet-5", "softmax"], "own": "true", "layers": LINE}, ["lenet-5", "softmax"], 1),
        ({"architecture": ["lenet-5", LINE]}, ["lenet-5"], 1),
    ],
)
def test_a_link_chooses_one_network_or_several(query: dict[str, Any], names: list[str], others: int) -> None:
    at = opened("train", **query)
    assert not at.toast
    sent = picker(at)
    assert (sent["chosen"], sent["others"]) == (names, others)
    assert len([button for button in at.button if str(button.key).startswith("take-out")]) == (
        len(names) + others if len(names) + others > 1 else 0
    )


def test_an_old_link_with_a_line_trains_that_line() -> None:
    at = opened("train", architecture="lenet-5", own="true", layers=LINE)
    ran(next(button for button in at.button if button.label == "Start training").click())
    assert [run.config.architecture for run in Store.open().runs()] == [LINE]


def test_what_a_link_cannot_choose_is_told_and_the_rest_is_chosen() -> None:
    at = opened("train", architecture=["lenet-6", "softmax", "flatten linear("])
    (toast,) = at.toast
    assert toast.value.startswith("Network")
    assert "lenet-6" in toast.value
    assert "softmax" not in toast.value
    assert picker(at)["chosen"] == ["softmax"]
    assert chosen(at) == ["softmax"]
    assert not ran(at).toast


def test_at_most_eight_are_chosen() -> None:
    names = list(presets())[:10]
    at = opened("train", architecture=names)
    assert picker(at)["chosen"] == names[:8]
    assert names[8] in at.toast[0].value


def test_one_of_several_is_taken_out_by_its_button() -> None:
    at = press(opened("train", architecture=["lenet-5", "softmax", LINE]), "take-out-1")
    assert chosen(at) == ["lenet-5", LINE]
    at = press(at, "take-out-1")
    assert chosen(at) == ["lenet-5"]
    assert picker(at)["others"] == 0


def test_a_line_joins_the_network_from_the_list() -> None:
    at = opened("train", architecture="softmax", own="true", layers=LINE)
    at = press(at, "keep-line")
    assert chosen(at) == ["softmax", LINE]
    assert not at.toggle(key="own").value


def choice_script() -> None:
    import streamlit as st

    from dashboard.controls.network_choice import choose_networks

    if sent := st.session_state.pop("sent", None):
        from dashboard.controls import network_choice

        network_choice._take_choice(*sent)
    st.session_state["got"] = choose_networks()


def test_the_picker_replaces_all_or_adds_to_what_is_there() -> None:
    at = AppTest.from_function(choice_script)
    at.query_params.update({"own": "true", "layers": LINE})
    at.run()
    steps = [
        (None, [LINE]),
        ((["softmax"], False), [LINE, "softmax"]),
        ((["softmax", "lenet-5"], False), [LINE, "softmax", "lenet-5"]),
        ((["lenet-5"], False), [LINE, "lenet-5"]),
        ((["mlp-10"], True), ["mlp-10"]),
    ]
    for sent, expected in steps:
        if sent:
            at.session_state["sent"] = sent
        at.run()
        assert not at.exception
        assert at.session_state["got"] == expected


def test_a_line_that_is_written_beside_others_stays_in_its_field() -> None:
    at = AppTest.from_function(choice_script)
    at.query_params.update({"architecture": ["softmax", "lenet-5"], "own": "true", "layers": LINE})
    at.run()
    assert at.session_state["got"] == ["softmax", "lenet-5", LINE]
    at.session_state["sent"] = (["softmax", "lenet-5", "mlp-10"], False)
    at.run()
    assert at.session_state["got"] == ["softmax", "lenet-5", "mlp-10", LINE]
    assert at.text_area(key="layers").value == LINE


def picker_script() -> None:
    import streamlit as st

    from dashboard.components.network_picker import network_picker as module

    cards = [module.NetworkCard(name, "F", "", "", "", "", False) for name in "abc"]
    if "message" in st.session_state:
        st.session_state["picker"] = {"choice": st.session_state["message"]}
        taken: list[object] = []
        module._take_choice("picker", {card.name for card in cards}, 2, lambda *choice: taken.append(choice))
        st.session_state["taken"] = taken


@pytest.mark.parametrize(
    ("message", "taken"),
    [
        ({"names": ["b", "a", "b"], "alone": False, "asked": 3}, [(["b", "a"], False)]),
        ({"names": ["a", "b", "c"], "alone": False, "asked": 1}, [(["a", "b"], False)]),
        ({"names": ["x"], "alone": True, "asked": 1}, []),
        ({"names": [["a"]], "alone": True, "asked": 1}, []),
        ({"names": "a", "alone": True, "asked": 1}, []),
        ({"names": ["a"], "alone": True}, []),
        (None, []),
    ],
)
def test_only_a_whole_message_of_the_browser_is_obeyed(message: Any, taken: list[Any]) -> None:
    at = AppTest.from_function(picker_script)
    at.session_state["message"] = message
    at.run()
    assert not at.exception
    assert at.session_state["taken"] == taken


def test_each_preset_has_a_card_and_well_known_ones_come_first() -> None:
    at = opened("train")
    cards = json.loads(picker(at)["cards"])
    assert {card["name"] for card in cards} == set(presets())
    families = list(dict.fromkeys(card["family"] for card in cards))
    assert families == list(dict.fromkeys(preset.family for preset in presets().values()))
    for family in families:
        marks = [card["known"] for card in cards if card["family"] == family]
        assert marks == sorted(marks, reverse=True)
    (lenet,) = [card for card in cards if card["name"] == "lenet-5"]
    assert "%" in lenet["accuracy"]
    assert lenet["diagram"].startswith("<svg")


def test_figures_are_those_of_the_forms_data_set() -> None:
    cards = json.loads(picker(opened("train", dataset="fashion-mnist"))["cards"])
    assert {card["accuracy"] for card in cards} == {""}
    assert all(card["duration"] for card in cards)
    folder = json.loads(picker(opened("train", dataset="folder"))["cards"])
    assert {(card["accuracy"], card["duration"]) for card in folder} == {("", "")}


def test_words_are_found_without_accents_and_in_small_letters() -> None:
    assert plain_letters("Éclair 5×5 ÅÖ") == "eclair 5×5 ao"
    at = opened("train")
    words = {card["name"]: card["words"] for card in json.loads(picker(at)["cards"])}
    for wanted in ("lecun", "cheques", "convolutional", "avgpool(2)", "lenet-5"):
        assert wanted in words["lenet-5"]


def replaced_script() -> None:
    import streamlit as st

    from dashboard.controls import network_choice

    if sent := st.session_state.pop("sent", None):
        st.session_state["done"] = network_choice.replace_network(*sent)
    st.session_state["got"] = network_choice.choose_networks()


def test_a_line_takes_the_place_of_one_of_the_chosen_networks() -> None:
    at = AppTest.from_function(replaced_script)
    at.query_params["architecture"] = "lenet-5"
    at.run()
    other = "flatten linear(50) relu linear(classes)"
    steps = [((0, LINE), True, [LINE]), ((0, other), True, [other])]
    for sent, done, networks in steps:
        at.session_state["sent"] = sent
        at.run()
        assert (at.session_state["done"], at.session_state["got"]) == (done, networks)
        assert [at.query_params["layers"]] == networks
    several = AppTest.from_function(replaced_script)
    several.query_params.update({"architecture": ["softmax", "mlp-300"], "own": "true", "layers": LINE})
    several.run()
    steps = [
        ((1, other), True, ["softmax", other, LINE]),
        ((2, "linear(1)"), True, ["softmax", other, "linear(1)"]),
        # The layers of softmax.
        ((2, "flatten linear(classes)"), False, ["softmax", other, "linear(1)"]),
    ]
    for sent, done, networks in steps:
        several.session_state["sent"] = sent
        several.run()
        assert (several.session_state["done"], several.session_state["got"]) == (done, networks)
        assert chosen(several) == networks[:2]


def diagram_script() -> None:
    import streamlit as st

    from dashboard.components.network_diagram import network_diagram as module

    if "message" in st.session_state:
        st.session_state["diagram"] = {"change": st.session_state["message"]}
        taken: list[object] = []
        module._take("diagram", lambda *change: taken.append(change))
        st.session_state["taken"] = taken


@pytest.mark.parametrize(
    ("message", "taken"),
    [
        ({"layer": 1, "action": "resize", "width": 20, "line": LINE}, [(LayerChange(1, "resize", 20), LINE)]),
        ({"layer": 1, "action": "copy", "line": LINE}, [(LayerChange(1, "copy"), LINE)]),
        ({"layer": 1, "action": "resize", "width": 2.5, "line": LINE}, []),
        ({"layer": "1", "action": "copy", "line": LINE}, []),
        ({"layer": 1, "action": "explode", "line": LINE}, []),
        ({"layer": 1, "action": "copy", "line": "\ud800"}, []),
        (None, []),
    ],
)
def test_only_a_whole_change_of_a_diagram_is_obeyed(message: Any, taken: list[Any]) -> None:
    at = AppTest.from_function(diagram_script)
    at.session_state["message"] = message
    at.run()
    assert not at.exception
    assert at.session_state["taken"] == taken
