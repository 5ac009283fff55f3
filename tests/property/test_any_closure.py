"""What holds for every closure of any index: complete, free of conflicts, the same on every run."""

from __future__ import annotations

import itertools

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from rocmswitch.errors import UnresolvedDependency
from rocmswitch.metadata.deb import Stanza
from rocmswitch.model.package import Package, Relation
from rocmswitch.planning.closure import Closure, resolve_closure
from rocmswitch.planning.offers import provides
from tests.support.packages import index, package

NAMES = "abcdef"
VERSIONS = ("1", "2", "3")


@st.composite
def relations(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from([*NAMES, "virtual"]))
    bound = draw(st.sampled_from(["", "", "(>= 2)", "(= 1)", "(<< 3)", "(>> 2)"]))
    return f"{name} {bound}".strip()


@st.composite
def stanzas(draw: st.DrawFn, name: str, version: str) -> Stanza:
    groups = draw(st.lists(st.lists(relations(), min_size=1, max_size=3), max_size=3))
    fields = {"conflicts": draw(st.sampled_from(["", "", "", *NAMES])), "provides": ""}
    fields["provides"] = draw(st.sampled_from(["", "", "virtual", "virtual (= 2)"]))
    return package(name, version, ", ".join(" | ".join(group) for group in groups), **fields)


@st.composite
def archives(draw: st.DrawFn) -> list[Stanza]:
    there = draw(st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(VERSIONS)), min_size=1))
    return [draw(stanzas(name, version)) for name, version in sorted(there)]


def resolved(archive: list[Stanza], roots: tuple[str, ...]) -> Closure | None:
    try:
        return resolve_closure(roots, [(index(*archive), 500)])
    except UnresolvedDependency:
        return None


def satisfied(relation: Relation, packages: tuple[Package, ...]) -> bool:
    return any(provides(one, relation) for one in packages)


def is_consistent(packages: tuple[Package, ...]) -> bool:
    """By the definition of a closure, in the plainest way."""
    complete = all(
        any(satisfied(alternative, packages) for alternative in dependency)
        for one in packages
        for dependency in one.depends
    )
    clash = any(
        provides(other, bound)
        for one in packages
        for other in packages
        for bound in one.conflicts
        if other is not one
    )
    return complete and not clash


roots = st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True).map(tuple)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much]
)  # many have no closure
@given(archives(), roots)
def test_a_closure_is_complete_and_free_of_conflicts(archive, roots):
    found = resolved(archive, roots)
    assume(found is not None)

    assert is_consistent(found.packages)
    assert set(roots) <= {one.name for one in found.packages}
    assert len({one.name for one in found.packages}) == len(found.packages)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(archives(), roots)
def test_everything_in_a_closure_is_needed_by_something_in_it(archive, roots):
    found = resolved(archive, roots)
    assume(found is not None)

    assert found.reachable(found.roots).packages == found.packages
    assert set(found.needs) == {one.name for one in found.packages}


@settings(max_examples=60, deadline=None)
@given(archives(), roots, st.randoms(use_true_random=False))
def test_the_order_of_an_index_s_entries_does_not_matter(archive, roots, random):
    shuffled = list(archive)
    random.shuffle(shuffled)

    assert resolved(archive, roots) == resolved(shuffled, roots)


@settings(max_examples=30, deadline=None)
@given(archives(), st.sampled_from(NAMES))
def test_a_closure_is_found_wherever_there_is_one(archive, root):
    source = index(*archive)
    choices = [(None, *source.candidates(name)) for name in NAMES]
    selections = (tuple(filter(None, chosen)) for chosen in itertools.product(*choices))

    exists = any(root in {one.name for one in chosen} and is_consistent(chosen) for chosen in selections)

    assert (resolved(archive, (root,)) is not None) == exists
