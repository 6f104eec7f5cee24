"""The part of a standalone script that trains: optimizer, learning rate, evaluation and the loop."""

import inspect
import json
from collections.abc import Sequence
from math import prod
from string import Template
from textwrap import indent

import torch

from mnist_core.architectures import Node, flatten_nodes
from mnist_core.config import OPTIMIZERS, SCHEDULES, OptimizerPart, RunConfig, TrainingRules
from mnist_core.data import has_augmentation
from mnist_core.export.script.data_code import chooses
from mnist_core.export.script.frame import RunFacts
from mnist_core.training import kernels


def optimizer_code(config: RunConfig, device: str, hidden: bool) -> str:
    """Code that makes `optimizer`, as `optimization.optimizers` makes it, and the others of `optimizer_names`.

    `hidden`: whether the network has weight matrices between hidden layers.
    """
    parts = _parts(config, hidden)
    lines = []
    if len(parts) > 1:
        classes = [part.torch_class for part in parts]
        lines = [f"# {classes[0]} for the weight matrices between hidden layers, {classes[1]} for everything else."]
        lines += _HIDDEN.splitlines()
    for name, part in zip(optimizer_names(config, hidden), parts, strict=True):
        parameters = part.updates if len(parts) > 1 else "network.parameters()"
        arguments = [parameters, *_arguments(config, part, device)]
        line = f"{name} = torch.optim.{part.torch_class}({', '.join(arguments)})"
        if len(line) > _LINE:
            line = f"{name} = torch.optim.{part.torch_class}(\n    {', '.join(arguments)}\n)"
        lines.append(line)
    return "\n".join(lines)


def optimizer_names(config: RunConfig, hidden: bool) -> list[str]:
    """Names of the variables that hold the optimizers, in the order of their steps; the last is `optimizer`."""
    *first, _ = _parts(config, hidden)
    return [*(part.torch_class.lower() for part in first), "optimizer"]


def _parts(config: RunConfig, hidden: bool) -> list[OptimizerPart]:
    parts = OPTIMIZERS[config.optimizer].parts
    return [part for part in parts if hidden or part.updates != "hidden"]


def _arguments(config: RunConfig, part: OptimizerPart, device: str) -> list[str]:
    """The arguments as a person would write them: torch's defaults are left out."""
    parameters = inspect.signature(getattr(torch.optim, part.torch_class)).parameters
    written = ["lr=LEARNING_RATE"]
    for keyword, field in {"weight_decay": "weight_decay", **part.settings}.items():
        value = getattr(config, field)
        if value != parameters[keyword].default:
            written.append(f"{keyword}={field.upper() if value and field in _SETTINGS else repr(value)}")
    for keyword, value in part.constants.items():
        written.append(f"{keyword}={json.dumps(value) if isinstance(value, str) else repr(value)}")
    if device in part.fused:
        written.append("fused=True")
    return written


def kernels_code(config: RunConfig, nodes: Sequence[Node], facts: RunFacts) -> list[str]:
    """Code that multiplies large matrices with oneDNN (`training.kernels`); none where the run did not."""
    suits = kernels.onednn_is_faster() if facts.by_onednn is None else facts.by_onednn
    sizes = [
        config.batch_size * prod(node.input_shape) * weights.shapes[0][0]
        for node, _, _ in flatten_nodes(tuple(nodes))
        for weights in node.weights
        if weights.module == "Linear"
    ]
    chosen = suits and kernels.is_ruled(config, facts.rules, facts.device)
    if not chosen or max(sizes, default=0) < kernels.LEAST_PRODUCT:
        return []
    return [Template(_KERNELS).substitute(least=f"{kernels.LEAST_PRODUCT:_}"), "choose_kernels(network)"]


def learning_rate_code(config: RunConfig) -> str:
    """`learning_rate(step)`, as `optimization.learning_rate` computes it; empty where it never changes."""
    if not changes_rate(config):
        return ""
    kind = SCHEDULES[config.schedule]
    warmup = kind.warmup(config) > 0
    lines = [f'"""{kind.explanation}"""']
    if warmup:
        lines.append("warmup = WARMUP_EPOCHS * STEPS_PER_EPOCH")
    lines += kind.script(warmup)
    if warmup:
        lines += ["if step < warmup:", "    factor *= (step + 1) / (warmup + 1)"]
    lines.append("return LEARNING_RATE * factor")
    head = "STEPS_PER_EPOCH = math.ceil(len(train_labels) / BATCH_SIZE)\n\n\n"
    return head + "def learning_rate(step):\n" + indent("\n".join(lines), "    ")


def changes_rate(config: RunConfig) -> bool:
    """Whether the learning rate depends on the step."""
    kind = SCHEDULES[config.schedule]
    return kind.varies or kind.warmup(config) > 0


def evaluation_code(config: RunConfig, device: str) -> str:
    """`evaluate(images, labels)`, in the batches of `evaluation.evaluate_split`."""
    answer, extra = "logits = network(prepare(x))", ""
    if config.precision == "bfloat16":
        where = f'with torch.autocast("{device}", torch.bfloat16):'
        answer = f"pixels = prepare(x)\n        {where}\n            logits = network(pixels)"
        extra = "        logits = logits.float()\n"
    return Template(_EVALUATE).substitute(size=100 if device == "cpu" else 2000, answer=answer, extra=extra)


