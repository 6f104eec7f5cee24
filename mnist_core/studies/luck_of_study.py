"""A study's network as a question of luck: how many seeds of it are trained, and the figure to find among them."""

from mnist_core.config import RunConfig
from mnist_core.studies.catalogue import reported_of
from mnist_core.studies.study import Experiment, Study, Variant

# What a study says of the test images, by the epoch that it reports.
_METRICS = {"last": "test_accuracy", "best": "best_test_accuracy"}


def luck_config(experiment: Experiment, variant: Variant, scale: float = 1.0) -> RunConfig:
    """The settings of a network, with its epochs multiplied by `scale`, to at least 1.

    Where the study reports the last epoch, that one is tested; elsewhere the test images choose it, as in the study.
    """
    config = variant.config.replace(epochs=max(1, round(scale * variant.config.epochs)))
    if experiment.measure == "last":
        return config.replace(choose_on="validation", validation_images=0)
    return config


def luck_figure(study: Study, experiment: Experiment, variant: Variant) -> float | None:
    """The test accuracy that the study reports of a network, as a fraction; None where it reports none."""
    reported = reported_of(study.name, experiment.name)
    percent = reported.get(
        (variant.label, _METRICS[experiment.measure]), reported.get((variant.label, "test_accuracy"))
    )
    return None if percent is None else percent / 100
