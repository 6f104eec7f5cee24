"""In a real browser: a long run is smoothed alike on Train, opened again and while it learns, and on Compare."""

import json
from statistics import median
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, Response, expect

from mnist_core.config.run_config import RunConfig
from mnist_core.events import EpochEnd, StepEnd
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from tests.e2e.messages import frames_of, sizes_of_charts

pytestmark = pytest.mark.browser
SMOOTHING, PER_EPOCH, STEPS = 0.9, 500, 2500

# Role, kind, steps and values of each line of a panel.
_LINES = """plot => plot.lines.map(({ role, kind, x, y }) => [role, kind, [...x], [...y]])"""


def losses() -> np.ndarray:
    """Losses of batches: mostly near 1, about one in a hundred far above."""
    random = np.random.default_rng(0)
    return 1 + random.gamma(2, 0.02, STEPS) + np.where(np.arange(STEPS) % 97 == 50, 20.0, 0)


def learn(store: Store, run: Run, first: int, last: int) -> None:
    """Record the steps as a worker does."""
    values = losses()
    events: list[Any] = []
    for step in range(first, last + 1):
        epoch = (step - 1) // PER_EPOCH + 1
        loss = float(values[step - 1])
        events.append(StepEnd(step, epoch, loss, 1 / loss, 0.001, 1000, step / 25))
        if step % PER_EPOCH == 0:
            events.append(EpochEnd(step, epoch, loss, 1 / loss, loss / 2, 0.9, True, step / 25))
    store.record(run, events)


def expected() -> dict[int, float]:
    """The smoothed loss by its step, value by value."""
    mean = weight = 0.0
    curves = {}
    for step, value in enumerate(losses(), 1):
        mean, weight = SMOOTHING * mean + (1 - SMOOTHING) * value, SMOOTHING * weight + 1 - SMOOTHING
        curves[step] = mean / weight
    return curves


def smoothed_loss(page: Page) -> dict[int, float]:
    """The bold training curve of the chart: value by step."""
    lines = page.locator(".curve-chart .plot").first.evaluate(_LINES)
    (curve,) = [(x, y) for role, kind, x, y in lines if (role, kind) == ("curve", "training loss")]
    return {round(step): value for step, value in zip(*curve, strict=True)}


@pytest.mark.long
def test_train_draws_its_curves_without_plotly(serve, page: Page) -> None:
    store = Store.open()
    run = store.enqueue(RunConfig(dataset="mnist-5k", architecture="softmax", epochs=5), claimed=True)
    store.describe(run, steps_per_epoch=PER_EPOCH, train_images=PER_EPOCH * 64)
    learn(store, run, 1, 20)
    store.finish(run, "finished")
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url.rpartition("/")[2]))
    url = serve()
    for view, drawn in (("Network", ".data-table .head"), ("Training", ".curve-chart[data-last-step='20']")):
        page.goto(f"{url}/train?view={view}&runs={run.number}")
        page.locator(drawn).first.wait_for(timeout=60_000)
    assert "curves.js" in requested
    assert [name for name in requested if "plotly" in name.lower()] == []


@pytest.mark.long
def test_a_long_run_is_smoothed_alike_everywhere(serve, page: Page) -> None:
    store = Store.open()
    run = store.enqueue(RunConfig(dataset="mnist-5k", architecture="softmax", epochs=5), claimed=True)
    store.describe(run, steps_per_epoch=PER_EPOCH, train_images=PER_EPOCH * 64)
    learn(store, run, 1, 2000)
    url, received = serve(), frames_of(page)
    page.goto(f"{url}/train?view=Training&runs={run.number}&smoothing={SMOOTHING}")
    chart = page.locator(".curve-chart")
    expect(chart).to_have_attribute("data-last-step", "2000")
    history = max(sizes_of_charts(received))
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer) if answer.url.endswith("/followed-runs") else None)
    for step in range(2001, STEPS, 20):
        learn(store, run, step, step + 19)
        page.wait_for_timeout(100)
    expect(chart).to_have_attribute("data-last-step", str(STEPS))
    messages = [answer.json().get("messages", {}) for answer in answers]
    updates = [len(json.dumps(message["curves"])) for message in messages if "curves" in message]
    assert median(updates) < history / 3
    values = expected()
    live = smoothed_loss(page)
    assert 250 < len(live) <= 500
    assert max(live) == STEPS
    assert live == pytest.approx({step: values[step] for step in live}, rel=2e-4)

    store.finish(run, "finished")
    page.reload()
    expect(chart).to_have_attribute("data-last-step", str(STEPS))
    opened = smoothed_loss(page)
    assert opened == pytest.approx({step: values[step] for step in opened}, rel=1e-4)

    page.goto(f"{url}/compare?runs={run.number}&look=Curves&smoothing={SMOOTHING}")
    expect(page.locator(".curve-chart[data-lines]")).to_be_visible()
    compared = smoothed_loss(page)
    shared = compared.keys() & opened.keys()
    assert len(shared) > 100
    assert {step: opened[step] for step in shared} == pytest.approx({step: compared[step] for step in shared}, rel=1e-4)
