"""Initial weights from another network: bit for bit the same where shapes agree; all other weights unchanged."""

import hashlib
import re
import resource
from difflib import SequenceMatcher
from pathlib import Path
from random import Random
from time import process_time

import pytest
import torch

from mnist_core import architectures
from mnist_core.analysis import trained
from mnist_core.architectures.inference import infer_nodes, list_weights
from mnist_core.architectures.inheriting import _aligned, build_seeded, extend_initial_weights, inherit, preview
from mnist_core.architectures.presets import architecture_line
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import ArchitectureError
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from tests.labs import trained_run

SHAPE, CLASSES = (1, 28, 28), 10
PLAIN = "flatten linear(30) relu linear(20) relu linear(classes)"
DROPPED = "flatten linear(30) relu dropout(0.5) linear(20) relu linear(classes)"
DEEPER = "flatten linear(30) relu linear(30) relu linear(20) relu linear(classes)"
TINY = RunConfig(dataset="mnist-5k", architecture=PLAIN, train_images=500, validation_images=200, epochs=1)


def seeded(text: str, seed: int = 7, initial_weights: str = "") -> torch.nn.Module:
    return build_seeded(text, SHAPE, CLASSES, seed, initial_weights)[0]


def fingerprints(network: torch.nn.Module) -> list[str]:
    """A hash of each layer's weights, in order."""
    return [
        hashlib.sha256(b"".join(value.detach().numpy().tobytes() for value in parameters)).hexdigest()
        for module in network.modules()
        if (parameters := list(module.parameters(recurse=False)))
    ]


def test_without_a_parent_it_is_the_network_of_the_seed() -> None:
    torch.manual_seed(7)
    wanted = fingerprints(architectures.build_network(PLAIN, SHAPE, CLASSES))
    state = torch.get_rng_state()
    network, taken = build_seeded(PLAIN, SHAPE, CLASSES, 7)
    assert (fingerprints(network), taken) == (wanted, None)
    assert torch.equal(torch.get_rng_state(), state)
    assert fingerprints(seeded(PLAIN, seed=8)) != wanted


def test_a_layer_without_weights_changes_nothing() -> None:
    network, taken = build_seeded(DROPPED, SHAPE, CLASSES, 7, PLAIN)
    assert fingerprints(network) == fingerprints(seeded(PLAIN))
    assert taken is not None
    assert (taken.layers, taken.of_layers) == (3, 3)
    assert taken.numbers == taken.of_numbers == 785 * 30 + 31 * 20 + 21 * 10


def test_a_new_layer_in_the_middle_leaves_the_others_as_they_were() -> None:
    old, new = fingerprints(seeded(PLAIN)), fingerprints(seeded(DEEPER, initial_weights=PLAIN))
    assert [new[0], *new[2:]] == old
    assert new[1] not in old
    # Without inheritance the same seed gives other weights.
    assert fingerprints(seeded(DEEPER))[2:] != old[1:]


def test_another_width_takes_over_only_what_still_fits() -> None:
    wider = "flatten linear(30) relu linear(25) relu linear(classes)"
    network, taken = build_seeded(wider, SHAPE, CLASSES, 7, PLAIN)
    assert fingerprints(network)[0] == fingerprints(seeded(PLAIN))[0]
    assert not set(fingerprints(network)[1:]) & set(fingerprints(seeded(PLAIN)))
    assert taken is not None
    assert (taken.layers, taken.of_layers, taken.numbers) == (1, 3, 785 * 30)
    assert re.findall(r"[\d,]*\d", str(taken)) == ["1", "3", "23,550", "24,585"]


def test_layers_of_the_same_shapes_but_another_kind_are_not_mixed_up() -> None:
    old = seeded("conv(4, 3) batchnorm relu flatten linear(classes)")
    new = seeded("conv(4, 3) layernorm relu flatten linear(classes)", seed=8)
    assert (inherit(new, old).layers, len(fingerprints(new))) == (2, 3)


def test_random_draws_go_on_as_in_the_parents_run() -> None:
    seeded(PLAIN)
    wanted = torch.rand(5)
    seeded(DEEPER, initial_weights=PLAIN)
    assert torch.equal(torch.rand(5), wanted)


