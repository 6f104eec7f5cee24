"""The Draw page: real networks read drawings and pictures; whoever has no network yet can train one."""

import base64
import io
import re
import sqlite3
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from dashboard.controls import first_network
from dashboard.draw import answering, drawing_predictions
from mnist_core.analysis import trained
from mnist_core.config.dataset_catalogue import BOX_OF_20_BY_MASS
from mnist_core.config.run_config import RunConfig
from mnist_core.data import handwriting, mnist_5k
from mnist_core.jobs.worker import work
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from tests.app.pages import answers_sent, opened, texts
from tests.labs import trained_run

pytestmark = pytest.mark.usefixtures("quiet")
ROOT = Path(__file__).resolve().parents[2]
FIVE_HUNDRED = {"dataset": "mnist-5k", "train_images": 500, "batch_size": 16}


def prepare(store: Store) -> None:
    """A results folder with three trained runs: number 2 has another network, number 3 is a worse run of the first."""
    for fields in (
        {"architecture": "softmax", "epochs": 2},
        {"architecture": "flatten linear(10)", "epochs": 1},
        {"architecture": "softmax", "epochs": 1, "learning_rate": 1e-6},
    ):
        trained_run(store, RunConfig.parse(FIVE_HUNDRED | fields))


def put(at: AppTest, pixels: np.ndarray | None, seq: int = 1) -> str:
    """The HTML that the browser gets for this picture on the page's pad."""
    buffer = io.BytesIO()
    if pixels is not None:
        Image.fromarray(pixels).save(buffer, "PNG")
    image = base64.b64encode(buffer.getvalue()).decode()
    return answering.answers_html(Store.open(), answering.Question(answers_sent(at)["runs"], image, seq, ended=True))


def shown(at: AppTest) -> str:
    """The HTML of the predictions for an upload."""
    assert not at.exception
    (html,) = [html.value for html in at.html if "class='answers'" in html.value]
    return html


def cards(html: str) -> dict[int, tuple[str | None, list[str]]]:
    """By run: the predicted class, and the percentages beside its bars."""
    by_number: dict[int, tuple[str | None, list[str]]] = {}
    for part in re.split("<div class='card[ ']", html)[1:]:
        number = re.search(r"data-run='(\d+)'", part)
        answer = re.search(r"data-answer='([^']*)'", part)
        assert number
        rows = re.findall(r"<span class='share[^']*'>([^<]*)</span>", part)
        by_number[int(number[1])] = answer[1] if answer else None, rows
    return by_number


def a_drawing(digit: int) -> np.ndarray:
    """A test image of the digit, as large as the pad: uint8 (112, 112)."""
    _, (images, labels) = mnist_5k.read_mnist_5k()
    return images[np.flatnonzero(labels == digit)[0], 0].repeat(4, axis=0).repeat(4, axis=1)


def problem(html: str, number: int) -> str:
    """The text in place of a run's prediction, escapes resolved."""
    match = re.search(rf"data-run='{number}'>.*?<p>(.*?)</p></div>", html)
    assert match
    return unescape(match[1])


def network_input(html: str) -> np.ndarray:
    """The image that the networks are given."""
    address = re.search(r"<img src='data:image/png;base64,([^']+)'", html)
    assert address
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address[1]))))


def numbered(number: int, **fields: object) -> Run:
    """A stand-in for a run, with the fields that the page looks at."""
    base = {"number": number, "test_accuracy": 0.9, "epoch": 1, "validation_accuracy": None, "dataset": "mnist"}
    return SimpleNamespace(**base | fields)  # pyright: ignore[reportReturnType]


def test_every_chosen_network_answers_with_its_own_probabilities(store: Store) -> None:
    html = put(opened("draw", runs=["3", "1"]), a_drawing(7), seq=5)
    assert "data-seq='5' data-ended='true'" in html
    placed = handwriting.place_drawing(a_drawing(7), (1, 28, 28), BOX_OF_20_BY_MASS)
    assert placed is not None
    by_number = cards(html)
    assert list(by_number) == [3, 1]
    for number, (answer, percentages) in by_number.items():
        expected = trained.run_probabilities(store, store.find(str(number)), placed.image[None])[0]
        assert answer == str(expected.argmax())
        assert len(percentages) == 10
        for text, value in zip(percentages, expected, strict=True):
            assert float(text.removesuffix("%") or 0) == pytest.approx(100 * value, abs=0.051)
    assert by_number[1][0] == "7"
    np.testing.assert_array_equal(network_input(html), placed.image[0])


def test_the_page_opens_with_the_best_run_of_each_network(store: Store) -> None:
    at = opened("draw")
    assert at.multiselect[0].value == drawing_predictions.most_accurate_numbers(store.runs())
    assert set(at.multiselect[0].value) == {1, 2}
    html = answers_sent(at)["html"]
    assert {number: answer for number, (answer, _) in cards(html).items()} == {1: None, 2: None}
    assert not network_input(html).any()


def test_a_cleared_pad_has_no_prediction_and_an_empty_choice_has_a_message(store: Store) -> None:
    at = opened("draw", runs="1")
    assert cards(put(at, a_drawing(4)))[1][0] is not None
    assert cards(put(at, None, seq=2))[1][0] is None
    at.multiselect[0].set_value([]).run()
    assert not at.exception
    assert len(at.info) == 1


