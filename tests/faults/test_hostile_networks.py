"""Short texts that stand for huge networks: refused before anything of that size is built, wherever they come from."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mnist_core.config.limits import MAX_LAYERS

ROOT = Path(__file__).parents[2]
# Seconds of one processor, and megabytes beyond what the process needs anyway.
SECONDS, MEGABYTES = 1.0, 50

NESTED = "9*residual(" * 7 + "relu" + ")" * 7 + " flatten linear(classes)"
REFUSED = {
    "residual blocks": NESTED,
    "parentheses": "9*(" * 9 + "relu" + ")" * 9,
    "repetitions of repetitions": "9*" * 9 + "relu flatten linear(classes)",
    "one level": f"{MAX_LAYERS}*relu flatten linear(classes)",
    "blocks of one layer": f"{MAX_LAYERS // 2}*residual(relu) flatten linear(classes)",
    "after others": "flatten 900*relu residual(99*relu) linear(classes)",
    "deep": "residual(" * 400 + "relu" + ")" * 400,
    "deep parentheses": "2*(" * 1300 + "relu" + ")" * 1300,
    "wide": "flatten linear(99999999999999) linear(classes)",
    "wide by its digits": f"flatten linear({'9' * 3900}) linear(classes)",
    "many wide ones": "flatten 900*linear(1000000) linear(classes)",
    "growing images": "900*conv(1, 1, padding=1024) globalavgpool linear(classes)",
    "growing images with shortcuts": "3*conv(1, 1, padding=1024) 400*residual(conv(1, 1, padding=1)) flatten",
    "long": "flatten " + "relu " * 100_000,
    "one long word": "a" * 1_000_000,
    "4,000 numbers": "1 " * 2000,
    "4,000 parentheses": "(" * 4000,
    "4,000 letters of misspelt layers": "linaer " * 570,
    "4,000 letters of arguments": f"flatten linear({'1,' * 1980}1)",
}
DRAWN = {
    "one level": f"{MAX_LAYERS - 2}*relu flatten linear(classes)",
    "two in turn": f"{MAX_LAYERS // 2 - 1}*(relu tanh) flatten linear(classes)",
    "repetitions": "2*2*2*2*2*2*2*2*2*relu flatten linear(classes)",
    "all different": "flatten " + " ".join(f"linear({width})" for width in range(100, 420)) + " linear(classes)",
    "blocks": "200*residual(conv(1, 3, padding=1) relu conv(1, 3, padding=1)) flatten linear(classes)",
}
INITIAL = {
    "a huge one": NESTED,
    "a huge one after others": f"softmax; {NESTED}",
    "many large ones": "; ".join(["flatten 900*relu linear(classes)"] * 20),
    "many wide ones": "; ".join(["flatten linear(600000) linear(classes)"] * 20),
    "many small ones": "softmax;" * 999,
}
_CHECK = """
import json, resource, sys, time
from mnist_core.architectures.diagram.diagram import architecture_diagram
from mnist_core.training.checking import check_trainable
from mnist_core.config import RunConfig
from mnist_core.errors import MnistLabError

peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
texts, field, found = json.loads(sys.stdin.read()), sys.argv[1], {}
architecture_diagram(check_trainable(RunConfig(architecture="lenet-5")))
for name, text in texts.items():
    before, start = peak(), time.process_time()
    try:
        config = RunConfig().model_copy(update={field: text})  # past the field's own limit, as a link's text may be
        drawn = len(architecture_diagram(check_trainable(config)))
        outcome = "drawn"
    except MnistLabError as error:
        outcome = str(error)
    found[name] = outcome, time.process_time() - start, peak() - before
print(json.dumps(found))
"""


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))


def _checked(texts: dict[str, str], field: str = "architecture") -> dict[str, tuple[str, float, float]]:
    """For each name the result, the seconds and the megabytes, measured in a process with limited time and memory."""
    done = subprocess.run(
        [sys.executable, "-c", _CHECK, field],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        preexec_fn=_limited,
    )
    assert done.returncode == 0, done.stderr[-500:]
    return json.loads(done.stdout)


def test_huge_networks_are_refused_at_once() -> None:
    for name, (outcome, seconds, megabytes) in _checked(REFUSED).items():
        assert outcome != "drawn", name
        assert seconds < SECONDS, name
        assert megabytes < MEGABYTES, name


def test_the_largest_networks_are_described_and_drawn_at_once() -> None:
    for name, (outcome, seconds, megabytes) in _checked(DRAWN).items():
        assert outcome == "drawn", name
        assert seconds < 2 * SECONDS, name
        assert megabytes < MEGABYTES, name


def test_initial_weights_are_counted_over_all_their_networks() -> None:
    for name, (outcome, seconds, megabytes) in _checked(INITIAL, "initial_weights").items():
        assert outcome.startswith("initial_weights: "), name
        assert seconds < SECONDS, name
        assert megabytes < MEGABYTES, name


@pytest.mark.parametrize("flag", ["--architecture", "--initial-weights"])
def test_the_command_line_refuses_them(flag: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mnist_core", "train", "--dataset", "mnist-5k", flag, NESTED],
        cwd=ROOT,
        env=os.environ | {"MNIST_LAB_RESULTS": str(tmp_path)},
        preexec_fn=_limited,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "layers" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("own_lab", "quiet")
def test_a_link_shows_the_remedy() -> None:
    at = AppTest.from_file(str(ROOT / "pages" / "train.py"), default_timeout=60)
    at.query_params["own"] = "true"
    at.query_params["layers"] = NESTED
    at.run()
    assert not at.exception
    assert any("layers" in error.value for error in at.error)