def test_weights_are_handed_on_through_several_networks() -> None:
    middle = seeded(DEEPER, initial_weights=PLAIN)
    last = seeded(
        "flatten linear(30) relu dropout(0.2) linear(30) relu linear(20) relu linear(classes)",
        initial_weights=extend_initial_weights(PLAIN, DEEPER),
    )
    assert fingerprints(last) == fingerprints(middle)


@pytest.mark.parametrize(
    ("parent", "child", "taken_over"),
    [
        (
            "conv(4, 3, padding=1) residual(conv(4, 3, padding=1) relu) flatten linear(classes)",
            "conv(4, 3, padding=1) residual(conv(4, 3, padding=1) batchnorm relu) flatten linear(classes)",
            (3, 4),
        ),
        (
            "patches(7, 32) position attention(4) meantokens linear(classes)",
            "patches(7, 32) attention(4) meantokens linear(classes)",
            (4, 4),
        ),
    ],
    ids=["residual", "attention"],
)
def test_blocks_are_looked_into_and_a_preview_says_the_same(parent: str, child: str, taken_over: tuple) -> None:
    network, taken = build_seeded(child, SHAPE, CLASSES, 3, parent)
    before = torch.get_rng_state()
    assert preview(child, SHAPE, CLASSES, parent) == taken
    assert torch.equal(torch.get_rng_state(), before)
    assert taken is not None
    assert (taken.layers, taken.of_layers) == taken_over
    assert len(set(fingerprints(network)) & set(fingerprints(seeded(parent, seed=3)))) == taken.layers


@pytest.mark.parametrize("name", [*architectures.presets()])
def test_the_weights_that_a_line_promises_are_those_of_its_modules(name: str) -> None:
    promised = {
        path: (weights.module, weights.shapes)
        for path, weights in list_weights(infer_nodes(architecture_line(name), SHAPE, CLASSES))
    }
    built = {
        path: (type(module).__name__, tuple(tuple(value.shape) for value in parameters))
        for path, module in architectures.build_network(name, SHAPE, CLASSES).named_modules()
        if (parameters := list(module.parameters(recurse=False)))
    }
    assert list(promised.items()) == list(built.items())


def test_the_alignment_is_difflibs() -> None:
    random = Random(0)
    for _ in range(500):
        kinds = random.randint(1, 5)
        old, new = ([random.randrange(kinds) for _ in range(random.randint(0, 25))] for _ in range(2))
        blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
        assert _aligned(old, new) == [(a + step, b + step) for a, b, size in blocks for step in range(size)]


def test_the_alignment_takes_no_time_where_layers_repeat() -> None:
    start = process_time()
    pairs = _aligned(["a", "b"] * 500, ["a"] * 1000)
    assert len(pairs) == 500
    # difflib would take 55 s for these two networks.
    assert process_time() - start < 2


def test_a_preview_of_huge_networks_builds_neither() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # The weights would take 1.6 GB.
    large = "flatten linear(500000) relu linear(classes)"
    assert preview(large, SHAPE, CLASSES, large).numbers == 785 * 500_000 + 500_001 * 10
    # In kilobytes.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_a_parent_that_is_no_network_says_so() -> None:
    with pytest.raises(ArchitectureError):
        seeded(PLAIN, initial_weights="flatten linear(30) linear(0)")


def _trained(store: Store, config: RunConfig) -> Run:
    return trained_run(store, config)


def test_a_run_starts_from_them_and_says_so(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "lab")
    plain = _trained(store, TINY)
    same = _trained(store, TINY.replace(initial_weights=PLAIN))
    other = _trained(store, TINY.replace(architecture=DEEPER, initial_weights=PLAIN))
    assert (plain.state, same.state, other.state) == ("finished",) * 3
    assert "3 of 3 layers" in same.note
    assert "3 of 4 layers" in other.note
    assert "layers" not in plain.note
    values = [store.metrics(run.id).drop(columns=["id", "seconds"]).to_csv() for run in (plain, same)]
    assert values[0] == values[1]
    assert trained.chosen_checkpoint(store, plain).sha256 != trained.chosen_checkpoint(store, other).sha256