def test_of_too_many_networks_the_first_ones_answer(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "MOST_NETWORKS", 2)
    at = opened("draw", runs=["3", "1", "2"])
    assert list(cards(answers_sent(at)["html"])) == list(cards(put(at, a_drawing(1)))) == [3, 1]
    assert "The first 2 of these 3" in texts(at)
    assert "The first" not in texts(opened("draw", runs=["1", "2"]))


def test_an_unknown_or_deleted_run_in_the_link_is_left_out(store: Store) -> None:
    store.delete([store.find("2").id])
    at = opened("draw", runs=["2", "99", "nonsense", "1"])
    assert list(cards(answers_sent(at)["html"])) == list(cards(put(at, a_drawing(1)))) == [1]


def test_runs_without_a_network_and_damaged_ones_say_so_beside_the_others(store: Store) -> None:
    waiting = store.enqueue(RunConfig(dataset="mnist-5k"))
    stopped = store.enqueue(RunConfig(dataset="mnist-5k"))
    store.request(stopped.id, "stop")
    run = store.find("2")
    path = store.folder(run.id) / trained.chosen_checkpoint(store, run).path
    path.write_bytes(path.read_bytes()[:100])
    html = put(opened("draw", runs=["1", "2", str(waiting.number), str(stopped.number)]), a_drawing(0))
    by_number = cards(html)
    assert by_number[1][0] is not None
    assert [by_number[number][0] for number in (2, waiting.number, stopped.number)] == [None] * 3
    assert path.name in problem(html, 2)
    assert f"#{waiting.number}" in problem(html, waiting.number)
    assert problem(html, stopped.number) == drawing_predictions._NO_NETWORK.format(state="stopped")


def test_a_network_whose_weights_are_not_numbers_predicts_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = np.full((1, 10), np.nan, dtype=np.float32)
    monkeypatch.setattr(trained.TrainedNetwork, "probabilities", lambda *_: nothing)
    html = put(opened("draw", runs="1"), a_drawing(1))
    assert cards(html)[1][0] is None
    assert problem(html, 1) == drawing_predictions._DIVERGED


