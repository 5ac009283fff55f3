"""No module needs, even for its types, one that needs it back; and that the reading finds what does."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "rocmswitch"


def circle(package: Path) -> list[str]:
    """The modules of one circle of imports below *package*, in their order; empty where there is none."""
    modules = {_dotted(path, package): path for path in package.rglob("*.py")}
    needs = {name: set(_needed(path, set(modules))) - {name} for name, path in modules.items()}
    try:
        graphlib.TopologicalSorter(needs).prepare()
    except graphlib.CycleError as found:
        return list(found.args[1])
    return []


def _dotted(path: Path, package: Path) -> str:
    return ".".join((package.name, *path.relative_to(package).with_suffix("").parts))


def _needed(path: Path, modules: set[str]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from modules.intersection(one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{one.name}" for one in node.names} & modules
            yield from names or {node.module} & modules


def test_modules_do_not_need_one_another_in_a_circle() -> None:
    assert circle(PACKAGE) == []


def test_a_circle_is_found_also_where_only_a_type_closes_it(tmp_path: Path) -> None:
    house = tmp_path / "house"
    house.mkdir()
    (house / "roof.py").write_text("from house import wall\n")
    (house / "wall.py").write_text("import house.floor\n")
    (house / "floor.py").write_text(
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from house.roof import Tile\n"
    )

    assert sorted(set(circle(house))) == ["house.floor", "house.roof", "house.wall"]
