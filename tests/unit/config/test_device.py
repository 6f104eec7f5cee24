"""Devices, versions and rules of a run as data, and the texts of earlier versions that say the same."""

import pytest

from mnist_core.config.device import (
    MOST_ENTRIES,
    Device,
    device_labels,
    devices_from_text,
    version_labels,
    versions_from_text,
    with_latest,
)
from mnist_core.config.rules import TrainingRules, without_rules

EPYC = Device(kind="cpu", name="AMD EPYC 9B45", vectors="AVX-512", threads=1)


@pytest.mark.parametrize(
    ("text", "devices"),
    [
        ("cpu, 1 thread", [Device(kind="cpu", threads=1)]),
        ("cpu", [Device(kind="cpu")]),
        ("AMD EPYC 9B45, AVX-512, 1 thread", [EPYC]),
        ("AMD EPYC, AVX2, 16 threads", [Device(kind="cpu", name="AMD EPYC", vectors="AVX2", threads=16)]),
        ("Apple M2, 4 threads", [Device(kind="cpu", name="Apple M2", threads=4)]),
        ("mps, 1 thread", [Device(kind="mps", threads=1)]),
        ("mps, Apple M2, 1 thread", [Device(kind="mps", name="Apple M2", threads=1)]),
        ("NVIDIA H100 80GB HBM3", [Device(kind="cuda", name="NVIDIA H100 80GB HBM3")]),
        ("Tesla T4", [Device(kind="cuda", name="Tesla T4")]),
        ("cpu, 1 thread; then Tesla T4", [Device(kind="cpu", threads=1), Device(kind="cuda", name="Tesla T4")]),
        # An archive may hold any text.
        ("<b>a\u0000b</b>", [Device(kind="cpu", name="<b>a\u0000b</b>")]),
        ("", []),
    ],
)
def test_the_texts_of_earlier_versions_and_the_devices_say_the_same(text: str, devices: list[Device]):
    assert [*devices_from_text(text)] == devices
    assert device_labels(devices) == text


def test_a_device_that_was_not_chosen_counts_as_a_processor():
    assert devices_from_text("auto") == (Device(kind="cpu"),)
    assert devices_from_text(None) == ()


def test_a_run_that_goes_on_elsewhere_has_both_and_at_most_twenty():
    entries = with_latest((), 0)
    assert with_latest(entries, 0) == (0,)
    for number in range(1, 41):
        entries = with_latest(entries, number)
    assert len(entries) == MOST_ENTRIES
    assert entries == (0, *range(22, 41))
    assert with_latest((1, 2), 1) == (1, 2, 1)


def test_versions_in_words():
    assert version_labels(["2.12.0", "2.13.0"]) == "2.12.0, then 2.13.0"
    assert versions_from_text("2.12.0, then 2.13.0") == ("2.12.0", "2.13.0")
    assert versions_from_text("2.13.0") == ("2.13.0",)


def test_rules_are_recorded_as_numbers_and_were_texts_among_the_versions():
    assert TrainingRules.recorded({"patience": 1}) == TrainingRules(patience=1, training_loss=1, kernels=1)
    assert TrainingRules.recorded({"patience": 99, "training_loss": "1", "kernels": 2}) == TrainingRules()
    texts = {"torch": "2.13.0", "patience rule": "1", "training loss rule": "2"}
    assert TrainingRules.from_texts(texts) == TrainingRules(patience=1, training_loss=2, kernels=1)
    assert TrainingRules.from_texts({"patience rule": "\u00b2"}).patience == TrainingRules().patience
    assert without_rules(texts) == {"torch": "2.13.0"}
    assert TrainingRules(1, 2, 1).labelled() == {
        "patience rule": "1",
        "training loss rule": "2",
        "kernels rule": "1",
    }
