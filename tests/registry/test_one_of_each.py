"""What one file or room owns is written in no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# By pattern, the files or folders that may hold it.
OWNERS = {
    # Whether runs and architectures differ.
    r"\b(pair_verdict|group_verdict|all_pairs|group_pairs|indistinguishable)\(": ["mnist_core/analysis"],
    r"\bread_parquet\(": ["mnist_core/analysis/predictions.py"],
    r"\bload_split\(": [
        "mnist_core/analysis/predictions.py",
        "mnist_core/api.py",
        "mnist_core/report/content.py",
        "dashboard/controls/run_predictions.py",
    ],
    r"data:image/png": ["mnist_core/plots/images.py"],
    r"\.save\([^)]*\"PNG\"": ["mnist_core/plots/images.py"],
    r"class='class-bars": ["dashboard/controls/class_bars.py"],
    # One sixth of the training images is held out.
    r"// 6\b": [],
    # Lengths of dashes.
    r"[\"']dashdot[\"']:": ["mnist_core/plots/style.py"],
    r"add_heatmap\(\n\s+z=shares": ["mnist_core/plots/confusion.py"],
    r"\b0\.975\b|\b1\.96\b": [],
    r"\bTimeRemainingColumn\(": ["mnist_core/jobs/following.py"],
    r"[\"']threads[\"']": ["mnist_core/config/run_config.py"],
}


def sources() -> Iterator[tuple[str, str]]:
    """Path below the repository, and text, of each Python file of the package and the app."""
    for folder in ("mnist_core", "dashboard", "pages"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


@pytest.mark.parametrize("pattern", OWNERS)
def test_is_written_by_its_owner_only(pattern: str) -> None:
    files = {name for name, text in sources() if re.search(pattern, text)}
    strays = {
        name for name in files if not any(name == owner or name.startswith(f"{owner}/") for owner in OWNERS[pattern])
    }
    assert not strays
    assert bool(files) == bool(OWNERS[pattern]), "a pattern that matches nothing proves nothing"


def test_what_is_kept_of_a_run_is_kept_by_the_one_decorator() -> None:
    kept = 0
    for name, text in sources():
        for function in ast.walk(ast.parse(text)):
            if not isinstance(function, ast.FunctionDef):
                continue
            decorators = " ".join(map(ast.unparse, function.decorator_list))
            kept += "cached_by_run" in decorators
            if "st.cache_" in decorators:
                arguments = {argument.arg for argument in function.args.args}
                kinds = " ".join(
                    ast.unparse(argument.annotation) for argument in function.args.args if argument.annotation
                )
                assert not arguments & {"run", "run_id", "runs", "state_of_run", "step"}, f"{name}: {function.name}"
                assert not re.search(r"\b(Run|Predictions)\b", kinds), f"{name}: {function.name}"
    assert kept > 10
