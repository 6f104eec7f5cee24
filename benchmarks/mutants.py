"""Whether the tests notice small faults: mutants of the code, of which at least nine in ten should die.

    pip install -r requirements-mutants.txt
    python -m benchmarks.mutants [--seed 1] [--sample 200] [--rooms training store analysis data] [--processes 2]

cosmic-ray's operators change one thing at a time: a number, a comparison, a truth, a loop. Places in the code are drawn
at random, each with one of the changes that are possible there; the same seed draws the same ones from the same code.
Each mutant is put into a copy of the repository, and the tests that are most likely to notice it run, the nearest
first, until one fails: those of the module, of its room, of everything else that names the module, and the oracles.
Mutants that are listed in `benchmarks/mutants_equivalent.json` are set aside: they change nothing that could be
observed, for the reason that stands there. Survivors are printed as differences. With --results a file of JSON keeps
what was found, and the same command goes on from there.
"""

import argparse
import ast
import contextlib
import difflib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast  # pyright: ignore[reportMissingImports]
from cosmic_ray.mutating import mutate_code  # pyright: ignore[reportMissingImports]
from cosmic_ray.plugins import get_operator, operator_names  # pyright: ignore[reportMissingImports]

from benchmarks.machine import describe_machine

ROOT = Path(__file__).resolve().parent.parent
EQUIVALENT = Path(__file__).with_name("mutants_equivalent.json")
ROOMS = ("training", "store", "analysis", "data")
# A test that hangs has noticed the mutant, too.
_SECONDS = 600
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


def main() -> None:
    """Draw, test, and print how many died."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--rooms", nargs="+", default=list(ROOMS))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--results", type=Path)
    arguments = parser.parse_args()
    reasons = {(path, before, after): why for path, before, after, why in json.loads(EQUIVALENT.read_text())}
    drawn = draw(arguments.rooms, arguments.sample, arguments.seed)
    aside = [mutant for mutant in drawn if mutant.key in reasons]
    killers = _read(arguments.results)
    left = [mutant for mutant in drawn if mutant.key not in reasons and mutant.key not in killers]
    for mutant, killer in try_all(left, arguments.processes):
        killers[mutant.key] = killer
        print(f"{'killed by ' + killer if killer else 'SURVIVED'}: {mutant.path}:{mutant.line}", flush=True)
        if arguments.results:
            arguments.results.write_text(json.dumps([[*key, killer] for key, killer in killers.items()], indent=1))
    tried = [mutant for mutant in drawn if mutant.key in killers]
    survivors = [mutant for mutant in tried if not killers[mutant.key]]
    for mutant in survivors:
        print(f"\n{mutant.path}:{mutant.line}\n- {mutant.before.strip()}\n+ {mutant.after.strip()}")
    died = len(tried) - len(survivors)
    print(f"\n{describe_machine()} seed {arguments.seed}")
    print(
        f"{died} of {len(tried)} mutants died ({died / max(1, len(tried)):.1%}); {len(aside)} set aside as equivalent"
    )


def draw(rooms: Sequence[str], count: int, seed: int) -> list[Mutant]:
    """`count` mutants of the rooms' modules, drawn with this seed, at most one of each place in the code."""
    generator = random.Random(seed)
    places = [
        (path, span, changes)
        for room in rooms
        for path in sorted((ROOT / "mnist_core" / room).rglob("*.py"))
        for span, changes in sorted(_places(path).items())
    ]
    generator.shuffle(places)
    mutants: list[Mutant] = []
    for path, _, changes in places:
        operator, occurrence = generator.choice(changes)
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


def try_all(mutants: Sequence[Mutant], processes: int) -> Iterator[tuple[Mutant, str]]:
    """Each mutant with the tests that noticed it, or "" if none did; `processes` at once, each in a copy of its own."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(processes) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(processes):
            copies.put(_copy(Path(folder) / str(number)))

        def tried(mutant: Mutant) -> tuple[Mutant, str]:
            copy = copies.get()
            try:
                return mutant, _killer(mutant, copy)
            finally:
                copies.put(copy)

        yield from pool.map(tried, mutants)


def _copy(folder: Path) -> Path:
    """A copy of what belongs to the repository."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    return folder


def _killer(mutant: Mutant, copy: Path) -> str:
    """The first tests that fail with the mutant in this copy of the repository; "" if all pass."""
    path = copy / mutant.path
    original = path.read_text()
    lines = original.splitlines(keepends=True)
    count = mutant.before.count("\n") + 1
    path.write_text("".join([*lines[: mutant.line - 1], mutant.after + "\n", *lines[mutant.line - 1 + count :]]))
    try:
        for tests in _tests(copy, Path(mutant.path)):
            if not _pass(tests, copy):
                return " ".join(tests[:3])
        return ""
    finally:
        path.write_text(original)


def _tests(copy: Path, module: Path) -> Iterator[list[str]]:
    """Groups of test files that may notice a change of the module, the most likely first, each file once."""
    room = module.parts[1]
    files = [path.relative_to(copy) for path in sorted((copy / "tests").rglob("test_*.py"))]
    in_process = [path for path in files if path.parts[1] in ("unit", "oracle", "registry", "app", "faults")]
    names = [path for path in in_process if _names(copy / path, module)]
    of_module = [path for path in names if path.parts[1:3] == ("unit", room) and module.stem in path.stem]
    done: set[Path] = set()
    for group in (
        of_module,
        [path for path in names if path.parts[1] == "unit"],
        [path for path in in_process if path.parts[1:3] == ("unit", room)],
        names,
        [path for path in in_process if path.parts[1] == "oracle"],
    ):
        fresh = [path for path in group if path not in done]
        done.update(fresh)
        if fresh:
            yield [str(path) for path in fresh]


def _names(test: Path, module: Path) -> bool:
    """Whether a test imports the module or something from it."""
    dotted = ".".join(module.with_suffix("").parts)
    room, _, name = dotted.rpartition(".")
    text = test.read_text()
    return dotted in text or f"from {room} import {name}" in text


def _pass(tests: Sequence[str], copy: Path) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not long and not browser", "-p", "no:cacheprovider"]
    surroundings = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    with contextlib.suppress(subprocess.TimeoutExpired):
        code = subprocess.run(
            [*command, *tests], cwd=copy, env=surroundings, capture_output=True, timeout=_SECONDS
        ).returncode
        # 5: none of these tests was chosen.
        return code in (0, 5)
    return False


def _read(results: Path | None) -> dict[tuple[str, str, str], str]:
    if results is None or not results.is_file():
        return {}
    return {(path, before, after): killer for path, before, after, killer in json.loads(results.read_text())}


if __name__ == "__main__":
    main()
