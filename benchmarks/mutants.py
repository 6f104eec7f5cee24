"""Whether the tests notice small faults: mutants of the code, of which at least nine in ten should die.

    pip install -r requirements-mutants.txt
    python -m benchmarks.mutants [--seed 1] [--sample 200] [--rooms training store analysis data] [--processes 2]

cosmic-ray's operators change one thing at a time: a number, a comparison, a truth, a loop. Places in the code are drawn
at random, each with one of the changes that are possible there; the same seed draws the same ones, as far as the code
is the same.
First the tests that need neither a browser nor long run once, while coverage.py notes which lines each test executes.
Then each mutant is put into a copy of the repository, and the tests that execute the changed line run, the nearest and
quickest first, until one fails. Mutants that are listed in `benchmarks/mutants_equivalent.json` are set aside: they
change nothing that could be observed, for the reason that stands there. Survivors are printed as differences. --folder
keeps what was found, and the same command goes on from there.
"""

import argparse
import ast
import difflib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast  # pyright: ignore[reportMissingImports]
from cosmic_ray.mutating import mutate_code  # pyright: ignore[reportMissingImports]
from cosmic_ray.plugins import get_operator, operator_names  # pyright: ignore[reportMissingImports]
from coverage import CoverageData  # pyright: ignore[reportMissingImports]

from benchmarks.machine import describe_machine

ROOT = Path(__file__).resolve().parent.parent
EQUIVALENT = Path(__file__).with_name("mutants_equivalent.json")
ROOMS = ("training", "store", "analysis", "data")
_WHOLE_MODULE = range(1, 1_000_000)
# Tests of this many seconds run at most for one mutant.
_SECONDS = 30.0
# A test that hangs has noticed the mutant, too: it takes this many times as long as all that were chosen, and a minute.
_PATIENCE, _START_SECONDS = 4, 60
_CHOSEN = ["-m", "not long and not browser", "-p", "no:cacheprovider", "-q"]
# They need arguments: the names of variables.
_LEFT_OUT = ("core/VariableReplacer", "core/VariableInserter")


@dataclass(frozen=True)
class Mutant:
    """One changed place: the file, and the lines as they were and as they are."""

    path: str
    line: int
    before: str
    after: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What stays the same when lines above it come or go."""
        return self.path, self.before.strip(), self.after.strip()


@dataclass(frozen=True)
class Observed:
    """What the tests did when nothing was changed: those that execute each line of each file, and their durations."""

    lines: dict[str, dict[int, list[str]]]
    # Seconds by test; only tests that passed.
    seconds: dict[str, float]


def main() -> None:
    """Draw, test, and print how many died."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--rooms", nargs="+", default=list(ROOMS))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        _try_drawn(arguments, folder)


def _try_drawn(arguments: argparse.Namespace, folder: Path) -> None:
    reasons = {(path, before, after): why for path, before, after, why in json.loads(EQUIVALENT.read_text())}
    drawn = draw(arguments.rooms, arguments.sample, arguments.seed)
    aside = [mutant for mutant in drawn if mutant.key in reasons]
    results = folder / "results.json"
    killers = _read(results)
    left = [mutant for mutant in drawn if mutant.key not in reasons and mutant.key not in killers]
    for mutant, killer in try_all(left, arguments.processes, folder) if left else ():
        killers[mutant.key] = killer
        print(f"{'killed by ' + killer if killer else 'SURVIVED'}: {mutant.path}:{mutant.line}", flush=True)
        results.write_text(json.dumps([[*key, killer] for key, killer in killers.items()], indent=1))
    tried = [mutant for mutant in drawn if mutant.key in killers and mutant.key not in reasons]
    survivors = [mutant for mutant in tried if not killers[mutant.key]]
    for mutant in survivors:
        print(f"\n{mutant.path}:{mutant.line}\n- {mutant.before.strip()}\n+ {mutant.after.strip()}")
    died = len(tried) - len(survivors)
    print(f"\n{describe_machine()} seed {arguments.seed}")
    print(
        f"{died} of {len(tried)} mutants died ({died / max(1, len(tried)):.1%}); {len(aside)} set aside as equivalent"
    )


