"""Every hint that the program can give, read from its source: literals stand, what is filled in becomes `{}`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import rocmswitch

PACKAGE = Path(rocmswitch.__file__).parent
HOLE = "{}"


@dataclass(frozen=True, order=True)
class Hint:
    """`module` is a path below the package without `.py`: `store/trees`."""

    module: str
    template: str

    def matches(self, text: str) -> bool:
        pattern = ".+".join(re.escape(part) for part in self.template.split(HOLE))
        return re.fullmatch(pattern, text) is not None


def all_hints() -> frozenset[Hint]:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        module = path.relative_to(PACKAGE).with_suffix("").as_posix()
        source = _Source(ast.parse(path.read_text("utf-8")))
        found |= {Hint(module, template) for template in source.templates()}
    return frozenset(found)


class _Source:
    """One module."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        self._values: dict[str, list[ast.expr]] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self._values.setdefault(node.targets[0].id, []).append(node.value)

    def templates(self) -> Iterator[str]:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Call):
                for keyword in node.keywords:
                    if keyword.arg == "hint":
                        yield from self._texts(keyword.value)
            elif isinstance(node, ast.Assign) and self._is_hint(node.targets[0]):
                yield from self._texts(node.value)

    def _is_hint(self, target: ast.expr) -> bool:
        """`hint = …` and `error.hint = …`, but not the place in errors.py where the attribute is born."""
        if isinstance(target, ast.Attribute):
            return target.attr == "hint" and not (isinstance(target.value, ast.Name) and target.value.id == "self")
        return isinstance(target, ast.Name) and target.id == "hint"

    def _texts(self, node: ast.expr) -> Iterator[str]:
        if isinstance(node, ast.Constant):
            yield from [node.value] if isinstance(node.value, str) else []
        elif isinstance(node, ast.JoinedStr):
            yield "".join(self._part(part) for part in node.values)
        elif isinstance(node, ast.BoolOp):
            for value in node.values:
                yield from self._texts(value)
        elif isinstance(node, ast.IfExp):
            yield from self._texts(node.body)
            yield from self._texts(node.orelse)
        elif isinstance(node, ast.Name):
            for value in self._values.get(node.id, ()):
                yield from self._texts(value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            for inner in ast.walk(self._functions[node.func.id]):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    yield from self._texts(inner.value)
        else:
            # Another error's own hint, handed on.
            assert isinstance(node, ast.Attribute) and node.attr == "hint", ast.unparse(node)

    def _part(self, node: ast.expr) -> str:
        if isinstance(node, ast.Constant):
            return str(node.value)
        assert isinstance(node, ast.FormattedValue)
        known = self._values.get(node.value.id, []) if isinstance(node.value, ast.Name) else []
        literal = known[0] if len(known) == 1 else None
        return str(literal.value) if isinstance(literal, ast.Constant) else HOLE
