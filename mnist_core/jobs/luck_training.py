"""Training of a part of a question of luck: many seeds together, group by group, whose scores are kept as they come."""

from collections.abc import Sequence
from math import ceil
from time import monotonic

from mnist_core import environment, luck
from mnist_core.config import READING_RULE, RunConfig, SeedScore, SeedScores, TrainingRules, with_latest
from mnist_core.data import Data, load_data, resolve_dataset
from mnist_core.jobs.preparation import versions_used
from mnist_core.jobs.pulse import Pulse
from mnist_core.store import Run, Store
from mnist_core.training import StackedProgress, devices, is_stackable, train_seeds

# Seconds between two records of progress, at least.
_RECORD_SECONDS = 0.5
_TOGETHER = "The seeds were trained together: their last digits may differ from those of runs that are trained alone."


def train_part(store: Store, part: Run, pulse: Pulse) -> None:
    """Train the seeds of a claimed part that have no score yet, and record how it ended.

    Raises what `prepare_run` raises, and StoreError if the scores so far cannot be read.
    """
    assert part.luck is not None
    config, note = resolve_dataset(part.config, environment.data_dir())
    if is_stackable(config):
        note = f"{note} {_TOGETHER}".strip()
    images = load_data(
        config,
        environment.data_dir(),
        devices.prepare_device(config),
        part.data.rule if part.data else READING_RULE,
    )
    rules = part.rules or TrainingRules()
    pulse.hold(lambda: store.describe(part, note=note, **_columns_before_start(store, part, config, images, rules)))
    scores = pulse.hold(lambda: luck.read_scores(store, part)).scores
    done = {score.seed for score in scores}
    first, count = part.luck.first_seed, part.luck.seeds
    seeds = [seed for seed in range(first, first + count) if seed not in done]
    recorder = _Recorder(store, store.run(part.id), pulse, len(images.test.labels), scores)
    for event in train_seeds(config, images, seeds, rules):
        if isinstance(event, StackedProgress):
            recorder.keep(event.finished)
            recorder.report(event.step / event.steps * len(seeds))
        else:
            recorder.keep(event)
        if pulse.wish:
            break
    recorder.report(recorder.new, always=True)
    outcome = "finished" if recorder.new == len(seeds) else pulse.wish or "interrupted"
    pulse.hold(lambda: store.finish(part, outcome, pulse.reason if outcome == "stopped" else ""))


def _columns_before_start(
    store: Store, part: Run, config: RunConfig, images: Data, rules: TrainingRules
) -> dict[str, object]:
    """Columns of the part's row that are known before its first step, without the note."""
    count = len(images.train.labels)
    return {
        "config": config,
        "started": part.started or store.clock(),
        "devices": with_latest(part.devices, devices.describe_device(images.train.labels.device)),
        "versions": versions_used(part.versions or {}),
        "rules": rules,
        "data": images.facts,
        "train_images": count,
        "steps_per_epoch": ceil(count / config.batch_size),
    }


class _Recorder:
    """Records scores as they come, and how far a part is as the steps of one run: the mean over its seeds."""

    def __init__(self, store: Store, part: Run, pulse: Pulse, images: int, scores: tuple[SeedScore, ...]) -> None:
        """`part` is the row as it is now, `images` how many test images there are, `scores` those of earlier times."""
        self._store, self._part, self._pulse, self._images, self._before = store, part, pulse, images, scores
        # How many seeds have got their scores since.
        self.new = 0
        self._began, self._recorded = monotonic(), 0.0

    def keep(self, results: Sequence[SeedScore]) -> None:
        """Keep the scores of these seeds, unless nothing is new."""
        if len(results) == self.new:
            return
        scores = SeedScores(test_images=self._images, scores=(*self._before, *results))
        self._pulse.hold(lambda: luck.write_scores(self._store, self._part, scores))
        self.new = len(results)

    def report(self, seeds_done: float, always: bool = False) -> None:
        """Record that so many seeds more than before are done, those under way in part; at most twice a second."""
        part, now = self._part, monotonic()
        assert part.luck is not None
        if not always and now - self._recorded < _RECORD_SECONDS:
            return
        self._recorded = now
        share = (len(self._before) + seeds_done) / part.luck.seeds
        columns = {"step": round(share * (part.total_steps or 0)), "seconds": part.seconds + now - self._began}
        self._pulse.hold(lambda: self._store.describe(part, **columns))
