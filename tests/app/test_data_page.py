"""The Data page: what it shows is what the runs learn from, and what is missing is offered or explained."""

import base64
import hashlib
import io
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from dashboard.controls.dataset_source import DatasetSource, folder_source, read_dataset
from dashboard.data import browsing
from dashboard.data.browsing import SPLITS
from dashboard.frame import store as frame_store
from mnist_core.config.run_config import RunConfig
from mnist_core.data import mnist_5k
from mnist_core.data.download.availability import DatasetStatus
from mnist_core.data.loading import load_data
from mnist_core.plots.images import sprite
from tests.app.pages import opened

pytestmark = pytest.mark.usefixtures("quiet")
ROOT = Path(__file__).resolve().parents[2]
MNIST_5K = DatasetSource("mnist-5k")


def pictures(html: str) -> list[np.ndarray]:
    """The pictures in a piece of HTML, in order."""
    contents = re.findall(r"data:image/png;base64,([^)']+)", html)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(content)))) for content in contents]


def html_of(at: AppTest, name: str) -> str:
    """The one piece of HTML on the page with an element of this class."""
    (html,) = [html.value for html in at.html if f"class='{name}'" in html.value]
    return html


def as_set(images: np.ndarray) -> set[bytes]:
    return {image.tobytes() for image in images}


def image_folder(root: Path, train: dict[str, int], test: dict[str, int], colour: bool = False) -> Path:
    """A directory of random images, with these numbers of images by class."""
    random = np.random.default_rng(0)
    for split, classes in (("train", train), ("test", test)):
        for name, count in classes.items():
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 256, (8, 8, 3) if colour else (8, 8), dtype=np.uint8)
                Image.fromarray(pixels).save(root / split / name / f"{number}.png")
    return root


@pytest.mark.parametrize("split", ["Training", "Validation", "Test"])
def test_the_samples_are_of_the_chosen_split_and_in_the_row_of_their_class(split: str, tmp_path: Path) -> None:
    at = opened("data", dataset="mnist-5k", split=split)
    # The arrays that a run of this data set trains on.
    data = load_data(RunConfig(dataset="mnist-5k"), tmp_path, "cpu")
    chosen = {"Training": data.train, "Validation": data.validation, "Test": data.test}[split]
    strips = pictures(html_of(at, "samples"))
    assert len(strips) == 10
    for digit, strip in enumerate(strips):
        # The strip is (28, n * 28), the tiles are (n, 28, 28).
        tiles = strip.reshape(28, -1, 28).swapaxes(0, 1)
        assert len(tiles) == browsing._IMAGES_PER_ROW
        assert as_set(tiles) <= as_set(chosen.images[chosen.labels == digit].numpy())
        assert len(as_set(tiles)) == len(tiles), "none is shown twice"
    means = pictures(html_of(at, "means"))
    expected = chosen.images[chosen.labels == 3].double().mean(dim=0)[0].numpy()
    np.testing.assert_allclose(means[3], expected, atol=0.51)
    pixels = chosen.images.double() / 255
    metrics = {metric.label: metric.value for metric in at.metric}
    assert float(metrics["Mean brightness"]) == pytest.approx(pixels.mean().item(), abs=6e-5)
    assert float(metrics["Standard deviation"]) == pytest.approx(pixels.std(correction=0).item(), abs=6e-5)
    zeros = (chosen.images == 0).double().mean().item()
    assert float(metrics["Pixels that are 0"].removesuffix("%")) == pytest.approx(100 * zeros, abs=0.06)


def test_the_counts_are_those_of_the_splits() -> None:
    at = opened("data", dataset="mnist-5k")
    table = browsing.image_counts(MNIST_5K)
    assert table.sum().to_dict() == {"Training": 3_334, "Validation": 666, "Test": 1_000}
    assert (table["Training"] + table["Validation"]).tolist() == [400] * 10
    assert table["Test"].tolist() == [100] * 10
    text = " ".join(markdown.value for markdown in at.markdown)
    assert re.findall(r"\*\*([\d,]+) (\w+)\*\*", text) == [
        ("3,334", "training"),
        ("666", "validation"),
        ("1,000", "test"),
    ]


def test_one_class_can_be_looked_at_and_an_image_enlarged() -> None:
    at = opened("data", dataset="mnist-5k", split="Test", **{"class": "7"})
    positions, images = browsing.random_images(MNIST_5K, "test", 7, browsing._IMAGES_OF_CLASS, 0)
    _, (test_images, test_labels) = mnist_5k.read_mnist_5k()
    assert (test_labels[positions] == 7).all()
    np.testing.assert_array_equal(test_images[positions], images)

    def large() -> np.ndarray:
        return pictures(html_of(at, "large"))[0]

    np.testing.assert_array_equal(large(), images[0, 0])
    digest = hashlib.sha256(sprite(images[:, 0], 12)).hexdigest()[:16]
    at.session_state["samples"] = {"chosen": {"index": 5, "sprite": digest}}
    at.run()
    np.testing.assert_array_equal(large(), images[5, 0])
    assert any(f"Number {positions[5]:,} of" in caption.value for caption in at.caption)


def test_another_sample_shows_other_images_and_the_same_number_the_same() -> None:
    first, again, other = (html_of(opened("data", dataset="mnist-5k", sample=number), "samples") for number in "001")
    assert first == again
    assert first != other


def test_a_class_of_another_data_set_does_not_break_the_page() -> None:
    at = opened("data", dataset="mnist-5k", **{"class": "Ankle boot"})
    assert at.selectbox(key="class").value is None
    assert len(pictures(html_of(at, "samples"))) == 10


