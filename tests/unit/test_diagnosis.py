"""What doctor finds in what was seen: each row alone, and how they are ordered."""

from __future__ import annotations

import pytest

from rocmswitch.model.finding import FAULT, NOTE, WARNING, Remedy
from rocmswitch.model.gpu import Gpu
from rocmswitch.model.leftover import LINES, Leftover, Line
from rocmswitch.model.symptoms import (
    Active,
    CardSymptoms,
    Hook,
    PlaceSymptoms,
    Setting,
    ShellSymptoms,
    Standing,
    Symptoms,
)
from rocmswitch.planning.diagnosis import ROWS, diagnose
from tests.support.findings import findings, one_of, short

STACK = "rocm-6.2.4"
NAVI10 = Gpu(1, "gfx1010", render_minor=128)
ACTIVE = Active("myproj", STACK, (("HSA_OVERRIDE_GFX_VERSION", "10.3.0"),))
ANOTHER = Active("other", STACK)
BASHRC = "/home/u/.bashrc"


def test_nothing_is_found_where_nothing_is_wrong():
    assert findings() == ()


def test_the_worst_comes_first_and_equals_keep_the_order_of_the_rows():
    found = findings(
        shell=ShellSymptoms(hook=Hook("bash", BASHRC, "absent"), foreign=(("LD_LIBRARY_PATH", "/opt/rocm/lib"),)),
        place=PlaceSymptoms(writable=("/d",), cache="/c", data="/d"),
    )

    assert [one.row for one in found] == ["writable", "foreign-path", "file-systems", "hook"]