def draw(rooms: Sequence[str], count: int, seed: int) -> list[Mutant]:
    """`count` mutants of the rooms' modules, drawn with this seed, at most one of each place in the code.

    A place is drawn by a hash of its file and line, so that it is drawn again when other lines have changed.
    """

    def drawn(path: Path, lines: list[str], span: Any) -> str:
        (line, start), (_, end) = span
        text = f"{seed} {path.relative_to(ROOT)} {lines[line - 1].strip()} {start} {end}"
        return hashlib.sha256(text.encode()).hexdigest()

    places = []
    for path in (path for room in rooms for path in sorted((ROOT / "mnist_core" / room).rglob("*.py"))):
        lines = path.read_text().splitlines()
        places += [(drawn(path, lines, span), path, changes) for span, changes in sorted(_places(path).items())]
    mutants: list[Mutant] = []
    for number, path, changes in sorted(places):
        operator, occurrence = changes[int(number, 16) % len(changes)]
        mutant = _mutant(path, operator, occurrence)
        if mutant is not None:
            mutants.append(mutant)
        if len(mutants) == count:
            break
    return mutants


def _places(path: Path) -> dict[Any, list[tuple[str, int]]]:
    """The places in a file that can be changed, each with its possible changes: an operator and its occurrence."""
    source = path.read_text()
    nodes: list[Any] = list(ast_nodes(get_ast(source)))
    types = _annotations(ast.parse(source))
    places: dict[Any, list[tuple[str, int]]] = {}
    for name in operator_names():
        if name in _LEFT_OUT:
            continue
        operator = get_operator(name)()
        positions = [position for node in nodes for position in operator.mutation_positions(node)]
        for occurrence, (start, end) in enumerate(positions):
            if not any(first <= start and end <= last for first, last in types):
                places.setdefault((start, end), []).append((name, occurrence))
    return places


def _annotations(tree: ast.Module) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Beginning and end (line, column) of what only type checkers read."""
    nodes: list[ast.AST | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign):
            nodes.append(node.annotation)
        elif isinstance(node, ast.FunctionDef):
            nodes.append(node.returns)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            nodes.append(node)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript):
            # A name for a type, such as Literal["mean", "median"].
            nodes.append(node.value if ast.unparse(node.value.value) in ("Literal", "Annotated") else None)
    return [
        ((node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0))
        for node in nodes
        if isinstance(node, ast.expr | ast.stmt)
    ]


def _mutant(path: Path, operator: str, occurrence: int) -> Mutant | None:
    """The mutant, or None if the change cannot be compiled or gives the same program."""
    before, after = path.read_text(), _changed(path, operator, occurrence)
    try:
        if ast.dump(ast.parse(before)) == ast.dump(ast.parse(after)):
            return None
    except SyntaxError:
        return None
    matcher = difflib.SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    _, first, last, new_first, new_last = next(code for code in matcher.get_opcodes() if code[0] != "equal")
    old, new = before.splitlines()[first:last], after.splitlines()[new_first:new_last]
    return Mutant(str(path.relative_to(ROOT)), first + 1, "\n".join(old), "\n".join(new))


def _changed(path: Path, operator: str, occurrence: int) -> str:
    return mutate_code(path.read_text(), get_operator(operator)(), occurrence) or ""


def try_all(mutants: Sequence[Mutant], processes: int, folder: Path) -> Iterator[tuple[Mutant, str]]:
    """Each mutant with the test that noticed it, or "" if none did; `processes` at once, each in a copy of its own."""
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(processes) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(processes):
            copies.put(_copy(Path(temporary) / str(number)))
        first = copies.get()
        observed = observe(first, folder, processes)
        copies.put(first)

        def tried(mutant: Mutant) -> tuple[Mutant, str]:
            copy = copies.get()
            try:
                return mutant, _killer(mutant, copy, observed)
            finally:
                copies.put(copy)

        for done in as_completed([pool.submit(tried, mutant) for mutant in mutants]):
            yield done.result()


def observe(copy: Path, folder: Path, processes: int) -> Observed:
    """Run the tests once in this copy, unless `folder` holds what an earlier run saw."""
    seen, durations = folder / "coverage", folder / "durations.xml"
    if not seen.is_file():
        command = [sys.executable, "-m", "pytest", *_CHOSEN, "-n", str(processes), "--dist", "worksteal"]
        command += ["--cov=mnist_core", "--cov-context=test", "--cov-report=", f"--junitxml={durations.absolute()}"]
        surroundings = _surroundings() | {"COVERAGE_FILE": str(seen.absolute())}
        subprocess.run([*command, "tests"], cwd=copy, env=surroundings, check=False)
    seconds = {
        f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}": float(case.get("time", 0))
        for case in ET.parse(durations).iter("testcase")
        if not len(case)
    }
    data = CoverageData(str(seen))
    data.read()
    lines: dict[str, dict[int, list[str]]] = {}
    for file in data.measured_files():
        path = file[file.rindex("mnist_core/") :]
        lines[path] = {
            line: sorted({test.partition("|")[0] for test in tests})
            for line, tests in data.contexts_by_lineno(file).items()
        }
    # JUnit's names are those of pytest for nearly all tests.
    names = {test for tests in lines.values() for of_line in tests.values() for test in of_line}
    return Observed(lines, {test: duration for test, duration in seconds.items() if test in names})


def _copy(folder: Path) -> Path:
    """A copy of what belongs to the repository."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    return folder


