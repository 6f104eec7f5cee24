"""Exported scripts against their runs: the same weights, bit for bit, also in a fresh process."""

import gzip
import re
import runpy
import subprocess
import sys
import threading
from pathlib import Path
from time import sleep
from typing import Literal
from unicodedata import normalize

import numpy as np
import pytest
import sqlalchemy as sa
import torch
from PIL import Image

from mnist_core.architectures.inheriting import build_seeded
from mnist_core.architectures.presets import presets
from mnist_core.config.rules import TrainingRules
from mnist_core.config.run_config import RunConfig
from mnist_core.data.input_shape import input_shape_and_classes
from mnist_core.errors import ExportError
from mnist_core.events import EpochEnd
from mnist_core.export.script.frame import RunFacts
from mnist_core.export.script.script import script_of_config, script_of_run
from mnist_core.export.weight_files import weights_fingerprint
from mnist_core.jobs.worker import work
from mnist_core.store.run import Run
from mnist_core.store.schema import runs
from mnist_core.store.store import Store
from mnist_core.training import checkpoints
from mnist_core.training.devices import move_to_device
from tests.labs import train_now, trained_run

SMALL = RunConfig(dataset="mnist-5k", train_images=400, validation_images=100, epochs=2, batch_size=50, seed=3)
CNN = (
    "conv(6, 3, padding=same) batchnorm relu maxpool(2) dropout(0.3) conv(8, 3) relu flatten linear(20) relu "
    "linear(classes)"
)
TRANSFORMER = (
    "patches(7, 16) position residual(layernorm attention(2)) residual(layernorm linear(32) gelu linear(16)) "
    "layernorm meantokens linear(classes)"
)
RESIDUAL = "conv(4, 3, stride=2) residual(conv(6, 3, stride=2, padding=same) batchnorm) globalavgpool linear(classes)"
MLP = "flatten linear(30) relu linear(20) relu linear(classes)"
AUGMENTED = SMALL.replace(
    architecture="lenet-5",
    elastic=1.4,
    shift=2,
    rotate=10,
    schedule="one-cycle",
    label_smoothing=0.1,
    learning_rate=0.01,
)
TINY = SMALL.replace(train_images=120, validation_images=60, architecture=MLP)
VARIANTS = {
    "MLP": TINY.replace(architecture="mlp-50"),
    "CNN with dropout and batch norm": SMALL.replace(architecture=CNN, optimizer="sgd", learning_rate=0.05),
    "adamw, cosine, each pixel standardised": TINY.replace(
        optimizer="adamw", weight_decay=0.1, schedule="cosine", standardise=True
    ),
    "adamw without decay, warm-up, bfloat16": TINY.replace(
        optimizer="adamw", warmup_epochs=0.5, precision="bfloat16", architecture=CNN
    ),
    "smoothed labels, odd batches": TINY.replace(label_smoothing=0.2, batch_size=20),
    "rmsprop, steps, warm-up": TINY.replace(optimizer="rmsprop", schedule="step", step_epochs=1, warmup_epochs=0.5),
    "adagrad, clipped, chosen on the test images": TINY.replace(
        optimizer="adagrad", clip_norm=0.5, learning_rate=0.01, validation_images=None, choose_on="test"
    ),
    "muon, cosine after warm-up": TINY.replace(
        optimizer="muon", schedule="cosine", warmup_epochs=1, weight_decay=0.01, architecture=TRANSFORMER
    ),
    "muon without hidden matrix": TINY.replace(optimizer="muon", architecture="softmax"),
    "sgd without momentum, raw pixels, everything trained on": TINY.replace(
        optimizer="sgd", momentum=0, normalise=False, validation_images=0, train_images=None, epochs=1, batch_size=500
    ),
    "early stopping": TINY.replace(early_stopping=1, learning_rate=1e-6, epochs=6),
    "patience that an equal accuracy does not renew": TINY.replace(
        early_stopping=2, learning_rate=0.003, epochs=12, train_images=60, validation_images=10, seed=1
    ),
    "resized, cropped, mirrored, standardised": TINY.replace(scale=0.2, crop_flip=True, standardise=True),
    "resized and turned, raw pixels": TINY.replace(scale=0.2, rotate=20, normalise=False),
    "bent, residual": TINY.replace(elastic=1.0, split_seed=4, architecture=RESIDUAL),
    "initial weights of another": TINY.replace(
        architecture="flatten linear(30) relu dropout(0.2) linear(20) relu linear(15) relu linear(classes)",
        initial_weights=f"flatten linear(30) relu linear(classes); {MLP}",
    ),
}


