"""The part of a standalone script that trains: optimizer, learning rate, evaluation and the loop."""

from string import Template
from textwrap import indent

from mnist_core.config import RunConfig
from mnist_core.data.augmentation import augments
from mnist_core.export.script_data import chooses


def optimizer(config: RunConfig, device: str, hidden: bool) -> str:
    """`optimizer`, as `optimization.optimizers` makes it; for Muon and a network with `hidden` matrices also `muon`."""
    decay = "WEIGHT_DECAY" if config.weight_decay else "0"
    says_decay = config.weight_decay or config.optimizer in _DECAYS
    common = "lr=LEARNING_RATE" + (f", weight_decay={decay}" if says_decay else "")
    fused = ", fused=True" if device in ("cpu", "cuda") else ""
    momentum = ", momentum=MOMENTUM" if config.momentum else ""
    if config.optimizer == "muon" and hidden:
        return Template(_MUON).substitute(decay=decay, momentum="MOMENTUM" if config.momentum else "0", fused=fused)
    nesterov = ", nesterov=True" if config.nesterov and config.optimizer == "sgd" else ""
    name, rest = {
        "sgd": ("SGD", f"{momentum}{nesterov}{fused}"),
        "adam": ("Adam", fused),
        "adamw": ("AdamW", fused),
        "rmsprop": ("RMSprop", momentum),
        "adagrad": ("Adagrad", fused),
        "muon": ("AdamW", fused),
    }[config.optimizer]
    return f"optimizer = torch.optim.{name}(network.parameters(), {common}{rest})"


def learning_rate(config: RunConfig) -> str:
    """`learning_rate(step)`, as `optimization.learning_rate` computes it; empty where it never changes."""
    if not changes_rate(config):
        return ""
    if config.schedule == "one-cycle":
        return _ONE_CYCLE
    if config.schedule == "step":
        lines = ['"""Multiplied by STEP_FACTOR every STEP_EPOCHS epochs."""']
        lines.append("factor = STEP_FACTOR ** (step // (STEP_EPOCHS * STEPS_PER_EPOCH))")
    elif config.schedule == "cosine":
        warm = config.warmup_epochs > 0
        lines = ['"""From LEARNING_RATE to 0 along half a cosine."""']
        lines += _COSINE_WARM if warm else _COSINE
    else:
        lines = ['"""LEARNING_RATE after the warm-up."""', "factor = 1.0"]
    if config.warmup_epochs:
        if config.schedule != "cosine":
            lines.append("warmup = WARMUP_EPOCHS * STEPS_PER_EPOCH")
        lines += ["if step < warmup:", "    factor *= (step + 1) / (warmup + 1)"]
    lines.append("return LEARNING_RATE * factor")
    head = "STEPS_PER_EPOCH = math.ceil(len(train_labels) / BATCH_SIZE)\n\n\n"
    return head + "def learning_rate(step):\n" + indent("\n".join(lines), "    ")


def changes_rate(config: RunConfig) -> bool:
    """Whether the learning rate depends on the step."""
    return config.schedule != "constant" or config.warmup_epochs > 0


def evaluation(config: RunConfig, device: str) -> str:
    """`evaluate(images, labels)`, in the batches of `evaluation.evaluate`."""
    answer, extra = "logits = network(prepare(x))", ""
    if config.precision == "bfloat16":
        where = f'with torch.autocast("{device}", torch.bfloat16):'
        answer = f"pixels = prepare(x)\n        {where}\n            logits = network(pixels)"
        extra = "        logits = logits.float()\n"
    return Template(_EVALUATE).substitute(size=100 if device == "cpu" else 2000, answer=answer, extra=extra)


def loop(config: RunConfig, device: str, hidden: bool, last: str, first_choice: int, patience: int) -> str:
    """Training over all epochs up to the setting named `last`; a best epoch counts after `first_choice`.

    `patience` is the version of the rule by which early stopping counts (`Rules`).
    """
    rate, muon = changes_rate(config), config.optimizer == "muon" and hidden
    lines = ["network.train()"]
    if rate:
        lines.append("step = 0")
    if chooses(config):
        lines.append("best_epoch, best_accuracy, best_loss, best_weights = 0, -1.0, math.inf, {}")
    if chooses(config) and config.early_stopping and patience > 1:
        lines.append("risen_epoch = 0  # the last with a higher accuracy than all before it")
    lines.append(f"for epoch in range(1, {last} + 1):")
    body = ["generator = torch.Generator().manual_seed(SEED * 1_000_003 + epoch)"]
    on = "" if device == "cpu" else ".to(DEVICE)"
    body.append(f"order = torch.randperm(len(train_labels), generator=generator){on}")
    body.append("for batch in order.split(BATCH_SIZE):")
    inner = []
    if rate:
        groups = "muon.param_groups + optimizer.param_groups" if muon else "optimizer.param_groups"
        inner += [f"for group in {groups}:", '    group["lr"] = learning_rate(step)', "step += 1"]
    inputs = "prepare_changed" if augments(config) else "prepare"
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
    for name in ["muon", "optimizer"] if muon else ["optimizer"]:
        inner += [f"{name}.step()", f"{name}.zero_grad()"]
    body += [f"    {line}" for line in inner]
    body += _after_epoch(config, first_choice, patience)
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


_DECAYS = ("adamw", "muon")  # whose default in torch is not 0

_MUON = """
# Muon for the weight matrices between hidden layers, AdamW for everything else.
linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
hidden = [module.weight for module in linear[:-1]]
chosen = {id(weight) for weight in hidden}
others = [parameter for parameter in network.parameters() if id(parameter) not in chosen]
common = {"lr": LEARNING_RATE, "weight_decay": $decay}
muon = torch.optim.Muon(hidden, **common, momentum=$momentum, adjust_lr_fn="match_rms_adamw")
optimizer = torch.optim.AdamW(others, **common$fused)
""".strip()

_ONE_CYCLE = '''
STEPS = EPOCHS * math.ceil(len(train_labels) / BATCH_SIZE)


def learning_rate(step):
    """One cycle (Smith and Topin 2018): up for three tenths of all steps, then down, along half a cosine each."""
    peak = 0.3 * STEPS - 1
    if step <= peak:
        start, end, share = 1 / 25, 1.0, step / peak
    else:
        start, end, share = 1.0, 1 / 25 / 1e4, (step - peak) / max(1.0, STEPS - 1 - peak)
    return LEARNING_RATE * (end + (start - end) / 2 * (1 + math.cos(math.pi * share)))
'''.strip()

_COSINE = [
    "done = step / (EPOCHS * STEPS_PER_EPOCH)",
    "factor = (1 + math.cos(math.pi * done)) / 2",
]
_COSINE_WARM = [
    "warmup = WARMUP_EPOCHS * STEPS_PER_EPOCH",
    "done = max(0.0, step - warmup) / max(1.0, EPOCHS * STEPS_PER_EPOCH - warmup)",
    "factor = (1 + math.cos(math.pi * min(1.0, done))) / 2",
]

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