def _killer(mutant: Mutant, copy: Path, observed: Observed) -> str:
    """The first test that fails with the mutant in this copy of the repository; "" if all pass."""
    path = copy / mutant.path
    original = path.read_text()
    tests = _tests(mutant, original, observed, copy)
    lines = original.splitlines(keepends=True)
    count = mutant.before.count("\n") + 1
    path.write_text("".join([*lines[: mutant.line - 1], mutant.after + "\n", *lines[mutant.line - 1 + count :]]))
    try:
        return _failing(tests, copy, sum(observed.seconds[test] for test in tests)) if tests else ""
    finally:
        path.write_text(original)


def _tests(mutant: Mutant, source: str, observed: Observed, copy: Path) -> list[str]:
    """Tests that execute the changed line, the nearest and quickest first, as many as take `_SECONDS`."""
    module = Path(mutant.path)
    lines = _lines(ast.parse(source), mutant.line)
    names = {test for line, tests in observed.lines.get(mutant.path, {}).items() if line in lines for test in tests}
    if lines == _WHOLE_MODULE:
        # A constant or a table has an effect on tests that execute no other line of its module.
        names |= {test for test in observed.seconds if _imports(copy / test.partition("::")[0], module)}

    def order(test: str) -> tuple[bool, bool, float]:
        name = test.partition("::")[0]
        near = name.startswith(f"tests/unit/{module.parts[1]}/")
        return not (near and module.stem in name), not near, observed.seconds[test]

    chosen, total = [], 0.0
    for test in sorted(names & observed.seconds.keys(), key=order):
        total += observed.seconds[test]
        if chosen and total > _SECONDS:
            break
        chosen.append(test)
    return chosen


@cache
def _imports(test: Path, module: Path) -> bool:
    """Whether the text of a test names the module, or it looks at all modules."""
    dotted = ".".join(module.with_suffix("").parts)
    room, _, name = dotted.rpartition(".")
    text = test.read_text()
    return any(part in text for part in (dotted, f"from {room} import {name}", "walk_packages(mnist_core"))


def _lines(tree: ast.Module, line: int) -> range:
    """The lines that show by being executed that the statement at this line had an effect.

    Of a statement in a function these are its own; of the head of a function, such as a default, those of its body. All
    else is executed at the import, whoever imports first, and then all lines of the module count.
    """
    function = statement = None
    for node in ast.walk(tree):
        if not isinstance(node, ast.stmt) or not node.lineno <= line <= (node.end_lineno or 0):
            continue
        # Inner nodes come after those around them.
        statement = node
        if isinstance(node, ast.FunctionDef) and line >= node.body[0].lineno:
            function = node
    if isinstance(statement, ast.FunctionDef):
        return range(statement.body[0].lineno, (statement.end_lineno or 0) + 1)
    if function is None or statement is None:
        return _WHOLE_MODULE
    last = statement.body[0].lineno - 1 if hasattr(statement, "body") else statement.end_lineno or 0  # pyright: ignore
    return range(statement.lineno, max(last, statement.lineno) + 1)


def _failing(tests: Sequence[str], copy: Path, seconds: float) -> str:
    """The first of these tests that fails, "" if all pass, "no end" if they take far longer than these seconds."""
    names = copy / "chosen.txt"
    names.write_text("\n".join(tests) + "\n")
    command = [sys.executable, "-m", "pytest", *_CHOSEN, "-x", "--tb=no", "-rfE", f"@{names}"]
    try:
        ended = subprocess.run(
            command,
            cwd=copy,
            env=_surroundings(),
            capture_output=True,
            text=True,
            timeout=_START_SECONDS + _PATIENCE * seconds,
        )
    except subprocess.TimeoutExpired:
        return "no end"
    if "ERROR: not found" in ended.stdout + ended.stderr:
        raise RuntimeError(f"a test is no longer there; remove the folder and begin anew:\n{ended.stderr}")
    failed = [line.split(" ", 1)[1] for line in ended.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return "" if ended.returncode == 0 else (failed or ["no test could begin"])[0]


def _surroundings() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def _read(results: Path) -> dict[tuple[str, str, str], str]:
    if not results.is_file():
        return {}
    return {(path, before, after): killer for path, before, after, killer in json.loads(results.read_text())}


if __name__ == "__main__":
    main()
