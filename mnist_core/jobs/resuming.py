"""Whether a run can go on from where it was; its records are removed only if a person asks for that."""

from mnist_core.store import Artifact, Run, Store


def last_intact(store: Store, run: Run) -> Artifact | None:
    """The latest of the run's own checkpoints that is whole; None if it has none."""
    for artifact in reversed(store.artifacts(run.id, kind="checkpoint")):
        if store.intact(run.id, artifact):
            return artifact
    return None


def refusal(store: Store, run: Run) -> str:
    """Why the run cannot go on from where it was, with remedies for a person; "" if it can.

    A run without a checkpoint was still in its first epoch and can go on: it repeats that epoch with the same result.
    So at most one whole epoch is repeated, unless a person asks for more.
    """
    if run.config.library == "sklearn":
        if not store.count_metrics(run.id):
            return ""
        return f"scikit-learn cannot go on from where run #{run.number} was. {_anew(store, run)}"
    checkpoints = store.artifacts(run.id, kind="checkpoint")
    if not checkpoints:
        return ""
    bring = f"Bring {store.folder(run.id)} back from a backup and resume it."
    last = last_intact(store, run)
    if last is None:
        which = "The only checkpoint" if len(checkpoints) == 1 else f"Every one of the {len(checkpoints)} checkpoints"
        return (
            f"{which} of run #{run.number} is missing or damaged, so it cannot go on from where it was. {bring} "
            f"{_anew(store, run)}"
        )
    epoch = last.epoch or 0
    if run.epoch - epoch <= 1:
        return ""
    return (
        f"The checkpoints of run #{run.number} after epoch {epoch} are missing or damaged. {bring} To go on from epoch "
        f"{epoch}, which removes what was recorded of the {run.epoch - epoch} epochs after it, press Go back on the "
        f"page Train or run: python -m mnist_core resume {run.number} --go-back"
    )


def passed_over(store: Store, run: Run, used: Artifact) -> str:
    """A sentence on checkpoints after the one that a run goes on from, which are damaged; "" if there is none."""
    later = [
        checkpoint
        for checkpoint in store.artifacts(run.id, kind="checkpoint")
        if (checkpoint.step or 0) > (used.step or 0)
    ]
    if not later:
        return ""
    return f"Later checkpoints were missing or damaged, so it went on from the end of epoch {used.epoch}."


def _anew(store: Store, run: Run) -> str:
    rows = store.count_metrics(run.id)
    return (
        f"To start it over, which removes the {rows:,} values recorded so far, press Start over on the page Train or "
        f"run: python -m mnist_core resume {run.number} --from-scratch"
    )
