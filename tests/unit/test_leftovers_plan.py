"""What is said of leftovers, and which lines of a start-up file can go: without a machine."""

from __future__ import annotations

import pytest

from rocmswitch.model.finding import NOTE, WARNING
from rocmswitch.model.leftover import BACKUP, FILE, FOLDER, LINES, Leftover, Line
from rocmswitch.model.symptoms import Symptoms
from rocmswitch.planning.diagnosis import diagnose
from rocmswitch.planning.leftovers import is_alone, notes, remedy, removable, without_lines
from tests.support.findings import short

OVERRIDE = "export HSA_OVERRIDE_GFX_VERSION=10.3.0"


def without(text: str, *numbers: int) -> str:
    return without_lines(text, [Line(one, text.splitlines()[one - 1]) for one in numbers])


def remedy_of(one: Leftover) -> tuple[str, str, str]:
    (found,) = diagnose(Symptoms(leftovers=(one,)))
    return short(found)


def test_what_is_in_effect_is_a_warning_that_doctor_can_end():
    one = Leftover("/etc/profile.d/rocm.sh", FILE, "it sets variables", is_in_effect=True)

    assert remedy_of(one) == (
        "leftovers:/etc/profile.d/rocm.sh",
        WARNING,
        "run `rocmswitch doctor --fix leftovers:/etc/profile.d/rocm.sh`, which keeps it for `undo`",
    )


def test_what_only_lies_there_is_a_note():
    assert remedy_of(Leftover("/opt/rocm-patched", FOLDER, "it holds a ROCm", files=("opt/x",)))[1] == NOTE


def test_a_path_with_a_space_is_quoted_for_the_shell():
    assert "--fix 'leftovers:/opt/rocm old'" in remedy_of(Leftover("/opt/rocm old", FOLDER, "x"))[2]


def test_a_large_folder_is_renamed_by_hand():
    assert remedy_of(Leftover("/opt/rocm-5", FOLDER, "x", too_large=True))[2] == (
        "run `sudo mv /opt/rocm-5 /opt/unused-rocm-5`, and remove that folder when nothing misses it"
    )


def test_a_backup_in_the_users_own_packages_is_adopted():
    path = "/home/u/.local/lib/python3.12/site-packages/torch/lib/libMIOpen.so.original"

    assert remedy_of(Leftover(path, BACKUP, "x", is_users=True))[2] == (
        "run `rocmswitch deploy --adopt user`, then `rocmswitch restore user`"
    )


def test_a_backup_beside_a_packages_library_is_moved_back_by_hand():
    assert remedy_of(Leftover("/opt/rocm-6/lib/libMIOpen.so.1.backup", BACKUP, "x"))[2] == (
        "run `sudo mv /opt/rocm-6/lib/libMIOpen.so.1.backup /opt/rocm-6/lib/libMIOpen.so.1` "
        "to have back what stood there before"
    )


def test_lines_of_start_up_files_are_told_by_the_rows_about_variables_alone():
    assert (
        diagnose(Symptoms(leftovers=(Leftover("/home/u/.bashrc", LINES, "x", lines=(Line(1, OVERRIDE),)),))) == ()
    )


def test_only_what_a_recorded_change_takes_is_removable():
    many = (
        Leftover("/a", FILE, "x"),
        Leftover("/a", FOLDER, "x", odd="it holds a socket"),
        Leftover("/a", BACKUP, ""),
    )
    lines = Leftover("/a", LINES, "x", lines=(Line(1, OVERRIDE, is_apart=False),))

    assert [removable(one) for one in (*many, lines)] == [True, False, False, False]


@pytest.mark.parametrize(
    "text",
    [
        OVERRIDE,
        f"  {OVERRIDE}  # for the card",
        "HSA_ENABLE_SDMA=0",
        'export LD_LIBRARY_PATH="/opt/rocm/lib:$LD_LIBRARY_PATH"',
        "export LD_LIBRARY_PATH=/opt/rocm/lib:${LD_LIBRARY_PATH:-}",
        "export MIOPEN_X='a b; c'",
    ],
)
def test_a_line_that_only_sets_a_variable_can_go(text: str):
    assert is_alone(text, "")


@pytest.mark.parametrize(
    "text",
    [
        f"{OVERRIDE} PATH=/x:$PATH",
        f"{OVERRIDE}; source ~/.mine",
        f"[ -d /opt/rocm ] && {OVERRIDE}",
        f"{OVERRIDE} \\",
        "export HSA_X=$(rm -rf x)",
        "export HSA_X=`id`",
        "export HSA_X='a",
        f"if true; then {OVERRIDE}; fi",
        f"alias x='{OVERRIDE}'",
    ],
)
def test_a_line_that_does_anything_else_stays(text: str):
    assert not is_alone(text, "")


def test_the_rest_of_another_line_stays():
    assert not is_alone(OVERRIDE, "echo \\\n")


def test_a_line_goes_with_its_end():
    assert without(f"one\n{OVERRIDE}\ntwo\n", 2) == "one\ntwo\n"


def test_other_ends_of_lines_and_odd_bytes_stay():
    odd = b"\xff".decode("utf-8", "surrogateescape")

    assert without(f"one{odd}\r\n{OVERRIDE}\r\ntwo", 2) == f"one{odd}\r\ntwo"


@pytest.mark.parametrize("before", ["if true; then", "if true\nthen # so", "f() {", "while false; do", "true &&"])
def test_where_the_shell_expects_a_command_one_is_left_that_does_nothing(before: str):
    text = f"{before}\n{OVERRIDE}\n"

    assert without(text, len(text.splitlines())) == f"{before}\n:\n"


def test_an_indented_line_becomes_a_command_that_does_nothing():
    assert without(f"if true; then\n\t{OVERRIDE}\nfi\n", 2) == "if true; then\n\t:\nfi\n"


def test_a_file_that_has_changed_is_not_edited():
    with pytest.raises(ValueError, match="2"):
        without_lines(f"{OVERRIDE}\nanother\n", [Line(2, OVERRIDE)])


def test_a_recovery_names_a_few_and_leaves_settings_of_modules_to_itself():
    found = [
        Leftover("/etc/modprobe.d/amdgpu.conf", FILE, "x"),
        *(Leftover(f"/opt/rocm-{n}", FOLDER, "x") for n in "ab"),
    ]

    assert notes(found, "/mnt") == (
        "left of a ROCm installed by hand: `/opt/rocm-a`, `/opt/rocm-b`; see `rocmswitch doctor --sysroot /mnt`",
    )
    assert notes(found[:1], "/") == ()


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (
            Leftover("/opt/rocm-patched", FOLDER, "x", files=("opt/x",)),
            "leftovers:/opt/rocm-patched --sysroot /mnt`",
        ),
        (Leftover("/opt/rocm-5", FOLDER, "x", too_large=True), "sudo mv /mnt/opt/rocm-5 /mnt/opt/unused-rocm-5`"),
    ],
)
def test_what_another_system_has_left_goes_there_and_not_here(one: Leftover, said: str):
    assert said in remedy(one, "/mnt").text
