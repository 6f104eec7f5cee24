"""Races: which runs belong to one, in which order they start, and what their end says."""

from math import sqrt
from statistics import fmean, stdev

import numpy as np
import pytest
from scipy.stats import t

from mnist_core.analysis import races
from mnist_core.analysis.predictions import Predictions
from mnist_core.analysis.verdict import Verdict, judge
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import ConfigError
from mnist_core.store import IMPORTED, StudentStore, let_in, open_poll
from mnist_core.store.run import Run
from mnist_core.store.store import Store

IMAGES, CLASSES = 1000, 10
SOFTMAX, WIDE, DEEP = (RunConfig(architecture=name) for name in ("softmax", "mlp-300", "mlp-512-256-128-64"))


def verdict_of(runs: tuple[Run, ...], wrong: list[range]) -> Verdict:
    """A verdict on runs of which each has these images wrong."""
    labels = np.zeros(IMAGES, dtype=np.int64)
    probabilities = {}
    for run, images in zip(runs, wrong, strict=True):
        called = labels.copy()
        called[list(images)] = 1
        probabilities[run.id] = np.eye(CLASSES, dtype=np.float32)[called]
    return judge(Predictions(runs, labels, probabilities))


def queued(store: Store, configs: list[RunConfig]) -> tuple[Run, ...]:
    return tuple(store.enqueue(config, config.architecture) for config in configs)


def test_all_networks_start_with_one_seed_before_any_starts_with_the_next() -> None:
    entries = races.race_entries([SOFTMAX, WIDE], 2)
    assert [(config.architecture, config.seed) for config, _ in entries] == [
        ("softmax", 0),
        ("mlp-300", 0),
        ("softmax", 1),
        ("mlp-300", 1),
    ]
    assert len({name for _, name in entries}) == 4


def test_a_vote_counts_the_runs_that_the_class_voted_on_and_no_others(store: Store) -> None:
    poll = open_poll(store, "left\u00a0or  right", [SOFTMAX, WIDE], 2)
    assert races.new_name(["left or right"], races.taken_names(store)) == "left or right, 2"
    tag = races.race_tag(poll.name)
    voted = [store.enqueue(config, "", [tag]) for config, _ in races.race_entries(poll.configs, poll.seeds)]
    student = StudentStore(store, let_in(store, "student")[0].id)
    student.enqueue(SOFTMAX, "", [tag])
    store.enqueue(DEEP, "", [tag])
    store.enqueue(SOFTMAX, "", [tag, IMPORTED])
    assert len(races.read_race(store, poll.name)) == 7
    assert {run.id for run in races.runs_of_poll(store, poll)} == {run.id for run in voted}


def test_too_many_networks_are_refused() -> None:
    with pytest.raises(ConfigError) as raised:
        races.race_entries([SOFTMAX] * (races.MOST_NETWORKS + 1), 1)
    assert raised.value.field == "architecture"


def test_again_means_the_same_networks_with_as_many_new_seeds(store: Store) -> None:
    configs = [config for config, _ in races.race_entries([SOFTMAX, WIDE], 2)]
    again = [config for config, _ in races.entries_again(queued(store, configs))]
    assert [config.replace(seed=0) for config in again] == [config.replace(seed=0) for config in configs]
    assert {config.seed for config in again} == {2, 3}


def test_a_race_is_found_by_the_tag_that_its_runs_share(store: Store) -> None:
    tags = [races.race_tag("first"), races.race_tag("second")]
    a, b, c = (store.enqueue(SOFTMAX, tags=some) for some in (tags, tags[:1], []))
    assert races.common_race([a, b]) == "first"
    assert races.common_race([a, b, c]) is None
    assert races.common_race([a]) is None
    assert {name: [run.number for run in runs] for name, runs in races.list_races([a, b, c]).items()} == {
        "first": [a.number, b.number],
        "second": [a.number],
    }


