"""Why a search among rpm packages came to nothing, in a sentence that names the chain that asked."""

from __future__ import annotations

from collections.abc import Mapping

from rocmswitch.model.package import Package
from rocmswitch.planning.rpmoffers import RpmOffers
from rocmswitch.planning.rpmrules import SAME, Rule, Rules
from rocmswitch.planning.selection import MANIFEST

Cause = Rule | int
"""Why a literal holds: by a rule, or by a package that excludes it; an empty rule where its opposite has failed."""


class Reasons:
    """What is known when a contradiction is met: *causes* of all that holds, by its literal."""

    def __init__(self, rules: Rules, offers: RpmOffers, causes: Mapping[int, Cause]) -> None:
        self._rules = rules
        self._offers = offers
        self._causes = causes

    def of(self, literal: int, cause: Cause) -> str:
        """Why *literal* cannot hold although *cause* wants it; of 0, why nothing fulfils *cause*, a rule."""
        if isinstance(cause, int):
            return self._beside(cause, abs(literal), self._asking(cause))
        return self._unfulfilled(cause, ())

    def _unfulfilled(self, rule: Rule, path: tuple[str, ...]) -> str:
        """*path* is the chain of who asks, where that is not what holds."""
        asker = -rule[0] if rule and rule[0] < 0 else 0
        chain = path or self._chain(asker)
        candidates = [one for one in rule if one > 0]
        if not candidates:
            return self._unprovided(rule, asker, chain)
        number = candidates[0]
        cause = self._causes.get(-number, ())
        if isinstance(cause, int):
            return self._beside(cause, number, chain)
        further = (*chain, self._package(number).name)
        if cause and cause[0] == -number and len(path) <= len(self._rules.packages):
            return self._unfulfilled(cause, further)
        return f"`{self._package(number)}` does not work beside the others, needed by {_shown(chain)}"

    def _unprovided(self, rule: Rule, asker: int, chain: tuple[str, ...]) -> str:
        package = self._package(asker)
        for dependency in package.depends:
            wanted = [one for one in dependency if not one.absent]
            if wanted and not any(self._offers.answering(one) for one in wanted):
                text = " | ".join(map(str, wanted))
                there = self._there(wanted[0].name) or self._offers.lacks(wanted[0])
                instead = f" ({there})" if there else ""
                return f"nothing provides `{text}`{instead}, needed by {_shown(chain)}"
        others = [-one for one in rule[1:]] or [asker]
        with_chain = f"`{self._package(others[0])}` ({_shown(self._chain(others[0]))})"
        return f"`{package}` does not work beside {with_chain}, needed by {_shown(chain)}"

    def _there(self, name: str) -> str:
        shown = dict.fromkeys(f"`{one}`" for one in self._offers.named(name))
        return f"there is {', '.join(shown)}" if shown else ""

    def _beside(self, present: int, number: int, chain: tuple[str, ...]) -> str:
        """Two that exclude each other: *present* is chosen, *number* is asked for by *chain*, or chosen too."""
        one, other = self._package(present), self._package(number)
        if number in self._causes and not self._is_asked(number, chain):
            chain = self._asking(number)
        verb, reverse = self._verb(present, number), self._verb(number, present)
        if SAME in (verb, reverse) and one.name == other.name:
            return f"`{one}` is there already ({_shown(self._chain(present))}), needed by {_shown(chain)}"
        if reverse:
            return f"`{other}` {reverse} `{one}` ({_shown(self._chain(present))}), needed by {_shown(chain)}"
        return f"`{one}` ({_shown(self._chain(present))}) {verb} `{other}`, needed by {_shown(chain)}"

    def _is_asked(self, number: int, chain: tuple[str, ...]) -> bool:
        return self._chain(number)[:-1] == chain

    def _verb(self, one: int, other: int) -> str:
        return self._rules.exclusions.get(one, {}).get(other, "")

    def _asking(self, number: int) -> tuple[str, ...]:
        return self._chain(number)[:-1] or (MANIFEST,)

    def _chain(self, number: int) -> tuple[str, ...]:
        """From the manifest to package *number*."""
        names: list[str] = []
        seen: set[int] = set()
        while number > 0 and number not in seen:
            seen.add(number)
            names.append(self._package(number).name)
            cause = self._causes.get(number, ())
            number = -cause[0] if not isinstance(cause, int) and cause else 0
        return (MANIFEST, *reversed(names))

    def _package(self, number: int) -> Package:
        return self._rules.package(number)


def _shown(chain: tuple[str, ...]) -> str:
    return " → ".join(chain)
