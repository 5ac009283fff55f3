"""rpm's dependencies in words, `(a or (b if c))`, as dependencies that each are a list of alternatives.

The grammar is rpm's docs/manual/boolean_dependencies.md. Every such text says something of which capabilities are
there, so it has a conjunctive form: a row of alternatives, some of which are that something is *not* there. That
form says the same; only `with` and `without` speak of one package, and stay as they are inside a name.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata.rpmversion import OPERATORS
from rocmswitch.model.package import Dependency, Relation

_MAX_LENGTH = 16 * 1024
"""Characters. Fedora's longest have fewer than 2,000."""
MAX_DEPTH = 32
_MAX_CLAUSES = 512
"""What one text may become; a hostile one could become 2 to the power of its length."""

_KEPT = 500
"""Texts whose meaning is kept: the longest takes a megabyte."""

_CHAINED = ("and", "or", "with")
"""Words that may stand several times in one pair of parentheses."""
_ONE_PACKAGE = ("with", "without")
_WORDS = (*_CHAINED, "without", "if", "unless")

_SPACE = re.compile(r"\s*")
_RELATION = re.compile(r"\s*(<=|>=|==|<|>|=)\s*([^\s(),]+)")


@dataclass(frozen=True)
class Rich:
    """One pair of parentheses. `otherwise` is what `else` says, of `if` and `unless`."""

    word: str
    operands: tuple[Term, ...]
    otherwise: Term | None = None
    text: str = ""


Term = Rich | Relation


@dataclass(frozen=True)
class _Logic:
    """The same in no words but `and` and `or`, with all denials at the leaves."""

    every: bool
    parts: tuple[_Part, ...]


_Part = _Logic | Relation


def is_rich(text: str) -> bool:
    return text.startswith("(")


@lru_cache(_KEPT)
def parse_rich(text: str) -> Rich:
    """What *text* says. Raises VerificationFailed."""
    return _parsed(text)


def names_in(text: str) -> Iterator[str]:
    """The names in *text*, whatever it says of them; not those of one package alone. Raises VerificationFailed."""
    terms: list[Term] = [_parsed(text)]
    while terms:
        term = terms.pop()
        if isinstance(term, Relation):
            yield term.name
        elif term.word not in _ONE_PACKAGE:
            terms += (*term.operands, *((term.otherwise,) if term.otherwise else ()))


def _parsed(text: str) -> Rich:
    if len(text) > _MAX_LENGTH:
        raise VerificationFailed(f"a dependency in the index is longer than {_MAX_LENGTH} characters")
    term, end = _Parser(text).term(0, 0)
    if isinstance(term, Relation) or text[end:].strip():
        raise VerificationFailed(f"`{text[:80]}` in the index is not a dependency in words")
    return term


def requirements(text: str) -> tuple[Dependency, ...]:
    """Dependencies that hold together exactly where *text* holds. Raises VerificationFailed."""
    return _clauses(_logic(parse_rich(text), wanted=True), text)


def exclusions(text: str) -> tuple[Dependency, ...]:
    """Dependencies that hold together exactly where *text* does not: what `Conflicts: (…)` means."""
    return _clauses(_logic(parse_rich(text), wanted=False), text)


def _clauses(part: _Part, text: str) -> tuple[Dependency, ...]:
    found: list[tuple[Dependency, ...]] = []
    if isinstance(part, Relation):
        return ((part,),)
    found = [_clauses(one, text) for one in part.parts]
    if part.every:
        together = tuple(dict.fromkeys(clause for clauses in found for clause in clauses))
    else:
        count = 1
        for clauses in found:
            count *= len(clauses)
            if count > _MAX_CLAUSES:
                raise _too_much(text)
        joined = (tuple(dict.fromkeys(itertools.chain(*choice))) for choice in itertools.product(*found))
        together = tuple(dict.fromkeys(joined))
    if len(together) > _MAX_CLAUSES:
        raise _too_much(text)
    return together


