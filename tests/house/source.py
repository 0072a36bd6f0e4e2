"""What the guards of the house look at: our files, as git knows them."""

import ast
import functools
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from apps.config.database import ROOT


@functools.cache
def tracked() -> tuple[Path, ...]:
    """Every file of the project, those not yet committed included."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split("\n")
    paths = [ROOT / name for name in listed if name]
    if not paths:  # an unpacked archive
        paths = [
            path
            for folder in ("apps", "tests", "templates", "static", "fixtures", "docs")
            for path in (ROOT / folder).rglob("*")
        ]
    return tuple(path for path in paths if path.is_file() and "__pycache__" not in path.parts)


def modules(*folders: str) -> list[Path]:
    """Python files below these folders, migrations left out."""
    roots = [ROOT / folder for folder in folders or ("apps",)]
    return [
        path
        for path in tracked()
        if path.suffix == ".py" and "migrations" not in path.parts and any(path.is_relative_to(root) for root in roots)
    ]


def name(path: Path) -> str:
    """The path as one writes it."""
    return str(path.relative_to(ROOT))


@functools.cache
def tree(path: Path) -> ast.Module:
    """The parsed module."""
    return ast.parse(path.read_text(), str(path))


def definitions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a module."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def nothing(found: Iterable[object]) -> None:
    """Fail with every place on a line of its own."""
    rows = [str(row) for row in found]
    assert not rows, "\n" + "\n".join(rows)
