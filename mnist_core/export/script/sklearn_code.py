"""The part of a standalone script that trains with scikit-learn, for runs of that library."""

from collections.abc import Sequence

from mnist_core.architectures import Node
from mnist_core.config import RunConfig
from mnist_core.errors import ExportError

# Names of activation functions in scikit-learn.
_ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic"}


def fitting_code(config: RunConfig, nodes: Sequence[Node], classes: int, epochs: str) -> list[str]:
    """Paragraphs that fit the run's estimator and put its weights into `weights`, named as in the run's network.

    Raises ExportError for two classes, of which scikit-learn keeps only one output.
    """
    if classes == 2:
        raise ExportError(
            "A run of scikit-learn with two classes has no script. Take its weights as safetensors instead."
        )
    indices = [index for index, node in enumerate(nodes) if node.kind.name == "linear"]
    between = next((node.kind.name for node in nodes if node.kind.role == "activation"), "")
    if len(indices) == 1:
        name, weights = "LogisticRegression", "[(model.coef_, model.intercept_)]"
        arguments = [f"C={config.inverse_regularisation!r}", f'solver="{config.solver}"']
    else:
        hidden = [nodes[index].values["out"] for index in indices[:-1]]
        name, weights = "MLPClassifier", "[(w.T, b) for w, b in zip(model.coefs_, model.intercepts_)]"
        arguments = [
            f"hidden_layer_sizes={hidden!r}",
            f'activation="{_ACTIVATIONS.get(between, "identity")}"',
            f'solver="{config.optimizer}"',
            "learning_rate_init=LEARNING_RATE",
            "batch_size=BATCH_SIZE",
            f"alpha={config.weight_decay!r}",
        ]
        if config.optimizer == "sgd":
            arguments += [f"momentum={config.momentum!r}", f"nesterovs_momentum={config.nesterov!r}"]
    arguments += [f"tol={config.tolerance!r}", f"max_iter={epochs}", "random_state=SEED"]
    listed = "".join(f"    {argument},\n" for argument in arguments)
    names = ", ".join(f'"{index}"' for index in indices)
    return [
        _INPUTS,
        f"model = {name}(\n{listed})\n{_FIT.replace('THREADS', str(config.threads))}",
        _WEIGHTS.replace("NAMES", names).replace("WEIGHTS", weights),
    ]


_INPUTS = '''
def inputs(images):
    """Images as rows of numbers; in float64, as scikit-learn gets them from most people."""
    return prepare(images).flatten(1).numpy().astype(np.float64)
'''.strip()

_FIT = """
with threadpool_limits(THREADS, user_api="blas"):
    model.fit(inputs(train_images), train_labels.numpy())
print(f"{model.n_iter_} iterations")
""".strip()

_WEIGHTS = """
layers = WEIGHTS
weights = {}  # as float32, by the names of the run's torch network
for layer, (matrix, bias) in zip([NAMES], layers):
    weights[f"{layer}.weight"] = torch.tensor(matrix, dtype=torch.float32)
    weights[f"{layer}.bias"] = torch.tensor(bias, dtype=torch.float32)
""".strip()