def _too_much(text: str) -> VerificationFailed:
    return VerificationFailed(f"`{text[:80]}…` in the index is too long-winded a dependency to be read")


def _logic(term: Term, *, wanted: bool) -> _Part:
    if isinstance(term, Relation):
        return Relation(term.name, term.operator, term.version, absent=not wanted)
    if term.word in _ONE_PACKAGE:
        return Relation(term.text, absent=not wanted)
    if term.word in ("and", "or"):
        every = (term.word == "and") == wanted
        return _Logic(every, tuple(_logic(one, wanted=wanted) for one in term.operands))
    return _conditional(term, wanted=wanted)


def _conditional(term: Rich, *, wanted: bool) -> _Part:
    """`a if b` is `a or no b`, `a unless b` is `a and no b`; `else` adds what holds in the other case."""
    main, condition = term.operands
    unless = term.word == "unless"
    every = unless == wanted
    first = _Logic(every, (_logic(main, wanted=wanted), _logic(condition, wanted=not wanted)))
    if term.otherwise is None:
        return first
    second = _Logic(every, (_logic(term.otherwise, wanted=wanted), _logic(condition, wanted=wanted)))
    return _Logic(not every, (first, second))


class _Parser:
    """Reads one text; positions are passed along."""

    def __init__(self, text: str) -> None:
        self._text = text

    def term(self, at: int, depth: int) -> tuple[Term, int]:
        """What stands at *at*, and where it ends."""
        at = self._skip(at)
        if depth > MAX_DEPTH:
            raise self._wrong()
        return self._rich(at, depth) if self._text.startswith("(", at) else self._relation(at)

    def _rich(self, start: int, depth: int) -> tuple[Rich, int]:
        first, at = self.term(start + 1, depth + 1)
        operands, words = [first], []
        while not self._text.startswith(")", at := self._skip(at)):
            word, at = self._name(at)
            operand, at = self.term(at, depth + 1)
            words.append(word)
            operands.append(operand)
        return self._made(words, operands, self._text[start : at + 1]), at + 1

    def _made(self, words: Sequence[str], operands: Sequence[Term], text: str) -> Rich:
        if len(words) == 2 and words[0] in ("if", "unless") and words[1] == "else":
            return Rich(words[0], tuple(operands[:2]), operands[2], text)
        chained = len(set(words)) == 1 and (len(words) == 1 or words[0] in _CHAINED)
        if not chained or words[0] not in _WORDS:
            raise self._wrong()
        if words[0] in _ONE_PACKAGE and not all(_of_one_package(one) for one in operands):
            raise self._wrong()
        return Rich(words[0], tuple(operands), None, text)

    def _relation(self, at: int) -> tuple[Relation, int]:
        name, at = self._name(at)
        bound = _RELATION.match(self._text, at)
        if not bound:
            return Relation(name), at
        return Relation(name, OPERATORS[bound[1]], bound[2]), bound.end()

    def _name(self, at: int) -> tuple[str, int]:
        """Up to a space, or to a parenthesis that none in the name opens: `libx.so.1(V)(64bit)`."""
        start = at = self._skip(at)
        opened = 0
        while at < len(self._text) and not self._text[at].isspace() and self._text[at] != ",":
            opened += (self._text[at] == "(") - (self._text[at] == ")")
            if opened < 0:
                break
            at += 1
        if at == start or at == len(self._text):
            raise self._wrong()
        return self._text[start:at], at

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return found.end() if found else at

    def _wrong(self) -> VerificationFailed:
        return VerificationFailed(f"`{self._text[:80]}` in the index is not a dependency in words")


def _of_one_package(term: Term) -> bool:
    """What may stand beside `with`: rpm allows alternatives there, but no conditions."""
    return isinstance(term, Relation) or (
        term.word in ("or", *_ONE_PACKAGE) and all(_of_one_package(one) for one in term.operands)
    )
