"""The rule by which oneDNN multiplies large matrices, and by which numbers next to zero count as zero."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mnist_core.config.rules import TrainingRules
from mnist_core.config.run_config import RunConfig
from mnist_core.export.script.frame import RunFacts
from mnist_core.export.script.script import script_of_config
from mnist_core.training import kernels
from tests.oracle import onednn_process

ROOT = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")
AVX512 = "avx512f avx512dq avx512bw avx512vl"
has_avx512 = pytest.mark.skipif(
    torch.backends.cpu.get_cpu_capability() != "AVX512", reason="oneDNN needs AVX-512 for its kernel"
)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process found that computes as on a processor of AMD's."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.oracle.onednn_process", str(tmp_path_factory.mktemp("script"))],
        cwd=ROOT,
        env=os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert not done.returncode, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("vendor", "flags", "suits"),
    [
        ("AuthenticAMD", AVX512 + " avx512_bf16", True),
        # Before Zen 4.
        ("AuthenticAMD", "avx avx2 fma", False),
        ("AuthenticAMD", AVX512 + " amx_tile amx_bf16", False),
        ("GenuineIntel", AVX512, False),
        ("GenuineIntel", AVX512 + " amx_bf16 amx_tile amx_int8", False),
    ],
)
def test_only_processors_of_amd_with_avx512_and_without_amx_suit(vendor: str, flags: str, suits: bool):
    text = f"processor\t: 0\nvendor_id\t: {vendor}\nflags\t\t: fpu vme {flags} xsave\n\nprocessor\t: 1\n"
    assert kernels.onednn_suits(text) == suits
    assert not kernels.onednn_suits("")


def test_a_large_product_has_a_million_multiplications():
    assert kernels.is_large(100, 100, 100)
    assert not kernels.is_large(99, 101, 100)


def test_the_choice_follows_the_rule_of_the_run(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kernels, "onednn_is_faster", lambda: True)
    config = RunConfig()
    assert kernels.by_onednn(config, TrainingRules(), CPU)
    assert not kernels.by_onednn(config, TrainingRules(kernels=1), CPU)
    assert not kernels.by_onednn(config, TrainingRules(), torch.device("cuda"))
    assert not kernels.by_onednn(config.replace(precision="bfloat16"), TrainingRules(), CPU)
    monkeypatch.setattr(kernels, "onednn_is_faster", lambda: False)
    assert not kernels.by_onednn(config, TrainingRules(), CPU)


def test_a_torch_that_offers_no_choice_multiplies_as_ever_and_says_so(monkeypatch: pytest.MonkeyPatch):
    arguments = RunConfig(), TrainingRules(), CPU
    monkeypatch.setattr(kernels, "onednn_is_faster", lambda: True)
    assert kernels.without_choice_note(*arguments) == ""
    monkeypatch.setattr(torch.backends.mkldnn, "matmul", None)
    assert not kernels.by_onednn(*arguments)
    assert torch.__version__ in kernels.without_choice_note(*arguments)
    assert kernels.without_choice_note(RunConfig(), TrainingRules(kernels=1), CPU) == ""
    monkeypatch.setattr(kernels, "onednn_is_faster", lambda: False)
    assert kernels.without_choice_note(*arguments) == ""


@pytest.mark.parametrize(
    ("change", "rule", "flushes"),
    [
        ({}, 2, True),
        ({}, 1, False),
        # Each thread has a setting of its own.
        ({"threads": 2}, 2, False),
        ({"library": "sklearn"}, 2, False),
    ],
)
def test_numbers_below_1e_38_count_as_zero_while_a_run_trains(change: dict[str, Any], rule: int, flushes: bool):
    config = RunConfig().replace(**change)
    model = torch.nn.Sequential(torch.nn.Linear(1, 1))
    for before in (False, True):
        torch.set_flush_denormal(before)
        with kernels.chosen_kernels(model, config, TrainingRules(kernels=rule), CPU):
            assert (float(torch.tensor([1e-30]) * 1e-10) == 0) == flushes
        assert kernels.flushes_now() == before
    torch.set_flush_denormal(False)


@has_avx512
def test_onednn_is_as_accurate_as_float32(found: dict[str, Any]):
    assert found["differs"], "the setting reaches oneDNN"
    for shape, errors in found["errors"].items():
        assert max(errors) < 3e-6, shape


def test_an_epoch_of_written_out_steps_ends_where_autograd_ends(found: dict[str, Any]):
    for name, (written_out, autograd) in found["chains"].items():
        assert written_out == autograd, name


@has_avx512
def test_every_network_with_a_large_layer_is_multiplied_by_onednn(found: dict[str, Any]):
    for name, (written_out, _) in found["chains"].items():
        assert written_out != found["without"][name], name
    assert found["left behind"] == "none"


def test_a_script_multiplies_as_its_run(found: dict[str, Any]):
    assert f"{found['convolution']}, the run's, bit for bit" in found["script"]
    assert "last digits" not in found["script"]


def test_a_script_says_where_the_processor_is_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    config = onednn_process.CONVOLUTION.replace(architecture="flatten linear(40) relu linear(classes)")
    text = script_of_config(config, RunFacts(by_onednn=True))
    (tmp_path / "cpuinfo").write_text("vendor_id\t: GenuineIntel\nflags\t\t: avx512vl\n")
    for info in (tmp_path / "cpuinfo", tmp_path / "none"):
        exec(text.replace("/proc/cpuinfo", str(info)), {})
        assert "last digits" in capsys.readouterr().out
    assert torch.backends.mkldnn.matmul.fp32_precision == "none"  # pyright: ignore


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        ({"architecture": "linear-10"}, {}),
        ({"precision": "bfloat16"}, {}),
        ({}, {"rules": TrainingRules(kernels=1)}),
        ({}, {"device": "cuda"}),
        ({}, {"by_onednn": False}),
    ],
)
def test_a_script_without_a_choice_says_nothing_of_it(change: dict[str, str], facts: dict[str, Any]):
    config = onednn_process.BASE.replace(architecture="mlp-300")
    known = RunFacts(by_onednn=True)
    assert "choose_kernels" in script_of_config(config, known)
    assert "choose_kernels" not in script_of_config(config.replace(**change), replace(known, **facts))


def test_a_script_flushes_as_its_run_did():
    config = onednn_process.BASE.replace(architecture="linear-10")
    assert "set_flush_denormal(True)" in script_of_config(config)
    assert "flush" not in script_of_config(config, RunFacts(rules=TrainingRules(kernels=1)))
    assert "flush" not in script_of_config(config, RunFacts(device="cuda"))
    assert "flush" not in script_of_config(config.replace(threads=2))
