"""Corruptions: each does what its name says, is reproducible and changes nothing at severity 0; counts add up."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from mnist_core.analysis import costs, predictions, robustness
from mnist_core.analysis.robustness import CHUNK, CORRUPTIONS, LEVELS, corrupt
from mnist_core.config.run_config import RunConfig
from mnist_core.data.sources import load_arrays
from mnist_core.environment import data_dir
from mnist_core.store.store import Store
from tests.labs import trained_run

KINDS = {kind.name: kind for kind in CORRUPTIONS}


def _images(count: int = 6, shape: tuple[int, int, int] = (1, 28, 28), seed: int = 0) -> np.ndarray:
    """Smooth random images, bright in the middle and black at the border."""
    random = np.random.default_rng(seed)
    height, width = shape[1:]
    noise = ndimage.gaussian_filter(random.random((count, *shape)), (0, 0, 1.5, 1.5))
    hill = np.outer(np.hanning(height), np.hanning(width))
    images = noise * hill
    return np.rint(255 * images / images.max()).astype(np.uint8)


@pytest.mark.parametrize("kind", CORRUPTIONS, ids=KINDS)
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (2, 24, 20)], ids=str)
def test_every_change_grows_repeats_itself_and_begins_with_none(
    kind: robustness.Corruption, shape: tuple[int, int, int]
) -> None:
    images = _images(8, shape)
    kept = images.copy()
    levels = [corrupt(images, kind, severity, offset=300) for severity in range(LEVELS)]
    assert levels[0] is images
    np.testing.assert_array_equal(images, kept)
    for severity, changed in enumerate(levels):
        assert (changed.dtype, changed.shape) == (np.uint8, images.shape)
        np.testing.assert_array_equal(changed, corrupt(images, kind, severity, offset=300))
    distances = [np.abs(changed.astype(float) - images).mean() for changed in levels]
    assert 0 < distances[1] < distances[2] < distances[3]
    assert distances[3] < 1.2 * distances[5]
    assert len({kind.label(severity) for severity in range(LEVELS)}) == LEVELS
    # Blur and contrast have nothing random.
    if kind.name not in ("Blur", "Contrast"):
        assert (corrupt(images, kind, 3, offset=0) != levels[3]).any()


def _best(changed: np.ndarray, candidates: list[np.ndarray]) -> float:
    """The largest difference of a pixel between an image and the nearest of the others."""
    return min(float(np.abs(changed.astype(float) - np.clip(other, 0, 255)).max()) for other in candidates)


def _turned(image: np.ndarray, degrees: float) -> np.ndarray:
    return ndimage.rotate(image.astype(float), degrees, reshape=False, order=1)


def _zoomed(image: np.ndarray, factor: float) -> np.ndarray:
    """Distance of each pixel from the middle of a square image."""
    middle = (len(image) - 1) / 2
    return ndimage.affine_transform(image.astype(float), np.eye(2) / factor, middle - middle / factor, order=1)


@pytest.mark.parametrize(
    ("name", "severity", "either"),
    [
        ("Rotation", 2, lambda image: [_turned(image, sign * 20) for sign in (-1, 1)]),
        ("Rotation", 5, lambda image: [_turned(image, sign * 60) for sign in (-1, 1)]),
        ("Scale", 3, lambda image: [_zoomed(image, factor) for factor in (0.7, 1.3)]),
        ("Blur", 2, lambda image: [ndimage.gaussian_filter(image.astype(float), 1, mode="constant", truncate=9)]),
    ],
)
def test_geometry_and_blur_equal_scipys(
    name: str, severity: int, either: Callable[[np.ndarray], list[np.ndarray]]
) -> None:
    images = _images(12)
    changed = corrupt(images, KINDS[name], severity)
    for image, actual in zip(images[:, 0], changed[:, 0], strict=True):
        assert _best(actual, either(image)) < 1
    if name in ("Rotation", "Scale"):
        ways = {
            int(np.argmin([np.abs(actual - other).sum() for other in either(image)]))
            for image, actual in zip(images[:, 0], changed[:, 0], strict=True)
        }
        assert ways == {0, 1}, "both ways occur"


def test_a_shift_moves_by_as_many_pixels_whatever_the_direction() -> None:
    for shape, factor in (((1, 28, 28), 1), ((1, 56, 56), 2)):
        images = _images(10, shape)
        moved = corrupt(images, KINDS["Shift"], 3)
        steps = np.array(
            [
                np.subtract(ndimage.center_of_mass(after), ndimage.center_of_mass(before))
                for before, after in zip(images[:, 0], moved[:, 0], strict=True)
            ]
        )
        assert np.hypot(*steps.T) == pytest.approx(3 * factor, abs=0.15 * factor)
        assert len({tuple(np.sign(step).tolist()) for step in steps}) > 2


def test_noise_contrast_and_occlusion_by_their_definitions() -> None:
    grey = np.full((200, 1, 28, 28), 128, dtype=np.uint8)
    noise = corrupt(grey, KINDS["Noise"], 1).astype(float)
    assert noise.std() == pytest.approx(25.5, rel=0.02)
    assert noise.mean() == pytest.approx(128, abs=0.3)
    images = _images()
    faded = corrupt(images, KINDS["Contrast"], 4).astype(float)
    assert faded.mean(axis=(1, 2, 3)) == pytest.approx(images.mean(axis=(1, 2, 3)), abs=0.5)
    assert faded.std() / images.std() == pytest.approx(0.2, abs=0.02)
    black = np.zeros((50, 3, 28, 28), dtype=np.uint8)
    for severity, side in ((1, 4), (5, 16)):
        covered = corrupt(black, KINDS["Occlusion"], severity)
        assert (covered == 128).sum(axis=(2, 3)).tolist() == [[side**2] * 3] * 50
        assert (covered > 0).sum() == (covered == 128).sum()
    small, large = (corrupt(black, KINDS["Occlusion"], severity) > 0 for severity in (2, 4))
    assert (small & ~large).mean() < 0.2 * small.mean(), "a larger square lies about where the smaller one was"


def test_a_square_covers_every_place_up_to_the_edges() -> None:
    covered = np.asarray(robustness._covered(np.zeros((3000, 1, 28, 28)), 5, np.random.default_rng(0)) > 0)
    for axis in (2, 3):
        first = np.asarray(covered.any(axis=5 - axis))[:, 0].argmax(axis=1)
        assert (first.min(), first.max()) == (0, 28 - 5)


def test_every_change_comes_in_the_amounts_that_the_guide_and_earlier_results_mean() -> None:
    amounts = {
        "Rotation": (10, 20, 30, 45, 60),
        "Shift": (1, 2, 3, 4, 6),
        "Scale": (10, 20, 30, 40, 50),
        "Blur": (0.5, 1, 1.5, 2, 3),
        "Noise": (10, 20, 30, 45, 60),
        "Contrast": (30, 50, 70, 80, 90),
        "Occlusion": (4, 7, 10, 13, 16),
    }
    assert {kind.name: kind.amounts for kind in CORRUPTIONS if kind.name in amounts} == amounts


def _brightness(images: np.ndarray) -> np.ndarray:
    """A network of two classes that tells bright images from dark ones."""
    means = images.mean(axis=(1, 2, 3))
    return np.stack((60 - means, means - 60), axis=1)


def test_counts_add_up_over_chunks_and_all_networks_see_the_same() -> None:
    images = _images(CHUNK + 30, (1, 12, 12))
    labels = np.arange(len(images)) % 2
    asked: dict[str, list[np.ndarray]] = {"one": [], "two": []}

    def network(name: str) -> robustness.Predictor:
        def answer(seen: np.ndarray) -> np.ndarray:
            asked[name].append(seen)
            return _brightness(seen)

        return answer

    reports = [
        (step.done, step.images, step.right["one"].copy())
        for step in robustness.count_right_answers({name: network(name) for name in asked}, images, labels)
    ]
    assert [done for done, _, _ in reports] == sorted(done for done, _, _ in reports)
    assert (reports[0][0], reports[0][2].sum()) == (0, 0)
    assert reports[-1][:2] == (1, len(images))
    assert {seen for _, seen, _ in reports} == {0, CHUNK, len(images)}
    for image, two in zip(asked["one"], asked["two"], strict=True):
        assert image is two
    for row, kind in enumerate(CORRUPTIONS):
        for severity in range(LEVELS):
            parts = [corrupt(images[start : start + CHUNK], kind, severity, start) for start in (0, CHUNK)]
            expected = (_brightness(np.concatenate(parts)).argmax(axis=1) == labels).sum()
            assert reports[-1][2][row, severity] == expected
    first = next(right for _, seen, right in reports if seen == CHUNK)
    assert (first[:, 0] == (_brightness(images[:CHUNK]).argmax(axis=1) == labels[:CHUNK]).sum()).all()


def test_severity_0_is_the_accuracy_on_the_test_images() -> None:
    store = Store.open()
    config = RunConfig(dataset="mnist-5k", train_images=300, validation_images=50, epochs=2, architecture="softmax")
    run = trained_run(store, config)
    arrays = load_arrays(config, data_dir())
    steps = robustness.count_right_answers(
        costs.load_predictors(store, [run]), arrays.test_images[:200], arrays.test_labels[:200]
    )
    last = list(steps)[-1]
    aligned, _ = predictions.align([run], {run.id: predictions.load_split(store, run)})
    assert aligned is not None
    right = last.right[run.id]
    assert (right[:, 0] == aligned.right[0, :200].sum()).all()
    assert right[0, 0] > 100
    assert (right[:, -1] < right[:, 0]).all(), "every change, at its worst, does harm"
    everything = costs.load_predictors(store, [run])[run.id](arrays.test_images)
    assert (everything.argmax(axis=1) == arrays.test_labels).mean() == pytest.approx(run.test_accuracy)


def test_a_sample_is_the_same_each_time_and_not_just_the_beginning() -> None:
    chosen = robustness.sample_images(10_000, 1_000)
    assert len(set(chosen.tolist())) == 1_000
    assert (np.diff(chosen) > 0).all()
    assert 4_000 < chosen.mean() < 6_000
    np.testing.assert_array_equal(chosen, robustness.sample_images(10_000, 1_000))
    np.testing.assert_array_equal(robustness.sample_images(500, 1_000), np.arange(500))


def test_the_estimate_grows_with_images_and_networks() -> None:
    run = Store.open().enqueue(RunConfig(dataset="mnist-5k", architecture="lenet-5"))
    images = 1000 * (1 + (LEVELS - 1) * len(CORRUPTIONS))
    once = robustness.measuring_seconds([run], 1000)
    assert once == pytest.approx(images * 2e-5 + costs.answering_seconds(run, images))
    assert robustness.measuring_seconds([run, run], 1000) == pytest.approx(2 * once - images * 2e-5)


def test_what_a_change_draws_does_not_depend_on_its_place(monkeypatch: pytest.MonkeyPatch):
    images = np.random.default_rng(0).integers(0, 256, (20, 1, 28, 28), dtype=np.uint8)
    before = {kind.name: corrupt(images, kind, 3) for kind in CORRUPTIONS}
    monkeypatch.setattr(robustness, "CORRUPTIONS", CORRUPTIONS[::-1])
    assert all(np.array_equal(corrupt(images, kind, 3), before[kind.name]) for kind in CORRUPTIONS)


def test_two_changes_that_draw_alike_are_refused() -> None:
    path = Path(robustness.__file__)
    text = path.read_text(encoding="utf-8").replace("stream=1,", "stream=0,")
    with pytest.raises(ImportError, match="stream"):
        exec(compile(text, path, "exec"), {"__name__": robustness.__name__})