def in_this_process(text: str, folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The output of a script that runs in this process, which has imported torch already."""
    path = folder / "taken_away.py"
    path.write_text(text)
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [str(path), *arguments])
        runpy.run_path(str(path))
    return capsys.readouterr().out


def ends_as(output: str, store: Store, run: Run) -> None:
    """The script says the run's own fingerprints, those of checkpoints read here, and the run's test accuracy."""
    for epoch in {run.epoch, run.best_epoch}:
        kept = checkpoints.load_checkpoint(store.folder(run.id) / f"checkpoints/epoch-{epoch:04d}.safetensors")
        assert re.search(
            rf"weights after epoch {epoch}\b.*: {weights_fingerprint(kept.weights())}, the run's, bit for bit", output
        )
    assert "not the run's" not in output
    scores = re.search(r"test accuracy(?: \(optimistic\))?: (\S+%)(?:, the run's (\S+%))?\n$", output)
    assert scores
    # Otherwise the run was stopped in the middle of an epoch.
    if run.step == run.epoch * (run.steps_per_epoch or 0):
        assert scores.groups() == (f"{run.test_accuracy:.2%}",) * 2


def test_a_script_alone_in_a_fresh_process_ends_with_the_weights_of_its_run(store: Store, tmp_path: Path):
    run = trained_run(store, AUGMENTED)
    path = tmp_path / "taken_away.py"
    path.write_text(script_of_run(store, run))
    assert "mnist_core" not in path.read_text()
    # With -I Python uses neither this project's folder nor environment variables.
    alone = [sys.executable, "-I", str(path)]
    done = subprocess.run(alone, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    ends_as(done.stdout, store, run)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_setting_is_told_to_the_last_bit(
    name: str, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run = trained_run(store, VARIANTS[name])
    ends_as(in_this_process(script_of_run(store, run), tmp_path, capsys), store, run)


@pytest.mark.mnist
def test_the_files_of_mnist_are_read_as_the_run_read_them(
    store: Store, tmp_path: Path, mnist_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MNIST_LAB_DATA", str(mnist_dir))
    run = trained_run(
        store, TINY.replace(dataset="mnist", validation_images=1001, train_images=333, choose_on="validation")
    )
    ends_as(in_this_process(script_of_run(store, run), tmp_path, capsys, str(mnist_dir)), store, run)


def test_packed_files_of_mnist_are_found_where_they_lie(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    random = np.random.default_rng(0)
    root = tmp_path / "flat"
    root.mkdir()
    for split, count in (("train", 60_000), ("t10k", 10_000)):
        pixels = np.repeat(random.integers(0, 256, (count, 1), dtype=np.uint8), 784, axis=1)
        for kind, sizes, values in (
            ("images.idx3", (count, 28, 28), pixels),
            ("labels.idx1", (count,), np.arange(count, dtype=np.uint8) % 10),
        ):
            head = bytes([0, 0, 8, len(sizes)]) + b"".join(size.to_bytes(4, "big") for size in sizes)
            (root / f"{split}-{kind}-ubyte.gz").write_bytes(gzip.compress(head + values.tobytes(), 1))
    monkeypatch.setenv("MNIST_LAB_DATA", str(root))
    run = trained_run(store, TINY.replace(dataset="mnist", train_images=200))
    assert (run.dataset, run.state) == ("mnist", "finished"), run.note
    ends_as(in_this_process(script_of_run(store, run), tmp_path, capsys, str(root)), store, run)


@pytest.mark.parametrize("colour", [False, True])
def test_a_folder_of_images(colour: bool, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        for label, name in enumerate(("b", "a", "ç")):
            (tmp_path / "images" / split / name).mkdir(parents=True)
            for number, (mode, size) in enumerate([("L", 12), ("RGB", 40), ("RGBA", 9), ("I;16", 12), ("LA", 12)]):
                depth = len(Image.new(mode, (1, 1)).getbands())
                kind = np.uint16 if mode == "I;16" else np.uint8
                pixels = random.integers(0, 256 if kind == np.uint8 else 65536, (size, size, depth), kind)
                ending = "JPG" if mode == "RGB" else "png"
                Image.fromarray((pixels // (label + 1)).squeeze()).save(
                    tmp_path / "images" / split / name / f"{number}.{ending}", format="JPEG" if mode == "RGB" else None
                )
    config = TINY.replace(
        dataset="folder",
        folder=str(tmp_path / "images"),
        folder_size=12,
        folder_colour=colour,
        train_images=None,
        validation_images=None,
        batch_size=4,
        choose_on="test",
    )
    run = trained_run(store, config)
    assert run.state == "finished", run.note
    ends_as(in_this_process(script_of_run(store, run), tmp_path, capsys), store, run)


@pytest.mark.parametrize("special", [False, True])
def test_a_folder_of_photographs_with_names_in_two_spellings(
    special: bool, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Pictures on their side are turned; with `special`, some have transparency or 16 bits a value as well."""
    random = np.random.default_rng(0)
    exif = Image.Exif()
    exif[0x0112] = 6
    forms: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
    for split, form in zip(("train", "test"), forms, strict=True):
        for name in ("10", "é$", "2"):
            folder = tmp_path / "images" / split / normalize(form, name)
            folder.mkdir(parents=True)
            (folder / "deeper.png").mkdir()
            pixels = random.integers(0, 200, (6, 8, 3), dtype=np.uint8)
            for number in range(3):
                pixels = random.integers(0, 200, (6, 8, 3), dtype=np.uint8)
                picture = Image.fromarray(pixels).resize((40, 60))
                picture.save(folder / normalize(form, f"{number}ü.jpg"), exif=exif)
            if special:
                clear = np.dstack((pixels, random.integers(0, 2, (6, 8)).astype(np.uint8) * 255))
                Image.fromarray(clear).save(folder / "clear.png", exif=exif)
                Image.fromarray(pixels[..., 0].astype(np.uint16) * np.uint16(16)).save(folder / "deep.png", exif=exif)
                Image.fromarray(pixels[..., 0].astype(np.uint16)).save(folder / "shallow.png")
    config = TINY.replace(
        dataset="folder",
        folder=str(tmp_path / "images"),
        folder_size=12,
        train_images=None,
        folder_colour=special,
        validation_images=3,
        batch_size=4,
        choose_on="validation",
    )
    run = trained_run(store, config)
    assert run.state == "finished", run.note
    text = script_of_run(store, run)
    assert ("def decode_picture(" in text) == special
    ends_as(in_this_process(text, tmp_path, capsys), store, run)


def test_a_folder_of_a_run_from_before_is_read_as_it_was(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in ("2", "10"):
            folder = tmp_path / "images" / split / name
            folder.mkdir(parents=True)
            for number in range(4):
                pixels = random.integers(0, 256, (12, 12), dtype=np.uint8)
                Image.merge("LA", [Image.fromarray(pixels)] * 2).save(folder / f"{number}.png")
                Image.fromarray(pixels.astype(np.uint16) * np.uint16(16)).save(folder / f"{number} deep.png")
    config = TINY.replace(
        dataset="folder",
        folder=str(tmp_path / "images"),
        folder_size=12,
        train_images=None,
        validation_images=None,
        batch_size=4,
        choose_on="test",
    )
    run = store.enqueue(config, "from before", claimed=True)
    # As for a run from before facts about data were recorded.
    with sa.create_engine(store.url).begin() as connection:
        connection.exec_driver_sql("UPDATE runs SET started = 1.0")
    train_now(store, store.run(run.id))
    run = store.run(run.id)
    assert run.data
    assert run.data.rule == 1
    ends_as(in_this_process(script_of_run(store, run), tmp_path, capsys), store, run)


SKLEARN = {
    "MLPClassifier": TINY.replace(library="sklearn", optimizer="sgd", learning_rate=0.01, weight_decay=0.01),
    "LogisticRegression": TINY.replace(library="sklearn", architecture="softmax", epochs=30),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", SKLEARN)
def test_a_run_of_scikit_learn_gets_a_script_of_scikit_learn(
    name: str, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run = trained_run(store, SKLEARN[name])
    text = script_of_run(store, run)
    assert f"import {name}" in text
    kept = checkpoints.load_checkpoint(store.folder(run.id) / f"checkpoints/epoch-{run.epoch:04d}.safetensors")
    output = in_this_process(text, tmp_path, capsys)
    assert f"weights at the end: {weights_fingerprint(kept.weights())}, the run's, bit for bit" in output


def test_a_run_that_goes_on_is_told_from_the_first_ones_start(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    first = trained_run(store, TINY.replace(epochs=2, architecture="mlp-300-dropout-0.3"))
    more = first.config.replace(continue_from=first.id, continue_epoch=1, epochs=3)
    run = trained_run(store, more)
    ends_as(in_this_process(script_of_run(store, run), tmp_path, capsys), store, run)
    other = trained_run(store, more.replace(learning_rate=0.01))
    with pytest.raises(ExportError, match=f"run #{first.number}"):
        script_of_run(store, other)
    for change in ({"fresh_optimizer": True}, {"threads": 2}):
        with pytest.raises(ExportError):
            script_of_run(store, trained_run(store, more.replace(**change)))


def test_what_was_computed_on_several_machines_is_not_promised_bit_for_bit(store: Store):
    first = trained_run(store, TINY.replace(device="cpu"))
    child = trained_run(store, first.config.replace(continue_from=first.id, continue_epoch=1, epochs=3))
    assert "bit for bit." in script_of_run(store, child)
    elsewhere = {"kind": "cpu", "name": "A processor of its own", "vectors": "AVX-512", "threads": 1}
    here = [device.model_dump() for device in first.devices]
    for changes in (
        {"devices": [elsewhere]},
        {"versions": {"torch": ["1.0"]}},
        {"devices": [{"kind": "cuda", "name": "Tesla T4"}]},
        {"rules": {"patience": 2, "training_loss": 2, "kernels": 1}},
    ):
        _edit(store, child, **{"devices": here, "versions": child.versions} | changes)
        with pytest.raises(ExportError, match="another machine"):
            script_of_run(store, store.run(child.id))
    _edit(store, first, devices=[*here, elsewhere])
    text = script_of_run(store, store.run(first.id))
    assert "other last digits" in text
    assert "bit for bit." not in text
    assert "cuda" not in text


def _edit(store: Store, run: Run, **values: object) -> None:
    """Change what a run that has ended recorded, as an archive from another machine would."""
    with store.engine.begin() as connection:
        connection.execute(runs.update().where(runs.c.id == run.id).values(**values))


def test_a_run_under_the_old_rule_of_patience_is_told_by_it(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Trained with the rule's first version, as by the program from before there were versions."""
    config = VARIANTS["patience that an equal accuracy does not renew"]
    by_epoch = {}
    for rules in (TrainingRules(patience=1, training_loss=1), TrainingRules()):
        run = store.enqueue(config, claimed=True)
        interrupt = threading.Event()
        for event in work(store, run, interrupt):
            if isinstance(event, EpochEnd):
                # The run began with these rules and keeps them.
                store.describe(run, rules=rules)
                interrupt.set()
        train_now(store, store.claim(store.requeue(run.id).id) or run)
        run = store.run(run.id)
        by_epoch[run.epoch] = run
        ends_as(in_this_process(script_of_run(store, run), tmp_path, capsys), store, run)
    assert len(by_epoch) == 2


def test_a_run_that_was_stopped_is_told_up_to_its_last_epoch(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run = store.enqueue(TINY.replace(epochs=50, schedule="cosine"), claimed=True)
    for event in work(store, run):
        if isinstance(event, EpochEnd) and event.epoch == 2:
            store.request(run.id, "stop")
            # Sleep longer than the interval in which the worker looks for requests.
            sleep(0.6)
    run = store.run(run.id)
    assert run.state == "stopped"
    assert 2 <= run.epoch < 50
    text = script_of_run(store, run)
    assert f"STOPPED_AFTER = {run.epoch}" in text
    ends_as(in_this_process(text, tmp_path, capsys), store, run)


def test_a_run_that_has_not_begun_has_a_script_without_fingerprints(store: Store):
    text = script_of_run(store, store.enqueue(TINY, 'a "name" with \\ and """'))
    compile(text, "script", "exec")
    assert "bit for bit" in text
    assert "LAST" not in text


@pytest.mark.parametrize("name", presets())
def test_every_preset_starts_from_the_weights_of_its_run(name: str):
    """Runs only the part of the script that builds the network: its classes, the seed, the construction."""
    config = RunConfig(architecture=name, seed=5)
    text = script_of_config(config)
    words: dict = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "Tensor": torch.Tensor, "SEED": 5}
    for kind in re.findall(r"^class \w+\(nn\.Module\):\n(?:(?: .*)?\n)+", text, re.MULTILINE):
        exec(kind, words)
    (made,) = re.findall(
        r"^torch\.manual_seed\(SEED\)\nnetwork = (?:.*\n)+?\)\n(?:network = .*\n)?", text, re.MULTILINE
    )
    exec(made, words)
    model, _ = build_seeded(name, *input_shape_and_classes(config), config.seed)
    move_to_device(model, torch.device("cpu"))
    assert weights_fingerprint(words["network"].state_dict()) == weights_fingerprint(model.state_dict())
    assert [value.stride() for value in words["network"].parameters()] == [v.stride() for v in model.parameters()]


def test_every_script_is_clean(tmp_path: Path):
    texts = {name: script_of_config(RunConfig(architecture=name)) for name in presets()}
    texts |= {
        name: script_of_config(config) for name, config in (VARIANTS | {"augmented": AUGMENTED} | SKLEARN).items()
    }
    texts["photographs"] = script_of_config(RunConfig(dataset="cifar10", crop_flip=True))
    for number, text in enumerate(texts.values()):
        (tmp_path / f"script_{number}.py").write_text(text)
    ruff = [sys.executable, "-m", "ruff"]
    rules = ["--select", "E,F,W,I,B,UP,SIM,PIE", "--ignore", "B905"]
    check = [*ruff, "check", "--isolated", "--line-length", "120", *rules, tmp_path]
    checked = subprocess.run(check, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    formatted = [*ruff, "format", "--isolated", "--line-length", "120", "--diff", tmp_path]
    done = subprocess.run(formatted, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_script_holds_only_what_its_run_uses():
    plain = script_of_config(RunConfig(), RunFacts(by_onednn=False))
    for word in (
        "augment",
        "learning_rate(",
        "autocast",
        "clip",
        "(nn.Module)",
        "Residual",
        "DEVICE",
        "label_smoothing",
        "math.pi",
    ):
        assert word not in plain, word
    assert len(plain.splitlines()) < 150


def test_a_script_can_be_read_whatever_the_run_is_called():
    everything = {"shift": 2, "rotate": 10, "scale": 0.1, "elastic": 2, "crop_flip": True, "train_images": 100}
    text = script_of_config(
        SMALL.replace(architecture=CNN, **everything), RunFacts(title='a "b"\\ \x00\u202e\ud880\n\n$c')
    )
    compile(text, "script", "exec")
    assert text.startswith("\"\"\"a 'b'' $c.\n")
    assert max(map(len, text.splitlines())) <= 120
    assert "rest = rest\n" not in text
