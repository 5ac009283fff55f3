"""What a deployment will do, computed from what was seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rocmswitch.errors import Refused
from rocmswitch.metadata.elf import ElfFacts
from rocmswitch.model.deployment import FILE, NewFile, Place, Replacement, Seen, Site
from rocmswitch.planning.deployment import DeploymentPlan, plan_deployment
from rocmswitch.planning.loader import Files, Search
from rocmswitch.planning.placing import Ground, Incoming, Placing, Target

PLACE = Place("foreign", "./env", "/env", "/env", 1, 2)
SITE = Site(PLACE, ("/env/site",), notes=("it is special",))
NOWHERE = Ground("EM_X86_64", "2.36", Files(lambda path: "", lambda path: None), Search())
LIBRARY = ElfFacts("EM_X86_64", "ET_DYN", 64, "libMIOpen.so.1")
OLD = Seen(FILE, 1, 7, 100)


def placing(file: str = "/home/u/libMIOpen.so", to: str = "torch/lib/libMIOpen.so") -> Placing:
    return Placing(Incoming(file, 120, LIBRARY), Target("/env/site", to, OLD, LIBRARY, frozenset({"libMIOpen.so"})))


def data(goes_as: str = "torch/lib/rocblas/library/x.dat", seen: Seen = OLD) -> Placing:
    new = Incoming("/home/u/x.dat", 50, None, goes_as, "it is no ELF file")
    return Placing(new, Target("/env/site", goes_as, seen))


def test_a_plan_says_what_it_replaces_writes_and_what_is_special_about_the_place():
    plan = plan_deployment(SITE, [placing(), data(seen=Seen())], NOWHERE, ["locks are local"])

    assert plan == DeploymentPlan(
        PLACE,
        (
            Replacement("/env/site", "torch/lib/libMIOpen.so", OLD, NewFile("/home/u/libMIOpen.so", 120)),
            Replacement("/env/site", "torch/lib/rocblas/library/x.dat", Seen(), NewFile("/home/u/x.dat", 50)),
        ),
        notes=("it is special", "locks are local"),
    )
    assert (plan.written, plan.sources) == (170, ("/home/u/libMIOpen.so", "/home/u/x.dat"))


def test_what_is_there_already_byte_for_byte_is_neither_written_nor_judged():
    same = placing()
    unfit = replace(LIBRARY, needed=("libnothing.so",))
    same = Placing(replace(same.incoming, facts=unfit), replace(same.target, holds_the_same=True))

    plan = plan_deployment(SITE, [same], NOWHERE)

    assert (plan.replacements, plan.problems, plan.unchanged) == ((), (), ("/env/site/torch/lib/libMIOpen.so",))


def test_problems_of_all_files_come_together():
    first, second = placing(), placing("/home/u/librocblas.so", "torch/lib/librocblas.so")
    unfit = [
        Placing(replace(one.incoming, facts=replace(LIBRARY, needed=("libx.so",))), one.target)
        for one in (first, second)
    ]

    assert [(one.kind, one.file) for one in plan_deployment(SITE, unfit, NOWHERE).problems] == [
        ("needed", "/home/u/libMIOpen.so"),
        ("needed", "/home/u/librocblas.so"),
    ]


def test_two_files_for_one_path_are_refused_by_name():
    with pytest.raises(Refused) as caught:
        plan_deployment(SITE, [placing(), placing("/tmp/libMIOpen.so")], NOWHERE)

    assert str(caught.value) == (
        "`/home/u/libMIOpen.so` and `/tmp/libMIOpen.so` would both become `/env/site/torch/lib/libMIOpen.so`"
    )


def test_data_never_takes_the_place_of_a_library():
    one = data("torch/lib/libMIOpen.so")

    with pytest.raises(Refused, match=r"^`/home/u/x.dat` is not a shared library: it is no ELF file$"):
        plan_deployment(SITE, [Placing(one.incoming, replace(one.target, facts=LIBRARY))], NOWHERE)


def test_data_never_gets_the_name_of_a_library():
    with pytest.raises(Refused, match="not a shared library"):
        plan_deployment(SITE, [data("torch/lib/libnew.so.1", Seen())], NOWHERE)


def test_a_library_never_takes_the_place_of_data():
    one = data()

    with pytest.raises(
        Refused, match=r"is a shared library, and `/env/site/torch/lib/rocblas/library/x\.dat` is none"
    ):
        plan_deployment(SITE, [Placing(placing().incoming, one.target)], NOWHERE)


def test_a_damaged_file_takes_no_place_at_all():
    one = data()
    cut = replace(one.incoming, flaw="it is cut short", is_damaged=True)

    with pytest.raises(Refused, match="it is cut short"):
        plan_deployment(SITE, [Placing(cut, one.target)], NOWHERE)


def test_a_file_that_is_given_twice_is_told_so():
    with pytest.raises(Refused, match=r"`/home/u/libMIOpen\.so` is given twice"):
        plan_deployment(SITE, [placing(), placing()], NOWHERE)


def test_the_plan_prints_as_json():
    assert plan_deployment(SITE, [placing()], NOWHERE).as_json() == {
        "verb": "deploy",
        "place": {"kind": "foreign", "name": "./env", "folder": "/env"},
        "files": [
            {
                "root": "/env/site",
                "path": "torch/lib/libMIOpen.so",
                "replaces": True,
                "old_size": 100,
                "source": "/home/u/libMIOpen.so",
                "size": 120,
            }
        ],
        "unchanged": [],
        "bytes_written": 120,
        "problems": [],
        "notes": ["it is special"],
    }
