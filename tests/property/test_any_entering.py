"""Whatever an environment holds and a stack sets: entering and leaving it is nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from rocmswitch.model.activation import ResolvedActivation
from rocmswitch.planning.leaving import entered, left

NAMES = ("PATH", "LIBRARY_PATH", "HIP_PLATFORM", "HSA_X", "LD_LIBRARY_PATH", "LD_PRELOAD", "PYTHONHOME")
VALUES = some.text(some.characters(codec=None, exclude_characters="\0"), max_size=12)
ENTRIES = some.sampled_from(("", "/a", "/b c", "/opt/rocm/lib", "/p/bin", "unset", "was:"))
LISTS = some.lists(ENTRIES, max_size=4).map(":".join)
ENVIRONMENTS = some.dictionaries(some.sampled_from(NAMES), VALUES | LISTS)
FOLDERS = some.lists(some.sampled_from(("/p/bin", "/p/lib", "/p")), min_size=1, max_size=2, unique=True).map(tuple)
ACTIVATIONS = some.builds(
    ResolvedActivation,
    variables=some.dictionaries(some.sampled_from(("HIP_PLATFORM", "HSA_X", "ROCMSWITCH_ACTIVE")), VALUES).map(
        lambda found: tuple(found.items())
    ),
    paths=some.dictionaries(some.sampled_from(("PATH", "LIBRARY_PATH")), FOLDERS).map(
        lambda found: tuple(found.items())
    ),
    unset=some.sampled_from(((), ("PYTHONHOME",))),
)


def is_foreign(entry: str) -> bool:
    return entry.startswith("/opt/rocm")


@given(ENVIRONMENTS, ACTIVATIONS)
def test_entering_and_leaving_is_nothing(environment: dict[str, str], activation: ResolvedActivation):
    assert left(entered(environment, activation, is_foreign)) == environment


@given(ENVIRONMENTS, ACTIVATIONS, ACTIVATIONS)
def test_what_was_entered_before_leaves_no_trace(
    environment: dict[str, str], first: ResolvedActivation, second: ResolvedActivation
):
    twice = entered(entered(environment, first, is_foreign), second, is_foreign)

    assert twice == entered(environment, second, is_foreign)


@given(ENVIRONMENTS, ACTIVATIONS, some.dictionaries(some.sampled_from(NAMES), some.just("the user's own")))
def test_what_was_changed_since_stays(
    environment: dict[str, str], activation: ResolvedActivation, changed: dict[str, str]
):
    after = left({**entered(environment, activation, is_foreign), **changed})

    assert after == {**environment, **changed}
