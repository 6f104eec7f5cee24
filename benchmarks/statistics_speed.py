"""How long the statistics of a comparison take.

    python -m benchmarks.statistics_speed [--runs 20] [--images 10000] [--rounds 5]

Made-up answers of as many runs as the Compare page compares: all pairs with exact McNemar test and interval,
Holm's correction, and the groups that cannot be told apart; after one round that loads scipy, which is timed
as well. The median of the rounds should stay below 2 s.
"""

import argparse
import statistics
from time import perf_counter, process_time

import numpy as np

from benchmarks.machine import describe_machine
from mnist_core.analysis import stats


def answers(runs: int, images: int) -> np.ndarray:
    """Runs of 97 to 98 % accuracy that agree about most images, as trained networks do: bool (runs, images)."""
    random = np.random.default_rng(0)
    # How hard each image is for all runs.
    hard = random.random(images)
    limits = np.linspace(0.97, 0.98, runs)[:, None]
    return hard + random.normal(0, 0.01, (runs, images)) < limits


def measure(right: np.ndarray) -> tuple[float, float, int, int]:
    """Seconds of one comparison by the clock and of the processor, and how many pairs and groups it found."""
    began, worked = perf_counter(), process_time()
    pairs = stats.all_pairs(right)
    groups = stats.indistinguishable(right, pairs)
    return perf_counter() - began, process_time() - worked, len(pairs), len(groups)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name, default in (("runs", 20), ("images", 10_000), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    chosen = parser.parse_args()
    right = answers(chosen.runs, chosen.images)
    first, *_ = measure(right)
    measurements = [measure(right) for _ in range(chosen.rounds)]
    seconds = sorted(wall for wall, *_ in measurements)
    processor = statistics.median(cpu for _, cpu, *_ in measurements)
    *_, pairs, groups = measurements[0]
    print(describe_machine())
    print(
        f"{chosen.runs} runs x {chosen.images:,} images, {pairs} pairs, {groups} groups: "
        f"{statistics.median(seconds):.2f} s (median of {chosen.rounds}; {seconds[0]:.2f} to {seconds[-1]:.2f};"
        f" {processor:.2f} s of processor time; the first, with loading scipy.special, {first:.2f} s)"
    )


if __name__ == "__main__":
    main()
