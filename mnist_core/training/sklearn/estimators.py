"""scikit-learn's estimator of a config, and a thread that fits it and records its progress on a tape."""

import threading
import warnings
from collections import deque
from time import perf_counter
from typing import Any, Literal, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits
from torch import nn

from mnist_core.config import AUGMENTATIONS, RunConfig
from mnist_core.errors import ConfigError

# scikit-learn's names of activation functions and the torch modules that compute the same.
_ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "logistic": nn.Sigmoid}
# Fields of RunConfig without a counterpart in scikit-learn: each must keep its default.
_TORCH_ONLY = (
    *AUGMENTATIONS,
    "schedule",
    "warmup_epochs",
    "label_smoothing",
    "clip_norm",
    "early_stopping",
    "precision",
    "continue_from",
)
# Fields that only one of the two estimators has.
_LOGISTIC_ONLY, _PERCEPTRON_ONLY = ("solver", "inverse_regularisation"), ("weight_decay",)


class Batch(NamedTuple):
    """One batch that was learned."""

    # Includes the weight penalty, as in scikit-learn.
    loss: float
    correct: int
    images: int
    # By time.perf_counter, in seconds.
    time: float


class Iteration(NamedTuple):
    """One finished iteration of the solver."""

    # Counted from 1.
    number: int
    # As recorded by scikit-learn; None if the estimator records no loss.
    loss: float | None
    # Copies, one array (inputs, outputs) for each layer.
    weights: list[np.ndarray]
    # Copies, one array (outputs,) for each layer.
    biases: list[np.ndarray]
    # By time.perf_counter, in seconds.
    time: float


class Tape:
    """What a fitting thread has recorded, oldest first, and the request to halt it."""

    def __init__(self) -> None:
        self.entries: deque[Batch | Iteration] = deque()
        self.halt = threading.Event()

    def raise_if_halted(self) -> None:
        """Called by the fitting thread wherever it can be halted; unwinds it once `halt` is set."""
        if self.halt.is_set():
            raise _HaltedError


def build_estimator(config: RunConfig, model: nn.Module) -> LogisticRegression | MLPClassifier:
    """An unfitted estimator: LogisticRegression for a network without a hidden layer, else MLPClassifier.

    Raises ConfigError that names the first field for which scikit-learn has no counterpart.
    """
    linear, activation = perceptron_layers(model)
    _require_defaults(config, _TORCH_ONLY, "scikit-learn")
    if len(linear) == 1:
        _require_defaults(config, _PERCEPTRON_ONLY, "LogisticRegression")
        return LogisticRegression(
            C=config.inverse_regularisation,
            solver=config.solver,
            tol=config.tolerance,
            max_iter=config.epochs,
            random_state=config.seed,
        )
    _require_defaults(config, _LOGISTIC_ONLY, "MLPClassifier")
    if config.optimizer not in ("sgd", "adam"):
        raise ConfigError(
            "optimizer", "MLPClassifier offers only sgd and adam; choose one of them, or torch as the library"
        )
    return _RecordingClassifier(
        hidden_layer_sizes=[layer.out_features for layer in linear[:-1]],
        activation=activation,
        solver=config.optimizer,
        alpha=config.weight_decay,
        batch_size=config.batch_size,  # pyright: ignore[reportArgumentType]
        learning_rate_init=config.learning_rate,
        max_iter=config.epochs,
        tol=config.tolerance,
        random_state=config.seed,
        momentum=config.momentum,
        nesterovs_momentum=config.nesterov,
    )


def perceptron_layers(model: nn.Module) -> tuple[list[nn.Linear], Literal["identity", "relu", "tanh", "logistic"]]:
    """The linear layers of a plain perceptron and what scikit-learn calls the activation between them.

    Raises ConfigError for any other network.
    """
    modules = list(model.children())
    kinds = [type(module) for module in modules]
    linear = [module for module in modules if isinstance(module, nn.Linear) and module.bias is not None]
    if linear and kinds == [nn.Flatten] + [nn.Linear] * len(linear):
        return linear, "identity"
    for name, kind in _ACTIVATIONS.items():
        if linear and kinds == [nn.Flatten, nn.Linear] + [kind, nn.Linear] * (len(linear) - 1):
            return linear, name  # pyright: ignore[reportReturnType]
    raise ConfigError(
        "architecture",
        "scikit-learn knows only flatten linear(n) relu ... linear(classes), with the same activation (relu, tanh, "
        "sigmoid or none) throughout; choose such a line, or torch as the library",
    )


