"""Successive halving: stop runs early that are far behind the others of their sweep."""

from statistics import fmean

from mnist_core.store import Run, Store
from mnist_core.sweeps.sweep import Sweep

# Of the settings that reach a rung, one in ETA goes on.
ETA = 3


def stopping_reason(store: Store, run: Run, epoch: int) -> str:
    """Why a run should end after this epoch, or "". To be asked when the epoch's metrics are recorded.

    Asynchronous successive halving, its stopping variant (Li et al. 2020, "A system for massively parallel
    hyperparameter tuning"; eta 3): at the end of epochs 1, 3, 9, 27 ... a run goes on only if its accuracy on the
    images that choose its best epoch is among the best third of what the sweep's runs have recorded at that epoch so
    far, on such images: accuracies on held-out and on test images are not ranked together. Nobody waits for anybody;
    with fewer than 3 results all go on. Runs of one setting with several seeds count as one result, their mean, so that
    a setting is judged and not a lucky seed.
    """
    if run.sweep is None or epoch >= run.config.epochs or not _is_rung(epoch):
        return ""
    row = store.sweep(run.sweep)
    # A sweep may be forgotten while its runs train: they go on by themselves.
    if row is None or not (sweep := Sweep.from_json(row.spec)).halving:
        return ""
    lines = sweep.templates()
    results: dict[tuple[object, ...], list[float]] = {}
    accuracies = store.at_epoch(run.sweep, "validation_accuracy", epoch)
    for other in store.runs(ids=list(accuracies)):
        if other.optimistic != run.optimistic:
            continue
        results.setdefault(tuple(sweep.point_of(other.config, lines).values()), []).append(accuracies[other.id])
    seeds = results.get(tuple(sweep.point_of(run.config, lines).values()))
    if not seeds or len(results) < ETA:
        return ""
    means = sorted((fmean(values) for values in results.values()), reverse=True)
    if fmean(seeds) >= means[len(means) // ETA - 1]:
        return ""
    of = f"{len(results)} runs" if sweep.seeds == 1 else f"{len(results)} settings"
    mean = f" (mean of {len(seeds)} seeds)" if len(seeds) > 1 else ""
    where = " of the test images (optimistic)" if run.optimistic else ""
    return (
        f"Stopped by successive halving after epoch {epoch}: {100 * fmean(seeds):.1f} %{mean}{where} is not among "
        f"the best third of {of}."
    )


def _is_rung(epoch: int) -> bool:
    while epoch > 1 and epoch % ETA == 0:
        epoch //= ETA
    return epoch == 1
