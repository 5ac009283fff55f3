"""A field of the manifest that nothing reads is a promise without a keeper: it stands here until it is kept.

A read counts where a value is called by what it is (`source.priority`, `rocm.host`), and for names that only the
schema has, wherever they are read.
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import msgspec

from rocmswitch.model import source as sources
from rocmswitch.model import stack

PACKAGE = Path(stack.__file__).parents[1]
SCHEMA = ("model/source.py", "model/stack.py", "model/grammar.py", "metadata/manifest.py")
"""Where fields are declared and checked, which is not reading them."""
SHOWING = "cli/show.py"
"""Shows all that a manifest says, which keeps no promise."""
WORDS = {
    stack.Stack: {"stack"},
    stack.Rocm: {"rocm"},
    sources.Source: {"source"},
    sources.Key: {"key"},
    sources.Sets: {"sets"},
    stack.Pytorch: {"pytorch", "build", "entry"},
    stack.Glibc: {"glibc"},
    stack.Wheels: {"wheels"},
    stack.Gpu: {"gpu", "gpus", "known"},
}
"""What a value of each struct is called."""
BY_THE_PARSER = {"Stack.schema"}
"""There is one schema: the parser refuses any other, and nobody else has to ask."""

BY_NAME = {"Rocm.hip", "Rocm.rocblas", "Rocm.miopen"}
"""planning/release.py reads them by the names of their packages."""

PENDING: dict[str, str] = {}
"""Field -> the verb that will read it."""

Read = tuple[str, str]
"""What is read from, and the attribute."""


def reads(tree: ast.AST) -> set[Read]:
    """The attributes read in *tree*, not the methods called.

    `getattr(x.sets, name)` reads every set, whose names users type; an item of `stack.pytorch` is called that too.
    """
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = {
        (word(node.value), node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and id(node) not in called
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and word(node.func) == "getattr" and word(node.args[0]) == "sets":
            found |= {("sets", name) for name in sources.SET_NAMES}
        for target, source in loops(node):
            found |= {(word(source), attribute) for one, attribute in reads_of(node, word(target)) if one}
    return found


def loops(node: ast.AST) -> list[tuple[ast.expr, ast.expr]]:
    """What a loop or comprehension calls the items of what."""
    if isinstance(node, ast.For):
        return [(node.target, node.iter)]
    return [(one.target, one.iter) for one in getattr(node, "generators", [])]


def reads_of(tree: ast.AST, name: str) -> set[Read]:
    return {
        (name, node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
    }


def word(node: ast.expr) -> str:
    """The last word of an expression: `gpus` of `stack.gpus[target]`."""
    if isinstance(node, ast.Subscript):
        return word(node.value)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def trees() -> list[ast.Module]:
    passed_over = (*SCHEMA, SHOWING)
    files = sorted(
        file for file in PACKAGE.rglob("*.py") if file.relative_to(PACKAGE).as_posix() not in passed_over
    )
    return [ast.parse(file.read_text()) for file in files]


def declared(tree: ast.AST) -> set[str]:
    """Names that classes outside the schema have too."""
    return {
        line.target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for line in node.body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
    }


def given_out_by_properties() -> dict[str, set[str]]:
    """For each property of a struct the fields that it gives out: whoever reads it reads them."""
    tree = ast.parse((PACKAGE / SCHEMA[0]).read_text())
    return {
        node.name: {attribute for _, attribute in reads(node)}
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.decorator_list
    }


def unread() -> set[str]:
    """Fields that nothing outside the schema reads."""
    found = {read for tree in trees() for read in reads(tree)}
    anywhere = {attribute for _, attribute in found}
    fields = [(struct, field) for struct in WORDS for field in struct.__struct_fields__]
    counted = Counter(field for _, field in fields)
    elsewhere = {name for tree in trees() for name in declared(tree)}

    def is_read(struct: type[msgspec.Struct], field: str) -> bool:
        if counted[field] == 1 and field not in elsewhere and field in anywhere:
            return True
        names = {field} | {name for name, given in given_out_by_properties().items() if field in given}
        return any((one, name) in found for one in WORDS[struct] for name in names)

    return {f"{struct.__name__}.{field}" for struct, field in fields if not is_read(struct, field)}


def test_every_field_is_read_or_waits_for_a_named_verb():
    assert unread() - BY_THE_PARSER - BY_NAME == set(PENDING)


def test_every_struct_of_the_schema_is_looked_at():
    named = {**vars(sources), **vars(stack)}.values()
    structs = {one for one in named if isinstance(one, type) and issubclass(one, sources.Struct)}

    assert structs - {sources.Struct} == set(WORDS)


def test_items_of_a_list_are_called_like_the_list():
    assert ("pytorch", "python") in reads(ast.parse("[one.python for one in stack.pytorch]"))


def test_an_attribute_that_is_only_written_is_not_read():
    assert reads(ast.parse("gpu.written = stack.gpus[target].read")) == {("stack", "gpus"), ("gpus", "read")}


def test_choosing_sets_by_their_names_reads_them_all():
    assert {name for _, name in reads(ast.parse("getattr(rocm.sets, name)"))} == {"sets", *sources.SET_NAMES}


def test_calling_a_method_reads_no_field():
    assert reads(ast.parse("event.set()")) == set()