def test_names_of_races_are_never_taken_twice() -> None:
    first = races.new_name(["softmax", "mlp-300"], [])
    assert first == "softmax, mlp-300"
    assert races.new_name(["softmax", "mlp-300"], [first]) == "softmax, mlp-300, 2"
    long = races.new_name(["x" * 500] * 3 + ["y" * 500], [])
    assert races.race_tag(long).endswith(long)
    taken = [long]
    # A long name differs in its last letters as well, from the second race on and from the tenth on.
    for _ in range(11):
        taken.append(races.new_name(["x" * 500] * 3 + ["y" * 500, *(letter * 500 for letter in "abc")], taken))
    assert len(set(taken)) == 12
    assert max(map(len, taken)) == 80


def test_standings_are_means_over_seeds_with_students_interval(store: Store) -> None:
    runs = queued(store, [config.replace(seed=seed) for config in (SOFTMAX, WIDE) for seed in range(3)])
    wrong = [100, 110, 130, 20, 30, 25]
    table = races.standings(verdict_of(runs, [range(count) for count in wrong]))
    assert [row.runs for row in table] == [runs[3:], runs[:3]]
    accuracies = [1 - count / IMAGES for count in wrong[3:]]
    half = t.ppf(0.975, 2) * stdev(accuracies) / sqrt(3)
    assert (table[0].accuracy, table[0].low, table[0].high) == pytest.approx(
        (fmean(accuracies), fmean(accuracies) - half, min(1.0, fmean(accuracies) + half))
    )


def test_a_single_run_has_the_interval_of_its_images(store: Store) -> None:
    verdict = verdict_of(queued(store, [SOFTMAX, WIDE]), [range(100), range(20)])
    best = races.standings(verdict)[0]
    assert (best.accuracy, (best.low, best.high)) == (0.98, verdict.interval(1))


def test_whether_the_order_is_luck_is_what_the_verdict_says(store: Store) -> None:
    runs = queued(store, [SOFTMAX, WIDE, DEEP])
    clear = races.order_sentence(verdict_of(runs, [range(100), range(20), range(200, 400)]))
    narrow = races.order_sentence(verdict_of(runs, [range(21), range(30, 50), range(200, 400)]))
    tie = races.order_sentence(verdict_of(runs, [range(20), range(20), range(200, 400)]))
    assert len({clear[0], narrow[0], tie[0]}) == 3
    # The two best are named, the third is not.
    assert all(name in clear[1] for name in ("softmax", "mlp-300"))
    assert DEEP.architecture not in clear[1]
    every = verdict_of(runs, [range(100), range(20), range(200, 400)])
    assert races.winners(every) == ["mlp-300"]
    assert set(races.winners(verdict_of(runs, [range(21), range(30, 50), range(200, 400)]))) == {"softmax", "mlp-300"}
    several = queued(store, [config.replace(seed=seed) for config in (SOFTMAX, WIDE) for seed in range(4)])
    by_seeds = races.order_sentence(
        verdict_of(several, [range(count) for count in (100, 101, 99, 100, 20, 21, 19, 20)])
    )
    assert by_seeds[0] == clear[0]
    assert races.order_sentence(verdict_of(runs[:1], [range(5)])) == ("", "")


def test_a_lead_that_only_a_collapsed_seed_makes_is_not_settled(store: Store) -> None:
    # The second network's mean is lower by far, but the one run of the first is worse than its best.
    runs = queued(store, [SOFTMAX, WIDE, WIDE.replace(seed=1)])
    verdict = verdict_of(runs, [range(100), range(20), range(400)])
    assert [place.name for place in races.standings(verdict)] == ["softmax", "mlp-300"]
    assert set(races.winners(verdict)) == {"softmax", "mlp-300"}
    settled = races.order_sentence(verdict_of(runs[:2], [range(100), range(20)]))[0]
    assert races.order_sentence(verdict)[0] != settled
