"""The command line of luck: run, list, show, stop, resume, delete."""

import json
from typing import Annotated, Any

import typer

from mnist_core import luck
from mnist_core.commands.exit_codes import exit_code
from mnist_core.commands.flags import number_option, whole_number_option, with_config_flags
from mnist_core.commands.tables import print_table
from mnist_core.config import EPOCH_CHOICE_LABELS, MOST_LUCK_SEEDS, RunConfig
from mnist_core.jobs import follow_all, interruptible, with_dead_runs_ended
from mnist_core.luck import LuckGroup
from mnist_core.store import Store
from mnist_core.text import one_line

luck_app = typer.Typer(
    no_args_is_help=True,
    help="How much of a result is luck? Trains one network with up to 200 seeds and shows how they scatter.",
)

_As_json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
_GROUP = typer.Argument(help="Name, id, or the beginning of an id.")


def _run(seeds: int, figure: float | None, figure_name: str, name: str, as_json: bool, **values: Any) -> None:
    """Train one network with many seeds; the other flags say what all of them share."""
    share = None if figure is None else figure / 100
    store = Store.open()
    _train(store, luck.start_group(store, RunConfig.parse(values), seeds, share, figure_name, name), as_json)


@luck_app.command("list")
def list_groups(as_json: _As_json = False) -> None:
    """List the questions of luck, newest first."""
    every = luck.groups(with_dead_runs_ended(Store.open()))
    if as_json:
        print(json.dumps([_summary(group) for group in every], indent=2))
        return
    rows = []
    for group in every:
        facts = group.facts
        values = (facts.mean, facts.lowest, facts.highest) if group.accuracies else ()
        numbers = [f"{value:.2%}" for value in values] or ["-"] * 3
        rows.append((group.id, one_line(group.name), str(group.seeds), str(len(group.scores)), group.state, *numbers))
    if rows:
        print_table(("id", "name", "seeds", "done", "state", "mean", "lowest", "highest"), rows, folded="name")
    else:
        print("no questions of luck yet; `python -m mnist_core luck run --architecture linear-10 --epochs 1` asks one")


@luck_app.command("show")
def show_group(group: Annotated[str, _GROUP], as_json: _As_json = False) -> None:
    """Show how the seeds scatter, as far as they are trained."""
    _report(luck.find_group(with_dead_runs_ended(Store.open()), group), as_json)


@luck_app.command("stop")
def stop_training(group: Annotated[str, _GROUP]) -> None:
    """Stop training; the seeds that are done stay."""
    store = with_dead_runs_ended(Store.open())
    luck.stop_group(store, luck.find_group(store, group))
    print("asked to stop")


@luck_app.command("resume")
def resume_training(group: Annotated[str, _GROUP], as_json: _As_json = False) -> None:
    """Train the seeds that are missing."""
    store = with_dead_runs_ended(Store.open())
    asked = luck.find_group(store, group)
    luck.resume_group(store, asked)
    _train(store, asked.id, as_json)


@luck_app.command("delete")
def delete_seeds(group: Annotated[str, _GROUP]) -> None:
    """Delete a question with all that its seeds came to."""
    store = with_dead_runs_ended(Store.open())
    asked = luck.find_group(store, group)
    luck.delete_group(store, asked)
    print(f"deleted: {one_line(asked.name)}")


def _train(store: Store, group_id: str, as_json: bool) -> None:
    parts = [part for part in luck.load_group(store, group_id).parts if part.active]
    with interruptible() as interrupt:
        if parts:
            follow_all(store, parts, interrupt, as_json, f"luck resume {group_id}")
    group = luck.load_group(store, group_id)
    _report(group, as_json)
    if group.state not in ("finished", "stopped", "paused"):
        raise typer.Exit(exit_code(interrupt))


def _report(group: LuckGroup, as_json: bool) -> None:
    """Print what the seeds tell, or everything as JSON."""
    if as_json:
        scores = [score.model_dump(mode="json") for score in group.scores]
        print(json.dumps(_summary(group) | {"scores": scores}, indent=2))
        return
    print(f"{one_line(group.name)} ({group.id})")
    print(f"{len(group.scores)} of {group.seeds} seeds, {group.state}, {group.seconds:.0f} s of computing")
    for line in [*group.sentences(), *group.notes, group.damage]:
        if line:
            print(one_line(line))


def _summary(group: LuckGroup) -> dict[str, Any]:
    return {
        "id": group.id,
        "name": group.name,
        "seeds": group.seeds,
        "done": len(group.scores),
        "diverged": group.diverged,
        "state": group.state,
        "seconds": group.seconds,
        "test_images": group.test_images,
        "chosen_on": EPOCH_CHOICE_LABELS[group.config.choose_on],
        "figure": group.figure,
        "figure_name": group.figure_name,
        "config": group.config.model_dump(mode="json"),
        "sentences": group.sentences(),
    }


luck_app.command("run")(
    with_config_flags(
        _run,
        [
            (
                "seeds",
                MOST_LUCK_SEEDS,
                Annotated[int, whole_number_option("How many seeds, from --seed on.", low=2, high=MOST_LUCK_SEEDS)],
            ),
            (
                "figure",
                None,
                Annotated[
                    float | None, number_option("An accuracy in percent to find among those of the seeds.", low=0)
                ],
            ),
            ("figure_name", "", Annotated[str, typer.Option(help="Where that accuracy comes from.")]),
            ("name", "", Annotated[str, typer.Option(help="A name for the question.")]),
            ("as_json", False, _As_json),
        ],
    )
)
