"""Names of accuracies and losses: which images they were measured on, and what the loss contains."""

from collections.abc import Sequence
from typing import Protocol

from mnist_core.store import Run


class NumberedRun(Protocol):
    """What a sentence needs of a run to name it."""

    @property
    def number(self) -> int: ...


def optimistic_note(runs: Sequence[Run]) -> str:
    """A sentence about the runs whose best epoch is chosen on the test images; "" where there is none."""
    optimistic = [run for run in runs if run.optimistic]
    if not optimistic:
        return ""
    subject = "Its best epoch was" if len(runs) == 1 else f"The best epoch of {run_numbers(optimistic)} was"
    whose, them = ("its", "it") if len(optimistic) == 1 else ("their", "them")
    beside = f", an advantage for {them} over the others" if len(optimistic) < len(runs) else ""
    return f"{subject} chosen on the test images themselves: {whose} test accuracy is too good (optimistic){beside}."


def validation_heading(runs: Sequence[Run], what: str) -> str:
    """A heading for what runs measured after each epoch, such as "Validation loss" or "Test accuracy (optimistic)".

    Where some runs have it of held-out images and others of test images it names neither: each row has to say it.
    """
    optimistic = {run.optimistic for run in runs}
    if len(optimistic) > 1:
        return f"{what.capitalize()} after an epoch"
    return f"Test {what} (optimistic)" if optimistic == {True} else f"Validation {what}"


def metric_name(run: Run, name: str) -> str:
    """An exported name of a recorded metric (see `Store.metrics`) that says which images it is of.

    Measured on the test images that choose the epoch, validation_accuracy is test_accuracy_optimistic, and the
    test_accuracy of the best epoch's weights best_test_accuracy_optimistic; the same of losses. A training loss with
    more in it than the loss after an epoch says so: train_loss_with_label_smoothing.
    """
    if run.optimistic and name in ("validation_accuracy", "validation_loss"):
        return f"{name.replace('validation', 'test')}_optimistic"
    if run.optimistic and name in ("test_accuracy", "test_loss"):
        return f"best_{name}_optimistic"
    if name in ("train_loss", "epoch_train_loss") and run.training_loss_label:
        return f"{name}_{run.training_loss_label.replace(' ', '_')}"
    return name


def ranking_label(column: str) -> str:
    """Name of the accuracy by which a sweep ranks its settings, from its column.

    Ranking settings by test accuracy is a choice on the test images, even if no epoch was chosen on them.
    """
    return "test accuracy (optimistic)" if column == "test_accuracy" else column.replace("_", " ")


def training_loss_note(runs: Sequence[Run]) -> str:
    """A sentence about the runs whose recorded training loss has more in it than the validation loss; "" without."""
    by_label: dict[str, list[Run]] = {}
    for run in runs:
        if run.training_loss_label:
            by_label.setdefault(run.training_loss_label, []).append(run)
    parts = [f"that of {run_numbers(labelled)} is {label}" for label, labelled in by_label.items()]
    if not parts:
        return ""
    return (
        f"Not every training loss is the plain cross-entropy that is measured after each epoch: {', '.join(parts)}. "
        "Compare how these losses fall, not how high they are."
    )


def run_numbers(runs: Sequence[NumberedRun]) -> str:
    """Runs by their numbers, because names may contain Markdown."""
    return ("runs " if len(runs) > 1 else "run ") + ", ".join(str(run.number) for run in runs)


def changed_note(runs: Sequence[Run]) -> str:
    """A sentence about runs whose stored figures have changed since they ended (`Store.changed_runs`); "" for none."""
    if not runs:
        return ""
    figures = f"The stored figures, settings or labels of {run_numbers(runs)} have changed since the training ended"
    return f"{figures}: do not rely on them. Bring the database back from a backup, or train it again."
