"""The form of the source: modules import one another in one direction only."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import liafbench

PACKAGE = Path(liafbench.__file__).parent
PARTS = ("bench", "baselines")


def modules(root: Path) -> dict[str, Path]:
    """Names of all modules below the parts of a package, and their files."""
    found = {}
    for part in PARTS:
        for path in sorted((root / part).rglob("*.py")):
            words = (root.name, *path.relative_to(root).with_suffix("").parts)
            found[".".join(words).removesuffix(".__init__")] = path
    return found


def imported(path: Path, name: str, known: Mapping[str, Path]) -> set[str]:
    """The modules that a module imports when it is imported itself, or for its types."""
    found = set()
    for node in at_import(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        else:
            assert node.level == 0, f"{name} has a relative import"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            found.update(w if w in known else str(node.module) for w in whole)
    return found & set(known)


def at_import(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Import statements outside of functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from at_import(node)


def circle(root: Path) -> list[str]:
    """The modules of one circle of imports, or none."""
    known = modules(root)
    graph = {name: imported(path, name, known) - {name} for name, path in known.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_imports_form_no_circle() -> None:
    assert len(modules(PACKAGE)) > 100
    assert circle(PACKAGE) == []


@pytest.mark.parametrize(
    ("back", "closed"),
    [
        ("from house.bench import a", True),
        ("import house.bench.a", True),
        ("from house.bench.a import x", True),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import house.bench.a", True),
        ("def late():\n    import house.bench.a", False),
        ("from house.bench import other", False),
    ],
)
def test_a_circle_is_found(tmp_path: Path, back: str, closed: bool) -> None:
    folder = tmp_path / "house" / "bench"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "a.py").write_text("from house.bench.b import y\nx = 1\n")
    (folder / "b.py").write_text(f"{back}\ny = 1\n")
    assert set(circle(tmp_path / "house")) == (
        {"house.bench.a", "house.bench.b"} if closed else set()
    )
