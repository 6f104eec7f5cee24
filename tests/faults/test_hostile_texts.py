"""Texts in an imported archive never become code or markup: not in the script, the report, or any other file."""

import ast
import csv
import io
import json
import tokenize
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mnist_core.config.device import Device
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import MnistLabError
from mnist_core.export import curve_tables, formats, tensorboard
from mnist_core.export.archive import archive
from mnist_core.export.script.script import script_of_run
from mnist_core.report.page import report_html
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from mnist_core.studies.reporting import report_markdown
from tests.faults.hostile_archives import Members, checkpoint, packed, rewritten, signed
from tests.labs import trained_run

SMALL = RunConfig(dataset="mnist-5k", train_images=100, architecture="flatten linear(classes)", epochs=1, device="cpu")
TEXTS = [
    '1"""\nimport os; os.system("touch /tmp/hostile")\n"""',
    "1'''\r\nimport os #\x0c\u2028os.system('x')\x85'''\\",
    '\\"""\\\\"""+__import__("os").system("x")+"""\\',
    "SHIFT DATA / gzip. F. Image. Path( STEP_EPOCHS\n# $title ${title} %s {config}",
    "</script><script>alert(1)</script><img src=x onerror=alert(1)> ![](http://x.test/a.png) | `|` [a](http://x.test)",
    '=HYPERLINK("http://x.test")\u202e\u0000\ud800',
]


def innocent_run(store: Store, config: RunConfig) -> Run:
    run = trained_run(store, config, "innocent", ["a tag"])
    assert run.state == "finished", run.note
    return run


@pytest.fixture(scope="module")
def origins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Members]:
    """Archives of one run for each kind of run whose exported script differs."""
    folder = tmp_path_factory.mktemp("origins")
    random = np.random.default_rng(0)
    for split, count in (("train", 12), ("test", 3)):
        for name in ("a", "b"):
            (folder / "pictures" / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 255, (10, 10), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / "pictures" / split / name / f"{number}.png")
    store = Store.open(folder / "lab")
    pictures = RunConfig(
        dataset="folder",
        folder=str(folder / "pictures"),
        folder_size=8,
        epochs=1,
        batch_size=8,
        device="cpu",
        architecture="flatten linear(classes)",
    )
    configs = {
        "mnist-5k": SMALL,
        "folder": pictures,
        "initial weights": SMALL.replace(initial_weights="softmax", architecture="flatten linear(20) linear(classes)"),
        "scikit-learn": SMALL.replace(library="sklearn", epochs=3),
    }
    runs = {}
    for name, config in configs.items():
        run = innocent_run(store, config)
        formats.write_export(store, run, "zip", folder / "run.zip")
        with zipfile.ZipFile(folder / "run.zip") as whole:
            runs[name] = {member: whole.read(member) for member in whole.namelist()}
    return runs


def imported(members: Members, folder: Path) -> tuple[Store, Run] | None:
    """The only run of the store in this folder, from an archive, or None where the archive is refused."""
    store = Store.open(folder)
    store.delete([run.id for run in store.runs()])
    store.purge(float("inf"))
    try:
        return store, archive.read_archive(store, packed(members, folder / "x.zip"))
    except MnistLabError:
        return None


def exported(members: Members, folder: Path) -> str | None:
    """The script of an archive's run, or None where the archive or its export is refused."""
    run = imported(members, folder)
    try:
        return None if run is None else script_of_run(*run)
    except MnistLabError:
        return None


