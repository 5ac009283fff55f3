"""Whatever stacks there are and whatever the probe found: the order is total, and nothing worse changes it."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rocmswitch.model.probe import Report
from rocmswitch.model.recommendation import Recommendation
from rocmswitch.model.stack import Glibc, Gpu, Stack
from rocmswitch.planning.probing import groups, operations
from rocmswitch.planning.purposes import PURPOSES, is_tried_for
from rocmswitch.planning.recommend import recommend
from tests.support.recommending import build, machine, report, stack

CARD = "gfx1010"
WORDS = (*groups(), "torch", "float16", "triton", "rocrand")
GROUPS = [group for group in groups() if group != "tensors"]
SUPPORT = ["official", "community", "reported", "partial", "none", "unknown"]
HERE = machine(CARD)

purposes = st.sampled_from(["", *PURPOSES])
cards = st.builds(
    Gpu,
    support=st.sampled_from(SUPPORT),
    known_bad=st.lists(st.sampled_from(WORDS), max_size=4, unique=True).map(tuple),
    convolutions=st.sampled_from(["vendor", "fallback"]),
    environment=st.sampled_from([{}, {"HSA_OVERRIDE_GFX_VERSION": "10.3.0"}]),
)


@st.composite
def stacks(draw: st.DrawFn, name: str = "") -> Stack:
    version = f"{draw(st.integers(5, 9))}.{draw(st.integers(0, 9))}.{draw(st.integers(0, 9))}"
    vendor = draw(st.sampled_from(["rocm", "debian", "therock"]))
    builds = [
        build(f"2.{minor}.0", glibc=draw(st.sampled_from([Glibc(), Glibc(min="2.40")])))
        for minor in range(draw(st.integers(0, 2)))
    ]
    known = draw(st.none() | cards)
    unverified = draw(st.sampled_from([(), (f"gpus.{CARD}.support",), (f"gpus.{CARD}.profiles",)]))
    made = stack(name or f"{vendor}-{version}", *builds, unverified=unverified, **({CARD: known} if known else {}))
    return msgspec.structs.replace(made, rocm=msgspec.structs.replace(made.rocm, version=version))


several = st.lists(stacks(), min_size=1, max_size=6, unique_by=lambda one: one.name)


@st.composite
def reports(draw: st.DrawFn, one: Stack) -> Report:
    """A probe of its first build that fits."""
    torch = next((entry.torch for entry in one.pytorch if not entry.glibc.min), "2.0.0")
    tried = draw(st.lists(st.sampled_from(GROUPS), max_size=8, unique=True))
    bad = draw(st.lists(st.sampled_from(GROUPS), max_size=4, unique=True))
    around = draw(st.sampled_from(["vendor", "fallback"]))
    variables = tuple(one.gpus[CARD].environment.items()) if CARD in one.gpus else ()
    return report(one.name, torch, tried=tried, bad=bad, convolutions=around, environment=variables)


@settings(deadline=None)
@given(several, purposes, st.randoms(use_true_random=False))
def test_every_stack_appears_once_in_an_order_that_the_reading_does_not_decide(found, purpose, random):
    shuffled = list(found)
    random.shuffle(shuffled)

    ordered = recommend(found, HERE, purpose)

    assert sorted(one.stack for one in ordered) == sorted(one.name for one in found)
    assert recommend(shuffled, HERE, purpose) == ordered


@settings(deadline=None)
@given(several, stacks(name="rocm-1.0.0"), purposes, st.data())
def test_another_stack_changes_nothing_in_the_order_of_the_rest(found, another, purpose, data):
    seen = tuple(data.draw(reports(one)) for one in found[:2])
    before = recommend(found, HERE, purpose, seen)

    after = recommend([*found, another], HERE, purpose, seen)

    assert tuple(one for one in after if one.stack != another.name) == before


@settings(deadline=None)
@given(several, purposes, st.sampled_from(WORDS))
def test_a_worse_copy_of_the_first_stack_never_goes_first(found, purpose, word):
    best = recommend(found, HERE, purpose)[0].stack
    original = next(one for one in found if one.name == best)
    known = original.gpus.get(CARD)
    assume(known is not None)
    worse = Gpu(
        support=SUPPORT[max(SUPPORT.index(known.support), SUPPORT.index("partial"))],
        known_bad=tuple(dict.fromkeys((*known.known_bad, word))),
        convolutions=known.convolutions,
        environment=known.environment,
    )
    older = msgspec.structs.replace(original.rocm, version="1.0.0")
    copy = msgspec.structs.replace(original, name="zzz-1.0.0", rocm=older, gpus={CARD: worse})

    assert recommend([copy, *found], HERE, purpose)[0].stack == best


@settings(deadline=None)
@given(several, purposes, st.data())
def test_a_confirmed_stack_never_ranks_below_itself_unconfirmed(found, purpose, data):
    chosen = data.draw(st.sampled_from(found))
    seen = data.draw(reports(chosen))
    failing = [one for one in seen.failing if is_tried_for(one.operation, purpose)]
    asked = tuple(one for one in seen.outcomes if one not in failing)
    before = recommend(found, HERE, purpose)

    after = recommend(found, HERE, purpose, (replace(seen, outcomes=asked),))

    confirmed = next(one for one in after if one.stack == chosen.name)
    assume(any(reason.endswith("nothing failed") for reason in confirmed.reasons))
    assert place(chosen, after) <= place(chosen, before)


@settings(deadline=None)
@given(several, purposes, st.data())
def test_a_refuted_stack_never_ranks_above_itself_without_the_probe(found, purpose, data):
    chosen = data.draw(st.sampled_from(found))
    failing = data.draw(st.sampled_from(operations()))
    assume(is_tried_for(failing, purpose))
    seen = data.draw(reports(chosen))
    only = tuple(replace(one, result="hang") for one in seen.outcomes if one.operation.group == failing.group)
    before = recommend(found, HERE, purpose)

    after = recommend(found, HERE, purpose, (replace(seen, outcomes=only),))

    assert place(chosen, after) >= place(chosen, before)


def place(stack: Stack, ordered: tuple[Recommendation, ...]) -> int:
    return next(number for number, one in enumerate(ordered) if one.stack == stack.name)
