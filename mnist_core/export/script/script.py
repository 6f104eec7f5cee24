"""A run as a short PyTorch script of its own, which ends with the run's weights bit for bit on the same machine."""

from mnist_core.analysis import trained
from mnist_core.architectures import architecture_line, infer_nodes
from mnist_core.config import NO_INFLUENCE, SCHEDULES, DeviceKind, RunConfig, TrainingRules, dataset
from mnist_core.data import has_augmentation, input_shape_and_classes
from mnist_core.errors import ExportError
from mnist_core.export.script import network_code, training_code
from mnist_core.export.script.augmentation_code import augmentation_code
from mnist_core.export.script.data_code import chooses, images_code, scaling_code
from mnist_core.export.script.frame import RunFacts, ending_code, whole_script
from mnist_core.export.script.sklearn_code import fitting_code
from mnist_core.export.weight_files import weights_fingerprint
from mnist_core.store import Run, Store
from mnist_core.training import checkpoints

# A run and the one that it continues may differ in these fields and still give the result of training in one go.
# Those of ROUNDING are not among them, because they change the last bits.
_FREE = {"epochs", "continue_from", "continue_epoch", "early_stopping", *NO_INFLUENCE}


def script_of_run(store: Store, run: Run) -> str:
    """The script of a run; at its end it compares its weights with the fingerprints of the run's weights.

    The script of a stopped run ends after its last whole epoch. That of a run that continues another trains both in one
    go. Raises ExportError if that would give another result, DataError if an image folder is gone.
    """
    check_origin(store, run)
    if run.dataset == "folder" and run.started is None:
        raise ExportError("How the pictures of a folder are read is known once a run has begun: wait for it.")
    return script_of_config(run.config.replace(continue_from="", continue_epoch=None), _run_facts(store, run))


def script_of_config(config: RunConfig, facts: RunFacts | None = None) -> str:
    """The script of a config, with only what this config uses. Raises ExportError, ArchitectureError or DataError."""
    facts = facts or RunFacts()
    shape, classes = (facts.shape, facts.classes) if facts.shape else input_shape_and_classes(config)
    nodes = infer_nodes(architecture_line(config.architecture), shape, classes)
    entry = dataset(config.dataset)
    mean, std = (entry.mean, entry.std) if entry.mean else (facts.mean, facts.std)
    if config.normalise and not config.standardise and not mean:
        raise ExportError(
            "How bright the images of a folder are is known once a run has finished an epoch: wait for it."
        )
    device, last = facts.device, "STOPPED_AFTER" if facts.stopped_after else "EPOCHS"
    parts = [
        *images_code(config, device, facts.data),
        *scaling_code(config, mean, std, has_augmentation(config), device),
        augmentation_code(config, device),
    ]
    if config.library == "torch":
        hidden = network_code.linear_layers(nodes) > 1
        parts += [
            network_code.module_definitions(nodes),
            network_code.seeding_code(config, nodes, shape, classes, device),
            *training_code.kernels_code(config, nodes, facts),
            training_code.optimizer_code(config, device, hidden),
            training_code.learning_rate_code(config),
            training_code.evaluation_code(config, device),
            training_code.loop_code(config, device, hidden, last, facts.continued, facts.rules),
        ]
    else:
        parts += fitting_code(config, nodes, classes, last)
    return whole_script(
        config, facts, [part for part in [*parts, *ending_code(config, facts, chooses(config))] if part]
    )


def check_origin(store: Store, run: Run) -> None:
    """Raise ExportError unless training a run and the one that it continues in one go gives the same result."""
    while run.config.continue_from:
        config, parent = run.config, store.run(run.config.continue_from)
        planned = not SCHEDULES[config.schedule].spread or config.epochs == parent.config.epochs
        mine, its = (config_of.model_dump(exclude=_FREE) for config_of in (config, parent.config))
        if config.fresh_optimizer or not planned or mine != its or _elsewhere(run, parent):
            what = "with other settings" if mine != its or not planned else "in another way or on another machine"
            raise ExportError(
                f"This run starts from epoch {config.continue_epoch} of run #{parent.number} {what}, so a "
                f"script of its own would need that run's weights. Export run #{parent.number} as a script, and this "
                "one's weights as safetensors or ONNX."
            )
        run = parent


