"""rpm's dependencies in words."""

from __future__ import annotations

import itertools

import pytest

from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata.richdependency import MAX_DEPTH, exclusions, parse_rich, requirements
from rocmswitch.model.package import Relation


def shown(clauses):
    return [" | ".join(map(str, one)) for one in clauses]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(a or b)", ["a | b"]),
        ("(a and b and c)", ["a", "b", "c"]),
        ("(a if b)", ["a | no b"]),
        ("(a if b else c)", ["a | no b", "c | b"]),
        ("(a unless b)", ["a", "no b"]),
        ("(a or (b and c))", ["a | b", "a | c"]),
        ("(a if (b or c))", ["a | no b", "a | no c"]),
        ("(a >= 1:2-3 or b < 2)", ["a (>= 1:2-3) | b (<< 2)"]),
        ("(libx.so.1(X_1)(64bit) if pkgconfig(x))", ["libx.so.1(X_1)(64bit) | no pkgconfig(x)"]),
        ("((a with b>=2) or c)", ["(a with b>=2) | c"]),
        ("(a without b)", ["(a without b)"]),
    ],
)
def test_a_dependency_in_words_becomes_lists_of_alternatives(text, expected):
    assert shown(requirements(text)) == expected


def test_a_conflict_in_words_becomes_what_must_not_be():
    assert shown(exclusions("(a and (b unless c))")) == ["no a | no b | c"]


TEXTS = [
    "(a if (b if c))",
    "(a if (b unless c) else d)",
    "((a or b) unless (c and d) else (a and e))",
    "((a if b) if (c if d))",
    "((a and b) or (c and d) or e)",
]


def _holds(term, there):
    if isinstance(term, Relation):
        return (term.name in there) is not term.absent
    values = [_holds(one, there) for one in term.operands]
    otherwise = term.otherwise is None or _holds(term.otherwise, there)
    if term.word == "if":
        return values[0] if values[1] else otherwise
    if term.word == "unless":
        other = term.otherwise is not None and otherwise
        return other if values[1] else values[0]
    return all(values) if term.word == "and" else any(values)


@pytest.mark.parametrize("text", TEXTS)
def test_the_alternatives_hold_exactly_where_the_words_do(text):
    sets = [set(one) for count in range(6) for one in itertools.combinations("abcde", count)]

    for there in sets:
        wanted = _holds(parse_rich(text), there)
        assert all(any(_holds(one, there) for one in clause) for clause in requirements(text)) is wanted
        assert all(any(_holds(one, there) for one in clause) for clause in exclusions(text)) is not wanted


@pytest.mark.parametrize(
    "text",
    [
        *(
            "(",
            "()",
            "(a",
            "(a or)",
            "(a or b",
            "(a or b) c",
            "(a xor b)",
            "(a or b and c)",
            "(a without b without c)",
        ),
        *("(a if b else)", "(a if b if c)", "((a if b) with c)", "((a and b) without c)", "(a else b)"),
        "(" * (MAX_DEPTH + 2) + "a" + " or b)" * (MAX_DEPTH + 2),
        "(" + " and ".join("x" * 80 for _ in range(300)) + ")",
        "(" + " or ".join("(a1 and b1)" for _ in range(40)) + ")",
    ],
)
def test_what_is_no_dependency_in_words_is_refused(text):
    with pytest.raises(VerificationFailed):
        requirements(text)