def shape_of(code: str) -> tuple[str, list[str]]:
    """The script's syntax tree with every literal replaced by its type, and its remarks."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            node.value = type(node.value).__name__
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    return ast.dump(tree), [token.string for token in tokens if token.type == tokenize.COMMENT]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of every text in a value of JSON; the key of a text, or of a package's versions, ends with "key"."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*path, index))
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from places(item, (*path, name))
            if path and (isinstance(item, str) or path == ("versions",)):
                yield (*path, name, "key")


def changed(value: Any, path: tuple[Any, ...], text: str) -> Any:
    """A copy of the value with the text at this path."""
    if not path:
        return text
    head, *rest = path
    if rest == ["key"]:
        return {text if name == head else name: item for name, item in value.items()}
    copied = list(value) if isinstance(value, list) else dict(value)
    copied[head] = changed(value[head], tuple(rest), text)
    return copied


def metadata(members: Members) -> dict[str, Any]:
    content = members[checkpoint(members)]
    return json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]


def hostile(members: Members, text: str) -> Iterator[tuple[str, Members]]:
    """The archive with the text in one place, for each place of each of its files that holds a text."""
    for name in ("run.json", "config.json", "manifest.json"):
        value = json.loads(members[name])
        for path in places({key: item for key, item in value.items() if key != "members"}):
            content = json.dumps(changed(value, path, text)).encode()
            whole = members | {name: content}
            yield f"{name}: {path}", whole if name == "manifest.json" else signed(whole)
    for key, content in metadata(members).items():
        # The metadata are UTF-8, which cannot hold a lone surrogate.
        whole = text.encode(errors="replace").decode()
        yield f"metadata: {key}", rewritten(members, **{key: whole})
        if content.startswith("{"):
            value = json.loads(content)
            for path in places(value):
                yield f"metadata: {key} {path}", rewritten(members, **{key: json.dumps(changed(value, path, text))})


def everywhere(members: Members, text: str) -> Members:
    """The archive with the text in every field that can hold any text, all at once."""
    run, config = (json.loads(members[name]) for name in ("run.json", "config.json"))
    run |= {"name": text[:200], "note": text, "tags": [text]}
    run["devices"] = [{"kind": "cpu", "name": text[:200], "vectors": text[:200], "threads": 1}]
    run["versions"] = {"torch": [text], text: [text, text], "mnist-lab": [text]}
    config["folder"] = text
    files = {"run.json": json.dumps(run).encode(), "config.json": json.dumps(config).encode()}
    return signed(members | files)


def test_no_text_of_an_archive_changes_the_code_of_its_script(origins: dict[str, Members], tmp_path: Path) -> None:
    innocent = exported(origins["mnist-5k"], tmp_path / "innocent")
    assert innocent
    outcomes: dict[str, str] = {}
    for text in (TEXTS[0], TEXTS[-1]):
        for name, members in hostile(origins["mnist-5k"], text):
            code = exported(members, tmp_path / "hostile")
            if code is None:
                outcomes.setdefault(name, "refused")
                continue
            outcomes[name] = "exported"
            assert shape_of(code) == shape_of(innocent), (name, text)
    assert len(outcomes) > 50
    free = [
        ("name",),
        ("note",),
        ("tags", 0),
        ("devices", 0, "name"),
        ("versions", "torch", 0),
        ("versions", "torch", "key"),
    ]
    accepted = {name for name, outcome in outcomes.items() if outcome == "exported"}
    assert accepted >= {"config.json: ('folder',)", *(f"run.json: {path}" for path in free)}
    assert outcomes["config.json: ('architecture',)"] == "refused"


@pytest.mark.parametrize("kind", ["mnist-5k", "folder", "initial weights", "scikit-learn"])
@pytest.mark.parametrize("text", TEXTS[:4], ids=["quotes", "line ends", "backslashes", "names"])
def test_neither_does_one_in_every_place_at_once(
    origins: dict[str, Members], tmp_path: Path, kind: str, text: str
) -> None:
    innocent, code = (
        exported(members, tmp_path / name)
        for name, members in (("innocent", origins[kind]), ("hostile", everywhere(origins[kind], text)))
    )
    assert innocent
    assert code
    assert shape_of(code) == shape_of(innocent)
    literals = [node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant)]
    # The path of the folder itself, letter by letter.
    assert (text in literals) == (kind == "folder")


class Tags(HTMLParser):
    """The elements of a page with the names of their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))


def test_no_text_becomes_an_element_of_the_report(origins: dict[str, Members], tmp_path: Path) -> None:
    pages = []
    for number, text in enumerate(["innocent", TEXTS[4], TEXTS[0]]):
        run = imported(everywhere(origins["mnist-5k"], text), tmp_path / str(number))
        assert run
        pages.append(Tags(report_html(run[0], [run[1]])).found)
    assert pages[1] == pages[2] == pages[0]


def test_no_text_leaves_its_cell_in_other_files(origins: dict[str, Members], tmp_path: Path) -> None:
    for text in TEXTS[:5]:
        imported_run = imported(everywhere(origins["mnist-5k"], text), tmp_path / "hostile")
        assert imported_run
        store, run = imported_run
        curve_tables.write_curves_csv(store, [run], tmp_path / "curves.csv")
        assert names_in(tmp_path / "curves.csv") == {run.name}
        settings = tensorboard._settings(run).splitlines()
        assert len(settings) == 4 + len(RunConfig.model_fields)
        assert {line.count("|") for line in settings[3:]} == {3}
        assert {line.count("`") for line in settings[4:]} == {2}


def names_in(path: Path) -> set[str]:
    rows = list(csv.reader(path.read_text().splitlines()))
    return {row[1] for row in rows[1:]}


def test_a_name_that_reads_like_a_formula_is_none_in_a_spreadsheet(store_of_one: tuple[Store, Run], tmp_path: Path):
    store, run = store_of_one
    for name in ("=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3"):
        store.rename(run.id, name)
        curve_tables.write_curves_csv(store, [store.run(run.id)], tmp_path / "curves.csv")
        assert names_in(tmp_path / "curves.csv") == {f"'{name}"}


@pytest.fixture
def store_of_one(tmp_path: Path) -> tuple[Store, Run]:
    store = Store.open(tmp_path / "one")
    return store, innocent_run(store, SMALL)


def test_the_report_of_the_studies_takes_no_markup_from_a_run(tmp_path: Path) -> None:
    from mnist_core.studies.catalogue import all_studies
    from mnist_core.studies.measurements import load_measurements
    from mnist_core.studies.planning import plan_runs

    store = Store.open(tmp_path / "lab")
    study = next(iter(all_studies().values()))
    run = store.enqueue(plan_runs(study)[0].config, claimed=True)
    device = Device(kind="cpu", name="cpu\n# Hacked")
    versions = {"torch": ["<script>x</script>\n# Hacked"], "a\n# Hacked": ["1"]}
    store.describe(run, devices=[device], versions=versions)
    store.finish(run, "finished", test_accuracy=0.9, test_loss=0.3)
    page = report_markdown({study.name: load_measurements(store, study)})
    assert "Hacked" in page
    assert "\n# Hacked" not in page
    assert "\n<script>" not in page.replace("\\<", "")
    assert "<script>" not in page.replace("\\<script\\>", "")
