"""Which packages of an rpm repository are chosen: as dnf does it on an empty system without weak dependencies.

The order of decisions is that of libsolv's solver.c, because between several good answers it alone decides which
one comes out: what leaves no choice first; then a choice at a time, the best candidate first; at the end, a choice
is made again where one of its other candidates was chosen anyway. What a contradiction teaches is a new rule.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from rocmswitch.errors import UnresolvedDependency
from rocmswitch.planning.rpmoffers import RpmOffers
from rocmswitch.planning.rpmreasons import Cause, Reasons
from rocmswitch.planning.rpmrules import Rule, Rules

_Conflict = tuple[int, ...]
"""Literals that hold and cannot hold together; none where all is well."""

_RETRY_LIMIT = 500
"""Contradictions learnt from before the search ends without an answer."""


@dataclass
class _Branch:
    """A decision between several, for *rule*, made when `length` decisions had been made."""

    length: int
    rule: Rule
    others: list[int]
    """What was not taken."""


class Search:
    """One search makes one answer."""

    def __init__(self, rules: Rules, offers: RpmOffers) -> None:
        self._rules = rules
        self._offers = offers
        self._true: list[bool | None] = [None] * (len(rules.packages) + 1)
        self._level: list[int] = [0] * (len(rules.packages) + 1)
        """How many free decisions had been made when a package's was."""
        self._made: list[int] = []
        """Literals in the order in which they came to hold."""
        self._causes: dict[int, Cause] = {}
        self._failure = ""
        self._levels: list[int] = []
        """Where in `_made` each free decision is."""
        self._branches: list[_Branch] = []
        self._watching: dict[int, list[Rule]] = {}
        for rule in (*rules.needs, *rules.roots):
            for literal in rule:
                self._watching.setdefault(-literal, []).append(rule)
        self._retries = 0

    def run(self) -> list[int]:
        """The numbers of the packages chosen, in the order in which they were. Raises UnresolvedDependency."""
        for rule in (*self._rules.needs, *self._rules.roots):
            if len(rule) == 1:
                self._settle(self._hold(rule[0], rule))
        while True:
            if self._choose_roots() and self._choose_needs() and not self._choose_less():
                return [one for one in self._made if one > 0]

    def _choose_roots(self) -> bool:
        """Whether it went through without a contradiction."""
        for rule in self._rules.roots:
            open_ = self._open(rule)
            if open_ and not self._decide(open_, rule):
                return False
        return True

    def _choose_needs(self) -> bool:
        """Choices wait until nothing without a choice is left, and from the first one on no longer."""
        rules, at, passed, postponed = self._rules.needs, 0, 0, -1
        may_wait = True
        while True:
            if passed >= len(rules):
                if postponed < 0 or not may_wait:
                    return True
                at, passed, may_wait = postponed, 0, False
            at %= len(rules)
            open_ = self._open(rules[at])
            if open_ and may_wait and len(self._offers_of(open_, ordered=False)) > 1:
                postponed = at if postponed < 0 else postponed
            elif open_:
                if not self._decide(open_, rules[at]):
                    return False
                passed = -1
            at, passed = at + 1, passed + 1

    def _choose_less(self) -> bool:
        """Make an earlier choice again by what was chosen later anyway. Whether there was one."""
        for branch in self._branches:
            later = set(self._made[self._levels[branch.length] :])
            taken = next((one for one in branch.others if one in later), None)
            if taken is not None:
                self._revert(branch.length)
                self._branches.append(
                    _Branch(branch.length, branch.rule, [one for one in branch.others if one != taken])
                )
                self._settle(self._hold(taken, branch.rule, free=True))
                return True
        return False

    def _open(self, rule: Rule) -> list[int]:
        """The candidates of a rule that is not yet fulfilled; none where it is."""
        found = []
        for literal in rule:
            state = self._true[abs(literal)]
            if literal < 0:
                if state is not True:
                    return []
            elif state:
                return []
            elif state is None:
                found.append(literal)
        return found

    def _offers_of(self, numbers: list[int], *, ordered: bool = True) -> list[int]:
        by_identity = {id(self._rules.package(one)): one for one in numbers}
        packages = [self._rules.package(one) for one in sorted(numbers)]
        return [by_identity[id(one)] for one in self._offers.preferred(packages, ordered=ordered)]

    def _decide(self, numbers: list[int], rule: Rule) -> bool:
        """Choose the best of *numbers*. Whether that led to no contradiction."""
        best, *others = self._offers_of(numbers)
        if others:
            self._branches.append(_Branch(len(self._levels), rule, others))
        return self._settle(self._hold(best, rule, free=True))

    def _hold(self, literal: int, cause: Cause, *, free: bool = False) -> _Conflict:
        """Let *literal* hold, with all that follows, until something contradicts it."""
        if free:
            self._levels.append(len(self._made))
        waiting = deque([(literal, cause)])
        while waiting:
            one, why = waiting.popleft()
            state = self._true[abs(one)]
            if state is not None:
                if state is not (one > 0):
                    return self._contradicted(one, why)
                continue
            self._true[abs(one)] = one > 0
            self._level[abs(one)] = len(self._levels)
            self._causes[one] = why
            self._made.append(one)
            if one > 0:
                waiting.extend((-other, one) for other in self._rules.exclusions.get(one, ()))
            for rule in self._watching.get(one, ()):
                left = self._left(rule)
                if left is not None and not left:
                    return self._contradicted(0, rule)
                if left is not None and len(left) == 1:
                    waiting.append((left[0], rule))
        return ()

    def _contradicted(self, literal: int, cause: Cause) -> _Conflict:
        """What holds and cannot hold together. The first of all is what the user is told if there is no way."""
        self._failure = self._failure or Reasons(self._rules, self._offers, self._causes).of(literal, cause)
        return (cause, -literal) if isinstance(cause, int) else tuple(-one for one in cause)

    def _left(self, rule: Rule) -> list[int] | None:
        """What can still fulfil it; None where something does."""
        found = []
        for literal in rule:
            state = self._true[abs(literal)]
            if state is None:
                found.append(literal)
            elif state is (literal > 0):
                return None
        return found

    def _settle(self, conflict: _Conflict) -> bool:
        """Learn from *conflict* and go back to where that says something new. Whether there was none.

        Raises UnresolvedDependency where there is nothing to go back to.
        """
        well = not conflict
        while conflict:
            self._retries += 1
            level = max(self._level[abs(one)] for one in conflict)
            if not level or self._retries > _RETRY_LIMIT:
                raise UnresolvedDependency(self._failure)
            learnt = self._learn(conflict, level)
            self._revert(max((self._level[abs(one)] for one in learnt[1:]), default=0))
            for literal in learnt:
                self._watching.setdefault(-literal, []).append(learnt)
            conflict = self._hold(learnt[0], learnt)
        return well

    def _learn(self, conflict: _Conflict, level: int) -> Rule:
        """The rule that would have shown the conflict earlier: its first literal is the only one of *level*.

        Of all that led to it this is the last that all ways pass (the first unique implication point).
        """
        free = self._made[self._levels[level - 1]]
        seen = set(conflict)
        learnt = [-one for one in seen if 0 < self._level[abs(one)] < level]
        open_ = sum(self._level[abs(one)] == level for one in seen)
        for one in reversed(self._made):
            if one not in seen or self._level[abs(one)] != level:
                continue
            if open_ == 1 or one == free:
                return (-one, *dict.fromkeys(learnt))
            open_ -= 1
            for before in self._before(one):
                if before not in seen and self._level[abs(before)]:
                    seen.add(before)
                    if self._level[abs(before)] == level:
                        open_ += 1
                    else:
                        learnt.append(-before)
        raise AssertionError("a conflict has no beginning")

    def _before(self, literal: int) -> Rule:
        """What made *literal* hold."""
        cause = self._causes[literal]
        return (cause,) if isinstance(cause, int) else tuple(-one for one in cause if one != literal)

    def _revert(self, levels: int) -> None:
        """Forget all but the first *levels* free decisions, and what followed from the others."""
        if levels == len(self._levels):
            return
        for literal in self._made[self._levels[levels] :]:
            self._true[abs(literal)] = None
            del self._causes[literal]
        del self._made[self._levels[levels] :]
        del self._levels[levels:]
        self._branches = [one for one in self._branches if one.length < levels]
