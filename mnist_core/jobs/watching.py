"""Recording what a network that trains answers and looks like: when to look, and what else is measured then.

The clock decides when, at most twice a second, and never so often that looking takes more than a small share of the
time. What is seen changes nothing of the run, and what goes wrong here does not end it.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import monotonic, process_time

import torch

from mnist_core.errors import LostRunError
from mnist_core.events import EpochEnd, Event, RunStarted, StepEnd
from mnist_core.jobs.memory import process_memory
from mnist_core.jobs.preparation import PreparedRun
from mnist_core.jobs.troubles import STORE_ERRORS
from mnist_core.store import Recording, glimpse_files
from mnist_core.training import Glimpse, Watcher, watch_network

# Seconds between two glimpses, at least; twice as many each time the file has been thinned.
PAUSE_SECONDS = 0.5
# The next glimpse is this many times as far away as the last one took, so looking costs less than one part of these.
REST = 60
_NAN = float("nan")


class RunRecorder:
    """Takes glimpses of a run between the steps of its training, and keeps them in the run's folder."""

    def __init__(self, prepared: PreparedRun) -> None:
        self._prepared = prepared
        self._folder = prepared.store.folder(prepared.run.id)
        self._in_steps = prepared.config.library == "torch"
        self._is_on = True
        self._watcher: Watcher | None = None
        self._writer: glimpse_files.GlimpseWriter | None = None
        self._steps_per_epoch = 1
        # The last report of training speed and learning rate.
        self._rates = (_NAN, _NAN)
        # Step and seconds of training of the weights that the network has now.
        self._current = (-1, 0.0)
        self._thinned = 0
        self._due = 0.0
        # Seconds that the last glimpses took.
        self._took: list[float] = []
        self._load = _ProcessLoad()

    def see(self, event: Event) -> None:
        """Take a glimpse if it is time for one.

        To be called when the model is consistent with the event, which of several reported together is the last one.
        """
        self._try(lambda: self._see(event))

    def keep(self) -> None:
        """Take the last glimpse, at the end of the training, and list the file as one of the run's; LostRunError."""
        self._try(lambda: self._take(*self._current))
        prepared, live = self._prepared, self._folder / glimpse_files.LIVE_GLIMPSES
        content = b""

        def write(target: Path) -> None:
            target.write_bytes(content)

        try:
            content = glimpse_files.whole_glimpses(live) if live.is_file() else b""
            if not content:
                return
            prepared.store.write_artifact(
                prepared.run,
                glimpse_files.GLIMPSES,
                glimpse_files.GLIMPSES_KIND,
                None,
                # Where it begins: going back to an earlier checkpoint then cuts the file, and does not remove it.
                0,
                write,
            )
            live.unlink()
        except LostRunError:
            raise
        except STORE_ERRORS as error:
            # The file stays where it is and can be watched; only backups and archives lack it.
            print(f"glimpses are not listed: {type(error).__name__}", file=sys.stderr, flush=True)

    def _try(self, look: Callable[[], None]) -> None:
        if not self._is_on:
            return
        try:
            look()
        except OSError:
            # Without this glimpse: the disk may have room again when the next one is due.
            self._due = monotonic() + PAUSE_SECONDS
        except Exception as error:
            # Pictures are not worth a run: it goes on without them.
            self._is_on = False
            print(f"no more glimpses are recorded: {type(error).__name__}: {error}", file=sys.stderr, flush=True)

    def _see(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._begin(event)
            if self._in_steps:
                self._take(event.first_step, 0.0)
            return
        if isinstance(event, StepEnd):
            self._rates = event.images_per_second, event.learning_rate
        # The network has scikit-learn's weights at the end of an epoch alone, and keeps them until the next.
        if self._in_steps or isinstance(event, EpochEnd):
            self._current = event.step, event.seconds
            if monotonic() >= self._due:
                self._take(*self._current)

    def _begin(self, event: RunStarted) -> None:
        prepared = self._prepared
        self._steps_per_epoch = event.steps_per_epoch
        # Off until all is prepared.
        self._is_on = False
        self._watcher = watch_network(prepared.model, prepared.images, prepared.config)
        # Never the folder of all results: if that was moved away, a new one would keep it from being put back.
        self._folder.mkdir(exist_ok=True)
        before = _read_before(self._folder)
        if before is not None:
            # A fit of scikit-learn begins again.
            before = before.until(event.first_step if self._in_steps else -1)
        path = self._folder / glimpse_files.LIVE_GLIMPSES
        self._writer = glimpse_files.GlimpseWriter(path, self._watcher.watched, before)
        self._is_on = self._writer.has_room

    def _take(self, step: int, seconds: float) -> None:
        if self._writer is None or self._watcher is None or step <= self._writer.last_step:
            return
        began = monotonic()
        images_per_second, learning_rate = self._rates
        glimpse = Glimpse(
            step=step,
            epoch=step / self._steps_per_epoch,
            seconds=seconds,
            images_per_second=images_per_second,
            learning_rate=learning_rate,
            cores=self._load.cores(),
            memory=process_memory(),
            gpu=gpu_load(self._prepared.images.train.labels.device),
            look=self._watcher.look(),
        )
        # The end of a run may come right after a glimpse, which is then replaced.
        is_early = began < self._due and len(self._writer) > 1
        self._thinned += self._writer.append(glimpse, in_place_of_last=is_early)
        # The median, because a single glimpse takes long where the machine is busy with something else.
        self._took = [*self._took[-2:], monotonic() - began]
        self._due = began + max(PAUSE_SECONDS * 2**self._thinned, REST * median(self._took))


def _read_before(folder: Path) -> Recording | None:
    """What was recorded of a run before it went on; None if that is nothing, or damaged."""
    path = glimpse_files.recording_path(folder)
    try:
        return None if path is None else glimpse_files.read_recording(path)
    except glimpse_files.GlimpseFileError:
        return None


class _ProcessLoad:
    """How many cores this process keeps busy."""

    def __init__(self, wall: Callable[[], float] = monotonic, busy: Callable[[], float] = process_time) -> None:
        self._wall, self._busy = wall, busy
        self._last = wall(), busy()

    def cores(self) -> float:
        """Mean number of busy cores since the last call."""
        before, self._last = self._last, (self._wall(), self._busy())
        seconds = self._last[0] - before[0]
        return (self._last[1] - before[1]) / seconds if seconds > 0.01 else _NAN


def gpu_load(device: torch.device) -> float:
    """Load of the GPU, 0 to 1; NaN without one, or where the package that asks the driver is missing."""
    if device.type != "cuda":
        return _NAN
    try:
        return torch.cuda.utilization(device) / 100
    except Exception:
        # torch raises different errors for a missing package, an old driver and a virtual GPU.
        return _NAN