def test_every_row_has_a_function_of_its_own():
    assert len({row.__name__ for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize(
    ("active", "standing", "found"),
    [
        (ANOTHER, Standing(STACK, "official"), [("override", FAULT)]),
        (ANOTHER, Standing(STACK, "community"), [("override", FAULT)]),
        (ANOTHER, Standing(STACK, "partial", overrides=True), []),
        (ANOTHER, Standing(STACK, "unknown"), [("unknown-card:rocm-6.2.4", NOTE)]),
        (ACTIVE, Standing(STACK, "official"), []),
        (None, Standing(STACK, "official"), [("override", WARNING)]),
        (None, Standing(STACK, "partial", overrides=True), []),
    ],
    ids=[
        "native",
        "community",
        "the stack overrides too",
        "unknown",
        "the stack set it",
        "outside",
        "outside, needed",
    ],
)
def test_an_override_is_a_fault_only_where_the_stack_has_code_of_its_own(
    active: Active | None, standing: Standing, found: list[tuple[str, str]]
):
    symptoms = Symptoms(
        ShellSymptoms(override="10.3.0", active=active),
        card=CardSymptoms((NAVI10,), "gfx1010", stacks=(standing,)),
    )

    assert [(one.id, one.severity) for one in diagnose(symptoms)] == found


def test_an_override_is_taken_away_as_the_shell_does_it():
    card = CardSymptoms(target="gfx1030", stacks=(Standing(STACK, "official"),))
    shell = ShellSymptoms(override="10.3.0", active=ANOTHER, hook=Hook("fish", "/rc", "current"))

    assert one_of(shell=shell, card=card).remedy == Remedy("run `set -e HSA_OVERRIDE_GFX_VERSION`")


def test_a_line_that_brings_another_rocm_in_is_shown_with_its_number():
    setting = Setting(BASHRC, 12, "LD_LIBRARY_PATH", "/opt/rocm/lib:$LD_LIBRARY_PATH", ("/opt/rocm/lib",))
    shell = ShellSymptoms((setting,), (("LD_LIBRARY_PATH", "/opt/rocm/lib"),), hook=Hook("zsh", "/rc", "current"))

    assert short(one_of(shell=shell)) == (
        f"foreign-path:{BASHRC}:12",
        WARNING,
        f"delete line 12 of `{BASHRC}`, and open a new terminal",
    )


@pytest.mark.parametrize(
    ("line", "is_told"), [(Line(12, "…"), True), (Line(11, "…"), False), (Line(12, "…", is_apart=False), False)]
)
def test_a_line_that_doctor_can_take_out_is_taken_out_by_fix(line: Line, is_told: bool):
    shell = ShellSymptoms((Setting(BASHRC, 12, "HSA_OVERRIDE_GFX_VERSION", "10.3.0"),))
    left = Leftover(BASHRC, LINES, "", is_in_effect=True, is_users=True, lines=(line,))

    (found,) = diagnose(Symptoms(shell, leftovers=(left,)))

    command = ("doctor", "--fix", f"leftovers:{BASHRC}:12") if is_told else ()
    text = f"delete line 12 of `{BASHRC}`, and open a new terminal"
    assert found.remedy == Remedy(text, command, automatic=is_told)


def test_what_no_file_explains_is_of_this_shell():
    shell = ShellSymptoms(foreign=(("LD_PRELOAD", "/x/libhsa-runtime64.so"),))

    assert short(one_of(shell=shell)) == ("foreign-path:LD_PRELOAD", WARNING, "run `unset LD_PRELOAD`")


@pytest.mark.parametrize(
    ("shell", "command"),
    [("bash", "export LD_LIBRARY_PATH='/my libs:/x'"), ("fish", "set -gx LD_LIBRARY_PATH '/my libs:/x'")],
)
def test_what_else_a_variable_holds_is_kept(shell: str, command: str):
    foreign, kept = (("LD_LIBRARY_PATH", "/opt/rocm/lib"),), (("LD_LIBRARY_PATH", "/my libs:/x"),)
    symptoms = ShellSymptoms(foreign=foreign, kept=kept, hook=Hook(shell, "/rc", "current"))

    assert one_of(shell=symptoms).remedy == Remedy(f"run `{command}`")


def test_another_rocm_inside_of_a_stack_is_a_fault_that_entering_again_mends():
    shell = ShellSymptoms(foreign=(("LD_LIBRARY_PATH", "/opt/rocm/lib"),), active=ACTIVE)

    assert short(one_of(shell=shell)) == (
        "foreign-path:LD_LIBRARY_PATH",
        FAULT,
        "run `rocmswitch use myproj`, which takes it out",
    )


@pytest.mark.parametrize(
    ("active", "value", "severity", "why"),
    [
        (None, "10.3.0", WARNING, "a stack sets what it needs when it is entered, and this stays when it is left"),
        (ANOTHER, "10.3.0", WARNING, "`other` does not need it"),
        (ACTIVE, "10.3.0", NOTE, "`myproj` sets the same by itself, other stacks do not"),
        (ACTIVE, "9.0.0", WARNING, "it contradicts `myproj`, which sets `10.3.0`"),
    ],
)
def test_a_global_variable_is_judged_by_what_the_active_stack_sets(
    active: Active | None, value: str, severity: str, why: str
):
    setting = Setting(BASHRC, 3, "HSA_OVERRIDE_GFX_VERSION", value)

    found = one_of(shell=ShellSymptoms((setting,), active=active))

    assert (found.severity, found.why) == (severity, f"`HSA_OVERRIDE_GFX_VERSION={value}`: {why}")
    assert found.where == f"{BASHRC}:3"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("/etc/profile.d/rocm.sh", "delete line 3 of `/etc/profile.d/rocm.sh` as root, and log in again"),
        ("/etc/environment", "delete line 3 of `/etc/environment` as root, and log in again"),
        ("/home/u/.config/fish/fish_variables", "run `set -eU HSA_ENABLE_SDMA` in fish"),
        (
            "/home/u/.config/environment.d/x.conf",
            "delete line 3 of `/home/u/.config/environment.d/x.conf`, and log in again",
        ),
        ("/home/u/.profile", "delete line 3 of `/home/u/.profile`, and log in again"),
        (BASHRC, f"delete line 3 of `{BASHRC}`, and open a new terminal"),
    ],
)
def test_the_remedy_fits_the_file(file: str, text: str):
    found = one_of(shell=ShellSymptoms((Setting(file, 3, "HSA_ENABLE_SDMA", "0"),)))

    assert found.remedy == Remedy(text)


@pytest.mark.parametrize(
    ("on_path", "what"),
    [
        ("", "`rocmswitch` is not on PATH"),
        ("/usr/bin/rocmswitch", "another `rocmswitch` hides this one"),
    ],
)
def test_a_shell_that_does_not_find_this_program_is_told(on_path: str, what: str):
    assert one_of(shell=ShellSymptoms(program="/home/u/bin/rocmswitch", on_path=on_path)).what == what


