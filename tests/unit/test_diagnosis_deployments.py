"""What doctor finds in the records of changes: each row alone."""

from __future__ import annotations

import pytest

from rocmswitch.model.finding import FAULT, NOTE, WARNING, Finding, Remedy
from rocmswitch.model.symptoms import ChangeSymptoms, LedgerSymptoms, Symptoms
from rocmswitch.planning.diagnosis import diagnose
from rocmswitch.planning.drift import DAMAGED, GONE, INTERRUPTED, MADE_ANEW, REPLACED
from tests.support.findings import short

AGAIN, FORGET = ("deploy", "--again", "3"), ("backup", "prune", "3")
BOTH = "run `rocmswitch deploy --again 3`, or `rocmswitch backup prune 3`"
LET_GO = "run `rocmswitch backup prune 3`"


def one_of(state: str, *remedies: tuple[str, ...], detail: str = "", verb: str = "deploy") -> Finding:
    change = ChangeSymptoms(3, verb, state, "demo", "/d/demo", ("torch/lib/x.so",), remedies, detail)
    (found,) = diagnose(Symptoms(ledger=LedgerSymptoms("/d/backups", changes=(change,))))
    return found


def test_an_interrupted_change_is_taken_back_by_history():
    (found,) = diagnose(Symptoms(ledger=LedgerSymptoms("/d/backups", interrupted=True)))

    assert short(found) == ("interrupted", FAULT, "run `rocmswitch history`")


def test_each_unreadable_record_is_a_fault_of_its_own():
    found = diagnose(Symptoms(ledger=LedgerSymptoms("/d/backups", unreadable=(3, 9))))

    assert [short(one)[:2] for one in found] == [("record:3", FAULT), ("record:9", FAULT)]
    assert found[0].remedy == Remedy(LET_GO, FORGET)


@pytest.mark.parametrize("state", [REPLACED, GONE, MADE_ANEW])
def test_a_lost_deployment_can_be_put_there_again_or_let_go(state: str):
    assert short(one_of(state, AGAIN, FORGET)) == ("deployment:3", WARNING, BOTH)


def test_what_was_deployed_into_an_environment_that_is_gone_is_only_worth_knowing():
    assert short(one_of(GONE, FORGET)) == ("deployment:3", NOTE, LET_GO)


def test_what_was_removed_and_is_installed_again_was_not_deployed():
    found = one_of(MADE_ANEW, FORGET, verb="remove")

    assert found.what == "`demo` is there again, after generation 3 had removed it"
    assert short(found) == ("deployment:3", NOTE, LET_GO)


@pytest.mark.parametrize("verb", ["default", "rebind"])
@pytest.mark.parametrize("state", [GONE, MADE_ANEW])
def test_another_change_that_is_not_as_it_was_left_is_called_what_it_is(verb: str, state: str):
    assert one_of(state, FORGET, verb=verb).what.startswith(f"what generation 3, `{verb}`, has changed of `demo`")


def test_what_stands_there_instead_is_told():
    why = one_of(REPLACED, AGAIN, FORGET, detail="what stood there before is back").why

    assert why.endswith("`torch/lib/x.so`; what stood there before is back")


def test_a_lost_original_is_a_fault_and_one_that_could_not_be_taken_back_a_warning():
    assert short(one_of(DAMAGED, FORGET)) == ("backup:3", FAULT, LET_GO)
    assert short(one_of(INTERRUPTED, FORGET)) == ("left-alone:3", WARNING, LET_GO)
