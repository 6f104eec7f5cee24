"""Published studies as named experiments: train them, and put what they reported beside what was measured."""

from mnist_core.studies.catalogue import experiment_of, reported, studies, study_of
from mnist_core.studies.comparing import Row, Scatter, comparison, frame, rows_of, scattered, unexplained
from mnist_core.studies.measuring import MOST_SEEDS, Measurement, measure, measured
from mnist_core.studies.planning import PROTOCOLS, Planned, find, name_of, plan, runs_of, start, unavailable, waiting
from mnist_core.studies.records import committed
from mnist_core.studies.reporting import far_apart, write_report
from mnist_core.studies.study import Experiment, Question, Study, Variant

__all__ = [
    "MOST_SEEDS",
    "PROTOCOLS",
    "Experiment",
    "Measurement",
    "Planned",
    "Question",
    "Row",
    "Scatter",
    "Study",
    "Variant",
    "committed",
    "comparison",
    "experiment_of",
    "far_apart",
    "find",
    "frame",
    "measure",
    "measured",
    "name_of",
    "plan",
    "reported",
    "rows_of",
    "runs_of",
    "scattered",
    "start",
    "studies",
    "study_of",
    "unavailable",
    "unexplained",
    "waiting",
    "write_report",
]
