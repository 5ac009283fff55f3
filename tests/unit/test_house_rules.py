"""What CONTRIBUTING.md says of the shape of code, as far as it can be counted."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST = 40
"""Lines of a function, its docstring among them."""


def too_long(source: str) -> list[str]:
    functions = (one for one in ast.walk(ast.parse(source)) if isinstance(one, ast.FunctionDef))
    return [one.name for one in functions if (one.end_lineno or 0) - one.lineno >= LONGEST]


def test_no_function_is_long():
    found = {str(path.relative_to(ROOT)): too_long(path.read_text()) for path in ROOT.glob("rocmswitch/**/*.py")}

    assert {path: names for path, names in found.items() if names} == {}


def test_a_function_that_is_long_is_found():
    assert too_long("def a():\n" + "    b()\n" * LONGEST + "def c():\n" + "    b()\n" * (LONGEST - 1)) == ["a"]


def test_each_file_of_tests_has_a_name_of_its_own():
    names = Counter(path.name for path in ROOT.glob("tests/**/test_*.py"))

    assert [name for name, count in names.items() if count > 1] == []