@pytest.mark.parametrize(
    ("shell", "remedy"),
    [
        (
            "zsh",
            "add `export PATH='/home/a u/bin':\"$PATH\"` to your shell's start-up file, and open a new terminal",
        ),
        ("fish", "run `fish_add_path '/home/a u/bin'`"),
    ],
)
def test_a_program_off_the_path_is_put_there_as_the_shell_does_it(shell: str, remedy: str):
    symptoms = ShellSymptoms(program="/home/a u/bin/rocmswitch", hook=Hook(shell, "/rc", "current"))

    assert one_of(shell=symptoms).remedy == Remedy(remedy)


@pytest.mark.parametrize(
    "shell",
    [
        ShellSymptoms(program="/x/rocmswitch", on_path="/x/rocmswitch"),
        ShellSymptoms(program="", on_path="/x/rocmswitch"),
        ShellSymptoms(hook=Hook("bash", BASHRC, "current")),
        ShellSymptoms(hook=Hook()),
    ],
    ids=["itself", "started as a module", "the hook is there", "a shell without a hook"],
)
def test_a_shell_where_all_is_well_is_not_mentioned(shell: ShellSymptoms):
    assert findings(shell=shell) == ()


@pytest.mark.parametrize(("state", "severity"), [("absent", NOTE), ("older", WARNING)])
def test_a_hook_that_is_not_this_versions_can_be_installed_for_the_user(state: str, severity: str):
    found = one_of(shell=ShellSymptoms(hook=Hook("zsh", "/home/u/.zshrc", state)))

    command = ("init", "zsh", "--install")
    assert found.severity == severity
    assert found.remedy == Remedy("run `rocmswitch init zsh --install`", command, automatic=True)


@pytest.mark.parametrize(
    ("variable", "remedy"),
    [
        ("ROCMSWITCH_ACTIVE", "run `rocmswitch use --off`"),
        ("ROCMSWITCH_STACK", "run `unset ROCMSWITCH_STACK`"),
    ],
)
def test_a_shell_in_what_was_removed_is_told_how_to_leave(variable: str, remedy: str):
    assert short(one_of(shell=ShellSymptoms(gone=(variable, "demo")))) == ("gone", WARNING, remedy)


def test_a_folder_that_others_may_change_is_closed_for_the_user():
    found = one_of(place=PlaceSymptoms(writable=("/home/u/my data",)))

    assert found.remedy == Remedy("run `chmod go-w '/home/u/my data'`", automatic=True)
    assert (found.severity, found.where) == (FAULT, "/home/u/my data")


def test_a_folder_of_another_user_is_taken_back_by_its_owner():
    found = one_of(place=PlaceSymptoms(strange=(("/home/u/my data", "1000"),)))

    assert found.remedy == Remedy("run `sudo chown -R 1000 '/home/u/my data'`")
    assert short(found)[:2] == ("owner:/home/u/my data", FAULT)


def test_a_pin_that_is_none_is_never_shown():
    found = one_of(place=PlaceSymptoms(pin="/p/.rocm-version", wrong_pin=True))

    assert (found.id, found.what) == ("pin", "`/p/.rocm-version` is not a valid pin and is ignored")


@pytest.mark.parametrize(
    ("missing", "command"),
    [(("6.2",), ("use", "6.2")), (("6.2", "demo"), ("use", "6.2", "--venv", "demo"))],
)
def test_a_pin_for_what_is_not_installed_names_the_command(missing: tuple[str, ...], command: tuple[str, ...]):
    found = one_of(place=PlaceSymptoms(pin="/p/.rocm-version", missing=missing))

    assert found.remedy == Remedy(f"run `rocmswitch {' '.join(command)}`", command)


def test_ids_tell_findings_of_one_row_apart():
    settings = (
        Setting(BASHRC, 3, "HSA_A", "1"),
        Setting(BASHRC, 3, "HSA_B", "1"),
        Setting(BASHRC, 4, "HSA_A", "1"),
    )

    found = findings(shell=ShellSymptoms(settings))

    assert len({one.id for one in found}) == 3 and {one.row for one in found} == {"global-variable"}
