"""Every remedy of doctor that is a command of ours is one that the program understands."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from rocmswitch.model.finding import Finding
from rocmswitch.model.gpu import Gpu
from rocmswitch.model.host import Missing
from rocmswitch.model.leftover import BACKUP, FILE, FOLDER, Leftover
from rocmswitch.model.symptoms import (
    Active,
    CardSymptoms,
    ChangeSymptoms,
    Clash,
    Copy,
    DeviceFile,
    Hook,
    LedgerSymptoms,
    PlaceSymptoms,
    Setting,
    ShellSymptoms,
    Standing,
    Symptoms,
    TreeSymptoms,
)
from rocmswitch.planning.diagnosis import ROWS
from tests.support.scenes import parses
from tests.support.sickframeworks import SICK
from tests.support.sickmachines import EVERYTHING as MACHINES
from tests.support.systems import K, bookworm, kernel_of, packaged, settled, truncated

CLASH = Clash("copies", "libamdhip64", (Copy("/a/libamdhip64.so", "DT_RPATH of /a/x.so"), Copy("/b", "LD_PRELOAD")))
TREE = TreeSymptoms("demo", "venv", "rocm-6.2.4", "/d/venvs/demo")
GONE = Missing("libstdc++-12-dev", "there is no `include/c++/*/vector` below /usr", can_be_carried=True)
BAD_TREES = (
    TreeSymptoms("mine", "prefix", "mine", "/d/prefixes/mine", linked="/opt/rocm-6.2.4"),
    TreeSymptoms("rocm-5.2.0", "prefix", place="/d/prefixes/rocm-5.2.0", damage="it is gone"),
    TreeSymptoms("broken", "venv", place="/d/venvs/broken", damage="it is gone"),
    replace(TREE, prefix="rocm-6.2.4"),
    *(TreeSymptoms(name, "prefix", "debian-5.2.3", missing=(GONE,)) for name in ("debian-5.2.3", "debian-5.2.3+x")),
    TreeSymptoms("rocm-6.2.4", "prefix", "rocm-6.2.4", missing=(replace(GONE, can_be_carried=False),)),
    replace(TREE, framework="torch", cannot_import="OSError"),
    replace(TREE, framework="torch", elsewhere="/x/torch/__init__.py"),
    replace(TREE, clashes=(CLASH,)),
    replace(TREE, clashes=(replace(CLASH, files=CLASH.files[:1]),), foreseen=(CLASH,)),
    replace(TREE, changes=(("version", "`torch` is another"), ("unprotected", "`pip.conf` is gone"))),
)
BAD_CARD = CardSymptoms(
    (Gpu(1, "gfx1010"), Gpu(2, "gfx1100")),
    "gfx1010",
    devices=(DeviceFile("/dev/kfd", False, False), DeviceFile("/dev/dri/renderD128", True, False, "render")),
    stacks=(
        Standing("rocm-6.2.4", "official", ("conv2d",), better="rocm-5.2.0"),
        Standing("rocm-5.4.0", "none", better="rocm-5.2.0"),
        Standing("rocm-5.7.1", "", better="rocm-5.2.0"),
    ),
)
WAYS = (("deploy", "--again", "1"), ("backup", "prune", "1"))
CHANGE = ChangeSymptoms(1, "deploy", "replaced", "myproj", "/d/venvs/myproj", ("torch/lib/libMIOpen.so",), WAYS)
BAD_CHANGES = (
    replace(CHANGE, detail="what stood there before is back"),
    *(replace(CHANGE, state=state) for state in ("gone", "made anew")),
    *(replace(CHANGE, state=state, remedies=WAYS[1:]) for state in ("gone", "damaged backup", "interrupted")),
)
BAD_SYSTEM = Symptoms(
    system=replace(bookworm(), kernels=(settled(kernel_of(K, packaged(truncated()))),)),
)
EVERYTHING = (
    *MACHINES,
    *SICK,
    BAD_SYSTEM,
    Symptoms(
        ShellSymptoms(
            (Setting("/rc", 1, "HSA_X", "1"), Setting("/rc", 2, "LD_LIBRARY_PATH", "/opt/rocm", ("/opt/rocm",))),
            (("LD_PRELOAD", "/x/libamdhip64.so"),),
            "10.3.0",
            Active("demo", "rocm-6.2.4"),
            Hook("bash", "/rc", "absent"),
            program="/x/rocmswitch",
            on_path="/y/rocmswitch",
        ),
        BAD_TREES,
        BAD_CARD,
        PlaceSymptoms(("/d",), (("/e", "1000"),), "/c", "/d", "/p/.rocm-version", wrong_pin=True),
    ),
    Symptoms(
        ShellSymptoms(hook=Hook("fish", "/rc", "older"), gone=("ROCMSWITCH_ACTIVE", "x"), program="/x/rocmswitch"),
        card=CardSymptoms(plugged=("0000:08:00.0",)),
        place=PlaceSymptoms(pin="/p/.rocm-version", missing=("6.2", "demo")),
    ),
    Symptoms(ShellSymptoms(gone=("ROCMSWITCH_STACK", "x")), card=CardSymptoms(hidden=1)),
    Symptoms(ledger=LedgerSymptoms("/d/backups", True, (3, 4), BAD_CHANGES)),
    Symptoms(
        leftovers=(
            Leftover("/etc/profile.d/rocm.sh", FILE, "it sets variables", is_in_effect=True),
            Leftover("/opt/rocm-5.4", FOLDER, "it holds a ROCm", too_large=True),
            Leftover("/x/libMIOpen.so.original", BACKUP, "the library was replaced", is_users=True),
        )
    ),
)


def findings() -> list[Finding]:
    return [finding for row in ROWS for symptoms in EVERYTHING for finding in row(symptoms)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.__name__)
def test_each_row_is_among_what_is_looked_at_here(row):  # type: ignore[no-untyped-def]
    assert any(list(row(symptoms)) for symptoms in EVERYTHING)


@pytest.mark.parametrize("finding", findings(), ids=lambda one: one.id)
def test_a_remedy_can_be_typed(finding: Finding):
    assert finding.remedy is not None
    commands = [one.split() for one in re.findall(r"`rocmswitch ([^`]+)`", finding.remedy.text)]
    for words in (*commands, *filter(None, [list(finding.remedy.command)])):
        parses(words)


@pytest.mark.parametrize("finding", findings(), ids=lambda one: one.id)
def test_a_finding_is_written_as_all_errors_are(finding: Finding):
    for text in (finding.what, finding.why, finding.remedy.text if finding.remedy else ""):
        assert text and not text.endswith(".") and text.count("`") % 2 == 0
