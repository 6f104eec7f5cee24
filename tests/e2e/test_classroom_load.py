"""The benchmark of a lesson under load works, with few students and little time."""

import pytest

from benchmarks.class_figures import faults_in_log, growth, ratio_of_waits
from benchmarks.class_table import table
from benchmarks.classroom import hold_lesson


@pytest.mark.long
def test_a_short_lesson_is_measured():
    lesson = hold_lesson(minutes=0.2, sessions=3, browsers=0, seed=0, alone_seconds=2)
    assert not lesson.notes.errors
    assert not lesson.faults
    assert lesson.notes.seconds["page load"]
    assert lesson.alone > 0
    assert lesson.during > 0
    assert len(table(lesson).splitlines()) >= 10


def test_short_waits_count_as_a_second():
    assert ratio_of_waits([0.0, 0.5, 3.0]) == 3


def test_growth_compares_the_end_with_the_middle():
    assert growth([9, 9, 9, 9, 9, 10, 10, 11, 12, 12]) == pytest.approx(0.2)


def test_an_exception_in_the_log_is_found_by_its_last_line():
    log = 'ERROR:\nTraceback (most recent call last):\n  File "a.py", line 1, in f\n    f()\nValueError: no\nmore\n'
    assert faults_in_log(log) == ["ValueError: no"]