def test_the_splits_share_no_image_of_the_training_set_and_leave_none_out() -> None:
    train, validation = (browsing.split_positions(MNIST_5K, SPLITS[name]) for name in ("Training", "Validation"))
    assert sorted([*train, *validation]) == list(range(4_000))


def test_a_missing_data_set_is_offered_and_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    requested: list[str] = []
    current: dict[str, str] = {"kmnist": "downloading"}

    def ensure(name: str, root: Path) -> SimpleNamespace:
        requested.append(name)
        progress = current.get(name, "missing")
        status = DatasetStatus(name, progress, "The network is dead.", 5_000_000, 20_000_000)  # pyright: ignore[reportArgumentType]
        return SimpleNamespace(status=status)

    monkeypatch.setattr(frame_store, "ensure_downloaded", ensure)
    at = opened("data", dataset="kmnist")
    assert "KMNIST" in at.info[0].value
    assert "CC BY-SA 4.0" in at.markdown[0].value
    assert "kmnist" not in requested, "nothing is downloaded before a click"
    at.button(key="download").click().run()
    assert "kmnist" in requested
    progress = at.get("progress")[0].proto
    assert progress.value == 25
    assert "5.0 of 20 MB" in progress.text
    current["kmnist"] = "unreachable"
    frame_store._download.clear("kmnist")
    at.run()
    assert at.warning[0].value == "The network is dead."
    times = requested.count("kmnist")
    at.button(key="download").click().run()
    assert requested.count("kmnist") > times, "it can be tried again"
    at.button(key="instead").click().run()
    assert at.selectbox(key="dataset").value == "mnist-5k"
    assert len(pictures(html_of(at, "samples"))) == 10


def test_mnist_that_cannot_be_downloaded_is_said_with_the_way_out() -> None:
    at = opened("data")
    assert "MNIST" in at.warning[0].value
    at.button(key="instead").click().run()
    assert len(pictures(html_of(at, "samples"))) == 10


@pytest.mark.mnist
def test_the_published_numbers_of_mnist(mnist_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_LAB_DATA", str(mnist_dir))
    at = opened("data", split="Validation")
    assert browsing.image_counts(DatasetSource("mnist")).sum().tolist() == [50_000, 10_000, 10_000]
    assert browsing.image_counts(DatasetSource("mnist"))["Test"].tolist() == [
        980,
        1135,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]
    assert float(at.metric[0].value) == pytest.approx(0.1307, abs=0.002)


def test_a_colour_folder_is_shown_with_its_own_classes_and_an_empty_one(tmp_path: Path) -> None:
    folder = image_folder(tmp_path / "pictures", {"a_b": 12, "c": 1}, {"a_b": 2, "c": 3}, colour=True)
    at = opened("data", dataset="folder", folder=str(folder), folder_size="8", folder_colour="true", split="Validation")
    assert browsing.image_counts(folder_source(str(folder), 8, True)).to_dict("list") == {
        "Training": [10, 1],
        "Validation": [2, 0],
        "Test": [2, 3],
    }
    html = html_of(at, "samples")
    assert [strip.shape for strip in pictures(html)] == [(8, 16, 3)]
    assert len(pictures(html_of(at, "means"))) == 1
    assert at.metric[0].label == "Mean brightness (red / green / blue)"
    at.selectbox(key="class").set_value("c").run()
    assert not at.exception
    assert len(at.info) == 1


def test_a_folder_that_changes_is_read_anew(tmp_path: Path) -> None:
    folder = image_folder(tmp_path / "pictures", {"a": 6, "b": 6}, {"a": 1, "b": 1})
    before = folder_source(str(folder), 8, False)
    assert browsing.image_counts(before)["Test"].tolist() == [1, 1]
    Image.new("L", (8, 8)).save(folder / "test" / "b" / "new.png")
    after = folder_source(str(folder), 8, False)
    assert browsing.image_counts(after)["Test"].tolist() == [1, 2]


def test_a_folder_that_cannot_be_read_is_a_message(tmp_path: Path) -> None:
    at = opened("data", dataset="folder")
    assert (len(at.info), len(at.error)) == (1, 0)
    at = opened("data", dataset="folder", folder=str(tmp_path / "nowhere"))
    assert "nowhere" in at.error[0].value


def test_what_of_a_folder_is_left_out_or_blank_is_counted_and_named(tmp_path: Path) -> None:
    folder = image_folder(tmp_path / "my_own *pictures*", {"a": 6, "b": 6}, {"a": 1, "b": 1})
    at = opened("data", dataset="folder", folder=str(folder))
    assert not at.warning
    Image.new("L", (8, 8)).save(folder / "train" / "a" / "notes.bmp")
    Image.new("L", (8, 8)).save(folder / "train" / "a" / "a_b_c.png")
    Image.new("LA", (8, 8), (255, 90)).save(folder / "test" / "b" / "clear.png")
    (folder / "test" / "b" / "deeper").mkdir()
    at = opened("data", dataset="folder", folder=str(folder))
    warnings = "\n".join(warning.value.replace("\\", "") for warning in at.warning)
    for part in ("1 file", "1 .bmp", "1 folder", "2 images", "train/a/a_b_c.png"):
        assert part in warnings, warnings
    assert any("1 picture" in caption.value for caption in at.caption)


def test_an_image_that_is_exchanged_in_its_place_is_read_anew(tmp_path: Path) -> None:
    folder = image_folder(tmp_path / "pictures", {"a": 6, "b": 6}, {"a": 1, "b": 1})
    old = read_dataset(folder_source(str(folder), 8, False)).test_images
    path = next((folder / "test" / "b").iterdir())
    Image.new("L", (8, 8), 7).save(path)
    new = read_dataset(folder_source(str(folder), 8, False)).test_images
    assert not (old[1] == 7).all()
    assert (new[1] == 7).all()