def a_folder_run(store: Store, root: Path, bright: bool) -> Run:
    """A network trained on an image folder of digits, dark on bright or bright on dark."""
    splits = zip(("train", "test"), mnist_5k.read_mnist_5k(), (400, 50), strict=True)
    for split, (images, labels), count in splits:
        for index in range(0, len(images), len(images) // count):
            path = root / split / str(labels[index]) / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(255 - images[index, 0] if bright else images[index, 0]).save(path)
    config = RunConfig(architecture="softmax", dataset="folder", folder=str(root), folder_size=28, validation_images=0)
    return trained_run(store, config.replace(epochs=8, batch_size=16))


def test_a_network_that_learned_dark_on_bright_gets_drawings_inverted(store: Store, tmp_path: Path) -> None:
    bright, dark = (a_folder_run(store, tmp_path / str(ground), ground) for ground in (True, False))
    assert bright.data is not None
    assert bright.data.ground == "bright"
    right = {bright.number: 0, dark.number: 0}
    at = opened("draw", runs=[str(bright.number), str(dark.number)])
    for digit in range(10):
        html = put(at, a_drawing(digit), seq=digit + 1)
        for number, (answer, _) in cards(html).items():
            right[number] += answer == str(digit)
    assert right[bright.number] >= right[dark.number] - 1
    assert right[dark.number] >= 7
    at = opened("draw", runs=str(bright.number))
    assert (network_input(answers_sent(at)["html"]) == 255).all(), (
        "an empty image has the ground of the training images"
    )
    html = put(at, a_drawing(7))
    assert "inverted" in html
    np.testing.assert_allclose(network_input(html), 255 - a_drawing(7)[::4, ::4], atol=60)
    assert "inverted" not in put(opened("draw", runs=str(dark.number)), a_drawing(7))
    paper = io.BytesIO()
    Image.fromarray(255 - a_drawing(7)).save(paper, "PNG")
    html = shown(uploaded(paper.getvalue(), "paper.png", runs=str(bright.number)))
    assert "inverted" not in html
    assert network_input(html)[0, 0] == 255


def test_a_folder_placed_like_mnist_gets_drawings_placed_like_that(store: Store, tmp_path: Path) -> None:
    run = a_folder_run(store, tmp_path / "digits", bright=True)
    small = np.zeros((112, 112), dtype=np.uint8)
    # The digit stands in a corner.
    small[60:88, 10:38] = a_drawing(7)[::4, ::4]
    html = put(opened("draw", runs=str(run.number)), small)
    placed = handwriting.place_drawing(small, (1, 28, 28), BOX_OF_20_BY_MASS, "bright")
    assert placed is not None
    np.testing.assert_array_equal(network_input(html), placed.image[0])
    assert cards(html)[run.number][0] == "7"


def test_a_run_whose_ground_was_not_recorded_gets_the_drawing_as_it_is_and_says_so(
    store: Store, tmp_path: Path
) -> None:
    run = a_folder_run(store, tmp_path / "digits", bright=True)
    with sqlite3.connect(store.root / "runs.db") as connection:
        connection.execute("UPDATE runs SET data = NULL WHERE id = ?", (run.id,))
    html = put(opened("draw", runs=str(run.number)), a_drawing(7))
    assert "inverted" in html
    assert network_input(html)[0, 0] == 0
    assert "inverted" not in put(opened("draw", runs="1"), a_drawing(7))


def test_a_drawing_with_a_thin_pen_is_reported_as_thickened(store: Store) -> None:
    line = np.zeros((112, 112), dtype=np.uint8)
    line[20:90, 55] = 255
    assert "thicker" in put(opened("draw", runs="1"), line)
    assert "thicker" not in put(opened("draw", runs="1"), a_drawing(0))


def photograph(digit: int) -> bytes:
    """The digit in dark ink on paper in uneven light, as JPEG."""
    strokes = np.zeros((320, 400), dtype=np.float32)
    strokes[100:212, 150:262] = a_drawing(digit) / 255
    light = np.linspace(150, 235, 400)[None, :] + np.random.default_rng(0).normal(0, 3, strokes.shape)
    pixels = np.clip(light * (1 - 0.75 * strokes), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def uploaded(content: bytes, name: str, runs: str = "1") -> AppTest:
    at = opened("draw", runs=runs, source="Upload")
    assert not at.exception
    return at.file_uploader[0].set_value((name, content, "image/jpeg")).run()


def test_an_uploaded_photograph_is_read_like_a_drawing(store: Store) -> None:
    html = shown(uploaded(photograph(7), "seven.jpg"))
    assert cards(html)[1][0] == "7"
    placed = handwriting.place_drawing(handwriting.read_picture(photograph(7)), (1, 28, 28), BOX_OF_20_BY_MASS)
    assert placed is not None
    np.testing.assert_array_equal(network_input(html), placed.image[0])


@pytest.mark.parametrize("size", [(1, 1), (9_000, 9_000)])
def test_a_file_that_cannot_be_used_as_a_picture_gives_a_message(store: Store, size: tuple[int, int]) -> None:
    buffer = io.BytesIO()
    Image.new("1", size).save(buffer, "PNG")
    content = buffer.getvalue() if size[0] > 1 else b"\x89PNG\r\n\x1a\nrubbish"
    at = uploaded(content, "digit.png")
    assert cards(shown(at))[1][0] is None
    assert len(at.error) == 1


def test_an_empty_sheet_gives_a_warning_and_a_broken_file_an_error(store: Store) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (200, 200), "white").save(buffer, "PNG")
    at = uploaded(buffer.getvalue(), "sheet.png")
    assert cards(shown(at))[1][0] is None
    assert not at.error
    assert len(at.warning) == 1


def test_without_a_network_one_is_trained_and_the_page_goes_on(
    own_lab: Path, quiet: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = RunConfig.parse(FIVE_HUNDRED | {"architecture": "softmax", "epochs": 1})
    assert first_network._SMALL.dataset == "mnist-5k"
    monkeypatch.setattr(first_network, "_SMALL", quick)
    at = opened("draw")
    assert len(at.info) == 1
    at.button(key="first-network").click().run()
    assert quiet.woken == 1
    store = Store.open(own_lab)
    (run,) = store.runs()
    assert (run.state, run.config) == ("queued", quick), "MNIST is missing, so it learns from mnist-5k"
    assert not at.button, "a second first network makes no sense"
    claimed = store.claim()
    assert claimed is not None
    events = work(store, claimed)
    while not store.run(run.id).step:
        next(events)
    at.run()
    assert 0 < at.get("progress")[0].proto.value <= 100
    for _ in events:
        pass
    at.run()
    assert at.multiselect[0].value == [run.number]
    assert cards(put(at, a_drawing(6)))[run.number][0] is not None


def test_a_failed_first_run_is_explained_and_another_offered(own_lab: Path) -> None:
    store = Store.open(own_lab)
    run = store.enqueue(RunConfig(), claimed=True)
    store.finish(run, "failed", "The disk is full.")
    at = opened("draw")
    assert "The disk is full." in at.warning[0].value
    assert not at.button(key="first-network").disabled


def test_digits_come_before_other_data_sets_and_one_run_a_network() -> None:
    cnn, mlp = RunConfig(architecture="lenet-5"), RunConfig(architecture="mlp-300")
    runs = [
        numbered(1, config=cnn, validation_accuracy=0.97),
        numbered(2, config=cnn, validation_accuracy=0.98),
        numbered(3, config=mlp, test_accuracy=0.95),
        numbered(4, config=cnn, dataset="kmnist", validation_accuracy=0.99),
        numbered(5, config=RunConfig(architecture="softmax"), epoch=0, validation_accuracy=1.0),
    ]
    assert drawing_predictions.most_accurate_numbers(runs) == [2, 3]
    assert drawing_predictions.most_accurate_numbers(runs[3:]) == [4]
    assert drawing_predictions.most_accurate_numbers(runs[4:]) == []