def _elsewhere(run: Run, parent: Run) -> bool:
    """Whether the two runs are known to have used different devices or versions of torch."""
    if not run.devices or not parent.devices:
        return False
    named = all(device.name for device in (*run.devices, *parent.devices))
    return (
        (named and run.devices != parent.devices)
        or run.devices[0].kind != parent.devices[0].kind
        or run.version_of("torch") != parent.version_of("torch")
        or (run.rules or TrainingRules()).kernels != (parent.rules or TrainingRules()).kernels
    )


def _by_onednn(run: Run) -> bool | None:
    """Whether the run's processor is one for which oneDNN multiplies large matrices; None if it is not known."""
    if len(run.devices) != 1 or not run.devices[0].name:
        return None
    return run.devices[0].name.startswith("AMD") and run.devices[0].vectors == "AVX-512"


def _kind(run: Run) -> DeviceKind:
    """The kind of device that the script asks for: the one on which the run began, or that its settings name."""
    if run.config.library == "sklearn":
        return "cpu"
    if run.devices:
        return run.devices[0].kind
    return "cpu" if run.config.device == "auto" else run.config.device


def _run_facts(store: Store, run: Run) -> RunFacts:
    """Collect the facts that the script needs from the run and its checkpoints."""
    over = not run.active and run.epoch > 0
    best = run.best_epoch if run.validation_accuracy is not None else None
    paths = {checkpoint_file.path: checkpoint_file for checkpoint_file in trained.checkpoints(store, run)}
    ends: list[tuple[int, str] | None] = []
    about: dict = {}
    for epoch in (run.epoch, best):
        checkpoint_file = paths.get(f"checkpoints/epoch-{epoch or 0:04d}.safetensors")
        if over and checkpoint_file and store.intact(run.id, checkpoint_file):
            checkpoint = checkpoints.load_checkpoint(store.folder(run.id) / checkpoint_file.path, weights_only=True)
            ends.append((checkpoint_file.epoch or 0, weights_fingerprint(checkpoint.weights())))
            about = checkpoint.network
        else:
            ends.append(None)
    rules = run.rules or TrainingRules()
    cut = over and run.epoch < run.config.epochs and not _stopped_early(store, run, rules)
    return RunFacts(
        title=f"Run {run.number} of MNIST Lab, {run.name}",
        device=_kind(run),
        torch=run.version_of("torch"),
        in_parts=len(run.devices) > 1 or len((run.versions or {}).get("torch", ())) > 1,
        rules=rules,
        by_onednn=_by_onednn(run),
        stopped_after=run.epoch if cut else 0,
        continued=run.config.continue_epoch or 0,
        last=ends[0],
        best=ends[1],
        test_accuracy=run.test_accuracy if over and not _halfway(run) else None,
        shape=tuple(about["shape"]) if about else None,
        classes=len(about["classes"]) if about else 0,
        mean=tuple(map(float, about.get("mean", ()))),
        std=tuple(map(float, about.get("std", ()))),
        data=run.data,
    )


def _stopped_early(store: Store, run: Run, rules: TrainingRules) -> bool:
    """Whether the rule of early stopping was met after the run's last epoch."""
    since = run.best_epoch or 0
    if rules.patience > 1:
        held = store.curves(run.id, ["validation_accuracy"])["validation_accuracy"]
        # Of epochs with equal accuracy the first is the best.
        since = int(held.epoch[held.value.argmax()]) if len(held.value) else 0
    return 0 < run.config.early_stopping <= run.epoch - since


def _halfway(run: Run) -> bool:
    """Whether the run ended in the middle of an epoch, which the script leaves out."""
    return run.steps_per_epoch is not None and run.step != run.epoch * run.steps_per_epoch
