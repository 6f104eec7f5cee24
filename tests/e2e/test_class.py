"""In real browsers: a teacher with a class. What students see, a vote, a race, the league, and a view that is sent."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from mnist_core.store import read_people, read_poll, read_votes
from mnist_core.store.store import Store
from tests.app_process import wait_until
from tests.e2e.class_windows import enter_class

pytestmark = [pytest.mark.browser, pytest.mark.long]
TINY = "dataset=mnist-5k&train_images=300&validation_images=100&epochs=1"


@pytest.fixture
def enter(serve, own_lab: Path, browser: Browser) -> Callable[[str], Page]:
    """A window of its own for each person: `enter("")` is the teacher's, `enter(name)` a student's."""
    url = serve(env={"MNIST_LAB_ACCESS": "on"})
    return lambda name: enter_class(browser, url, own_lab, name)


def start_run(page: Page, network: str) -> None:
    page.goto(f"/train?{TINY}&architecture={network}")
    page.get_by_role("button", name="Start training").click()


def test_a_class_trains_votes_races_and_is_shown_a_view(enter: Callable[[str], Page]) -> None:
    teacher, anna, ben = enter(""), enter("Anna"), enter("Ben <b>")
    for page, network in ((anna, "mlp-10"), (ben, "softmax")):
        start_run(page, network)
    store = Store.open()
    wait_until(lambda: [run.state for run in store.runs()] == ["finished"] * 2)
    owners = {person.id: person.name for person in read_people(store, "student")}
    by_name = {owners[run.owner or ""]: run for run in store.runs()}
    assert by_name["Anna"].config.architecture == "mlp-10"

    # A student sees own runs, and changes nothing of another's.
    anna.goto(f"/compare?runs={by_name['Ben <b>'].number}&table=true")
    expect(anna.locator(".data-table").first).to_contain_text("mlp-10")
    expect(anna.locator(".data-table").first).not_to_contain_text("softmax")
    anna.goto(f"/train?runs={by_name['Ben <b>'].number}")
    expect(anna.locator(f".st-key-run-{by_name['Ben <b>'].number}")).to_have_count(0)

    # A vote on a race, which the teacher starts.
    teacher.goto(f"/train?{TINY}&architecture=softmax&architecture=mlp-10")
    teacher.get_by_role("button", name="Let the class vote").click()
    expect(teacher).to_have_url(re.compile("/class"))
    for page, place in ((anna, 0), (ben, 1)):
        page.goto("/class?part=Vote")
        page.get_by_role("button", name="This one").nth(place).click()
        expect(page.get_by_role("button", name="Your vote")).to_have_count(1)
        expect(page.get_by_role("button", name="Start the race")).to_have_count(0)
    poll = read_poll(store)
    assert poll
    assert {owners[person]: choice for person, choice in read_votes(store, poll.id).items()} == {
        "Anna": 0,
        "Ben <b>": 1,
    }
    teacher.get_by_role("button", name="Start the race").click()
    wait_until(lambda: [run.state for run in store.runs()] == ["finished"] * 4)
    expect(anna.locator(".odds li")).to_have_count(2)
    expect(anna.get_by_text(re.compile("were right|None of the"))).to_be_visible()

    # The league has a row for each person and the teacher; names are text.
    teacher.goto("/class")
    table = teacher.locator(".data-table")
    for name in ("Anna", "Ben <b>", "Teacher"):
        expect(table).to_contain_text(name)
    # Until a student without a name has come, everyone in the list has one.
    teacher.goto("/class?part=People")
    expect(teacher.locator(".data-table").first).to_contain_text("Ben <b>")

    # What the teacher sends opens on every device, with the runs.
    both = "&".join(f"runs={run.number}" for run in by_name.values())
    teacher.goto(f"/compare?{both}&look=Curves")
    teacher.get_by_role("button", name="Everyone look at this").click()
    for page in (anna, ben):
        expect(page).to_have_url(re.compile("compare.*look=Curves"))
        expect(page.locator(".st-key-rail")).to_contain_text("mlp-10")
        expect(page.locator(".st-key-rail")).to_contain_text("softmax")
    # A page that an earlier view has opened begins after the next one was sent, and opens that.
    teacher.goto("/data?dataset=mnist-5k")
    teacher.get_by_role("button", name="Everyone look at this").click()
    for page in (anna, ben):
        expect(page).to_have_url(re.compile(r"/data\?dataset=mnist-5k$"))
    anna.goto("/compare?sent=earlier")
    expect(anna).to_have_url(re.compile(r"/data\?dataset=mnist-5k$"))