def loop_code(config: RunConfig, device: str, hidden: bool, last: str, first_choice: int, rules: TrainingRules) -> str:
    """Training over all epochs up to the setting named `last`; a best epoch counts after `first_choice`."""
    rate, names = changes_rate(config), optimizer_names(config, hidden)
    lines = ["network.train()"]
    if rate:
        lines.append("step = 0")
    if chooses(config):
        lines.append("best_epoch, best_accuracy, best_loss, best_weights = 0, -1.0, math.inf, {}")
    if chooses(config) and config.early_stopping and rules.patience > 1:
        lines.append("risen_epoch = 0  # the last with a higher accuracy than all before it")
    lines.append(f"for epoch in range(1, {last} + 1):")
    body = ["generator = torch.Generator().manual_seed(SEED * 1_000_003 + epoch)"]
    on = "" if device == "cpu" else ".to(DEVICE)"
    body.append(f"order = torch.randperm(len(train_labels), generator=generator){on}")
    flushes = kernels.flushes_denormals(config, rules, device)
    if flushes:
        body.append(
            "torch.set_flush_denormal(True)  # below 1e-38 counts as zero: processors are slow with such numbers"
        )
    body.append("for batch in order.split(BATCH_SIZE):")
    inner = []
    if rate:
        groups = " + ".join(f"{name}.param_groups" for name in names)
        inner += [f"for group in {groups}:", '    group["lr"] = learning_rate(step)', "step += 1"]
    inputs = "prepare_changed" if has_augmentation(config) else "prepare"
    smoothing = ", label_smoothing=LABEL_SMOOTHING" if config.label_smoothing else ""
    answers = [
        f"logits = network({inputs}(train_images[batch]))",
        f"loss = F.cross_entropy(logits, train_labels[batch]{smoothing})",
    ]
    if config.precision == "bfloat16":
        answers = [
            f"pixels = {inputs}(train_images[batch])",
            f'with torch.autocast("{device}", torch.bfloat16):',
            "    logits = network(pixels)",
            f"    {answers[1]}",
        ]
    inner += [*answers, "loss.backward()"]
    if config.clip_norm:
        inner.append("torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP_NORM)")
    for name in names:
        inner += [f"{name}.step()", f"{name}.zero_grad()"]
    body += [f"    {line}" for line in inner]
    if flushes:
        body.append("torch.set_flush_denormal(False)")
    body += _after_epoch(config, first_choice, rules.patience)
    return "\n".join([*lines, *(f"    {line}" for line in body)])


def _after_epoch(config: RunConfig, first_choice: int, patience: int) -> list[str]:
    if not chooses(config):
        smoothed = ", with label smoothing" if config.label_smoothing else ""
        return [f'print(f"epoch {{epoch}}: loss of the last batch{smoothed} {{loss.item():.4f}}")']
    after = f"epoch > {first_choice} and " if first_choice else ""
    counts, since = config.early_stopping > 0, "best_epoch" if patience == 1 else "risen_epoch"
    lines = [
        "loss, accuracy = evaluate(validation_images, validation_labels)",
        f'print(f"epoch {{epoch}}: {config.validation_label} loss {{loss:.4f}}, accuracy {{accuracy:.2%}}")',
    ]
    if counts and patience > 1:
        lines += [f"if {after}accuracy > best_accuracy:", "    risen_epoch = epoch"]
    lines += [
        f"if {after}(accuracy, -loss) > (best_accuracy, -best_loss):",
        "    best_epoch, best_accuracy, best_loss = epoch, accuracy, loss",
        "    best_weights = {name: value.clone() for name, value in network.state_dict().items()}",
    ]
    if counts:
        lines += [f"if {after}epoch - {since} >= EARLY_STOPPING:", "    break"]
    return lines


# The longest line of the script, in characters.
_LINE = 120
# Arguments of optimizers that the script names among its settings.
_SETTINGS = ("weight_decay", "momentum")

_HIDDEN = """
linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
hidden = [module.weight for module in linear[:-1]]
chosen = {id(weight) for weight in hidden}
others = [parameter for parameter in network.parameters() if id(parameter) not in chosen]
""".strip()

_KERNELS = '''
def choose_kernels(network):
    """Multiply large matrices with oneDNN in training, on processors where it takes half the time: AMD's with AVX-512.

    torch itself multiplies with Intel's MKL. Both are as accurate, but their last digits differ. With AMX, oneDNN would
    be less accurate. torch calls the choice a precision.
    """
    info = Path("/proc/cpuinfo").read_text(errors="replace") if Path("/proc/cpuinfo").exists() else ""
    suits = "AuthenticAMD" in info and "avx512vl" in info and "amx" not in info
    if not suits or not hasattr(getattr(torch.backends.mkldnn, "matmul", None), "fp32_precision"):
        print("Large matrices are multiplied otherwise here than on the run's machine: last digits may differ.")
        return

    def use(chosen):
        torch.backends.mkldnn.matmul.fp32_precision = "bf16" if chosen else "none"

    def is_large(layer, inputs):
        return layer.training and inputs[0].numel() * layer.out_features >= $least

    def after(layer, inputs, output):
        use(False)
        if is_large(layer, inputs):
            output.register_hook(lambda _: use(True))  # just before the products of the gradients

    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            layer.register_forward_pre_hook(lambda layer, inputs: use(is_large(layer, inputs)))
            layer.register_forward_hook(after)
            layer.weight.register_post_accumulate_grad_hook(lambda _: use(False))
'''.strip()

_EVALUATE = '''
@torch.inference_mode()
def evaluate(images, labels):
    """Mean loss and share of right answers."""
    network.eval()
    losses, right = [], 0
    for x, y in zip(images.split($size), labels.split($size)):
        $answer
$extra        losses.append(F.cross_entropy(logits, y, reduction="sum").item())
        right += (logits.argmax(1) == y).sum().item()
    network.train()
    return math.fsum(losses) / len(labels), right / len(labels)
'''.strip()