class Fitting(threading.Thread):
    """One call of scikit-learn's `fit` in a thread of its own, so that the run stays responsive.

    inputs (N, pixels), labels int64 (N,); `threads` is how many the matrix products may use.
    """

    # A worker knows this thread by it, without importing scikit-learn.
    fits_estimator = True

    def __init__(self, estimator: Any, inputs: np.ndarray, labels: np.ndarray, tape: Tape, threads: int) -> None:
        super().__init__(name="scikit-learn", daemon=True)
        self._estimator, self._inputs, self._labels, self._tape, self._threads = (
            estimator,
            inputs,
            labels,
            tape,
            threads,
        )
        self._converged = True
        self.error: Exception | None = None

    def run(self) -> None:
        estimator = self._estimator
        if isinstance(estimator, _RecordingClassifier):
            estimator.tape = self._tape
        elif estimator.solver == "lbfgs":
            # lbfgs is the only solver of LogisticRegression that calls back after each iteration.
            estimator.set_callbacks(_LbfgsCallback(self._tape))
        try:
            with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
                warnings.simplefilter("always")
                with threadpool_limits(self._threads, user_api="blas"):
                    estimator.fit(self._inputs, self._labels)
            self._converged = not any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
            if isinstance(estimator, LogisticRegression) and estimator.solver != "lbfgs":
                self._tape.entries.append(_logistic_iteration(estimator, int(estimator.n_iter_[0])))
        except _HaltedError:
            pass
        except Exception as error:
            self.error = error

    @property
    def diverged(self) -> bool:
        """Whether scikit-learn gave up because a weight is no finite number."""
        estimator = self._estimator
        arrays = [getattr(estimator, name, []) for name in ("coefs_", "intercepts_", "coef_", "intercept_")]
        weights = [weight for group in arrays for weight in group]
        return isinstance(self.error, ValueError) and not all(np.isfinite(weight).all() for weight in weights)

    def outcome(self, config: RunConfig) -> tuple[Literal["finished", "early-stopped"], str]:
        """The outcome of a fit without an error, and the note of the run."""
        iterations = int(np.max(self._estimator.n_iter_))
        times = "1 iteration" if iterations == 1 else f"{iterations} iterations"
        if not self._converged:
            return "finished", f"Not converged after {times} (tolerance {config.tolerance:g}): more epochs may help."
        if isinstance(self._estimator, LogisticRegression):
            return "finished", f"Converged after {times}."
        return "early-stopped", f"Stopped after {times}: ten in a row improved the loss by less than the tolerance."


class _HaltedError(Exception):
    """Unwinds scikit-learn's loop."""


class _RecordingClassifier(MLPClassifier):
    """MLPClassifier that records each batch and iteration on a tape, and otherwise computes the same."""

    tape: Tape

    def _backprop(self, *arguments: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.tape.raise_if_halted()
        result = super()._backprop(*arguments)
        _, y, _, activations, *_ = arguments
        # (B, classes), or (B, 1) for two classes
        outputs = activations[-1]
        correct = outputs.argmax(1) == y.argmax(1) if outputs.shape[1] > 1 else (outputs > 0.5) == (y > 0)
        self.tape.entries.append(Batch(float(result[0]), int(correct.sum()), len(y), perf_counter()))
        return result

    def _update_no_improvement_count(self, *arguments: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super()._update_no_improvement_count(*arguments)
        weights, biases = [array.copy() for array in self.coefs_], [array.copy() for array in self.intercepts_]
        self.tape.entries.append(Iteration(self.n_iter_, float(self.loss_), weights, biases, perf_counter()))


class _LbfgsCallback:
    """A callback in scikit-learn's own protocol: records each iteration of lbfgs on a tape."""

    def __init__(self, tape: Tape) -> None:
        self._tape, self._count = tape, 0

    def setup(self, estimator: Any, context: Any) -> None: ...

    def teardown(self, estimator: Any, context: Any) -> None: ...

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        self._tape.raise_if_halted()

    def on_fit_task_end(self, estimator: Any, context: Any, *, fitted_estimator: Any = None) -> None:
        if context.task_name == "lbfgs-iter" and fitted_estimator is not None:
            self._count += 1
            self._tape.entries.append(_logistic_iteration(fitted_estimator, self._count))


def _logistic_iteration(fitted: Any, number: int) -> Iteration:
    return Iteration(number, None, [fitted.coef_.T.copy()], [fitted.intercept_.copy()], perf_counter())


def _require_defaults(config: RunConfig, names: tuple[str, ...], library: str) -> None:
    for name in names:
        default = RunConfig.model_fields[name].default
        if getattr(config, name) != default:
            remedy = f"leave it at {default}" if default != "" else "leave it empty"
            raise ConfigError(name, f"{library} has no such setting; {remedy}, or choose torch as the library")
